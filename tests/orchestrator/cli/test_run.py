"""`sharptune run` and `retry` as people use them, on trials that take no time: what they print, their exit codes."""

from pathlib import Path

import fakes
from command_line import CHAINS, rows

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage


def test_a_run_ends_with_all_done_and_its_table(run):
    result = run()

    assert (result.code, result.err) == (0, "")
    assert "chains: all 6 trials are done" in result.out
    assert "n=2" in result.out


def test_a_second_run_runs_nothing_and_prints_the_same_table(run):
    first, before = run(), rows()
    second = run()

    assert second.code == 0
    assert second.out.startswith("chains: all 6 trials are done")
    assert "starts" not in second.out
    assert second.out.split("\n\n")[1:] == first.out.split("\n\n")[1:]
    assert rows() == before


def test_a_failed_trial_is_named_and_what_needs_it_is_blocked(sharptune, run):
    result = run("--set", "stages.root.config.nan_at=2")
    failed = [line.split()[1] for line in result.out.splitlines() if line.startswith("failed: ")]

    assert result.code == 1
    assert len(failed) == 2
    assert "chains: 6 trials; 2 failed, 4 blocked" in result.out
    assert "loss is nan in epoch 2, step 1" in result.out

    status = sharptune("status", "chains.yaml", "--set", "stages.root.config.nan_at=2")
    assert status.code == 1
    assert status.out.count(f"blocked    needs trial {failed[0]}, which failed") == 2


def test_a_failed_trial_is_not_run_again_until_retry(sharptune, chains, run, monkeypatch):
    bad = ["--set", "stages.root.config.raise_at=2"]
    run(*bad)
    again = run(*bad)
    assert again.code == 1
    assert "starts" not in again.out

    shown = sharptune("retry", "chains.yaml", *bad)
    assert shown.code == 0
    assert shown.out.count("will run again; its failed row is kept as row.json.failed-1") == 2

    monkeypatch.setattr(fakes.ChainRun, "_misbehave", lambda self: None)  # the world is well again
    fixed = run(*bad)
    assert fixed.code == 0
    assert "chains: all 6 trials are done" in fixed.out
    assert "resumes after epoch 1, step 0" in fixed.out


def test_after_a_retry_status_still_tells_why_it_failed_before(sharptune, chains, run):
    bad = ["--set", "stages.root.config.raise_at=2"]
    run(*bad)
    sharptune("retry", "chains.yaml", *bad)

    why = "it failed before: ValueError: no good in epoch 2"
    assert sharptune("status", "chains.yaml", *bad).out.count(f"resumable  interrupted after epoch 1; {why}\n") == 2

    run(*bad)
    sharptune("retry", "chains.yaml", *bad)
    assert (
        sharptune("status").out.count("it failed 2 times before, the last time: ValueError: no good in epoch 2\n") == 2
    )
    failed = next(iter(Path("runs/trials").iterdir())).name
    assert sharptune("logs", failed).out.count("failed: ValueError: no good in epoch 2\n") == 2


def test_trying_again_is_advised_only_where_it_may_help(sharptune, run):
    nan, raises = (["--set", f"stages.root.config.{what}_at=1"] for what in ("nan", "raise"))

    same, other = run(*nan), run(*raises)

    assert "would fail again in the same way: change their settings." in same.out
    assert "sharptune retry" not in same.out
    assert "Run them again: sharptune retry TRIAL" in other.out
    assert "same way" not in other.out
    assert sharptune("retry", "chains.yaml", *nan).err.count("will fail in the same way") == 2
    assert sharptune("retry", "chains.yaml", *raises).err == ""


def test_of_several_failures_those_that_would_come_again_are_counted(sharptune, run, chains):
    how = "grid: {how: [{label: a, nan_at: 1}, {label: b, raise_at: 1}]}"
    chains.write_text(CHAINS.replace("grid: {seed: [0, 1]}", how, 1).replace("rows: [width]", "rows: [width, how]"))

    result = run()

    assert (
        "1 of them would fail again in the same way: change their settings. "
        "Run the others again: sharptune retry TRIAL, then run." in result.out
    )


def test_retry_takes_the_beginning_of_an_id(sharptune, run):
    run("--set", "stages.root.config.raise_at=1")
    failed = next(trial for trial, row in Ledger(open_storage("runs")).rows().items() if row.state == "failed")

    result = sharptune("retry", failed[:6])

    assert (result.code, result.out.split()[0]) == (0, failed)


def test_growing_the_experiment_runs_only_what_is_new(chains, run):
    run()
    before = rows()
    chains.write_text(CHAINS.replace("width: [1, 2]", "width: [1, 2, 3]"))

    result = run()

    assert result.code == 0
    assert "chains: 8 trials; 6 done, 2 new" in result.out
    assert result.out.count("  starts") == 2
    after = rows()
    assert len(after) == 8
    assert {trial: after[trial] for trial in before} == before


def test_two_experiments_share_the_trials_they_have_in_common(chains, sharptune, run):
    run()
    other = chains.with_name("other.yaml")
    other.write_text(CHAINS.replace("experiment: chains", "experiment: other").replace("  root:", "  base:", 1))
    text = other.read_text().replace("needs: root", "needs: base").replace("${root.", "${base.")
    other.write_text(text.replace("width: [1, 2]", "width: [2, 4]"))

    result = sharptune("run", "other.yaml", "--runner", "local")

    assert "other: 6 trials; 4 done, 2 new" in result.out
    assert result.out.count("  starts") == 2
    assert len(rows()) == 8


def test_run_as_json_prints_json_only(run):
    result = run("--json")

    assert result.json["counts"]["done"] == 6
    assert "done" in result.err


def test_a_dry_run_leaves_no_trace(run):
    result = run("--dry-run")

    assert result.code == 0
    assert result.out.count("would run") == 6
    assert not Path("runs").exists()
