"""`sharptune run` and `retry` as people use them, on trials that take no time: what they print, their exit codes."""

import dataclasses
import os
import signal
from pathlib import Path

import fakes
import pytest
from command_line import CHAINS, rows

from orchestrator.cli.main import invoke
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


@pytest.mark.parametrize(
    ("signals", "end"),
    [
        (["INT"], "saved"),
        (["TERM"], "saved"),
        (["HUP"], "saved"),  # a line that drops
        (["USR1"], "saved"),  # Slurm, before time is up
        (["USR2"], "saved"),
        (["HUP", "HUP"], "saved"),
        (["USR1", "TERM"], "saved"),  # Slurm, when it is
        (["USR1", "TERM", "INT"], "at once"),
        (["INT", "INT"], "at once"),
    ],
)
def test_a_signal_asks_to_save_and_only_a_person_or_a_second_sigterm_hurries(run, monkeypatch, signals, end):
    left = [getattr(signal, f"SIG{name}") for name in signals]

    def interrupted(seconds):
        while left:
            os.kill(os.getpid(), left.pop(0))

    monkeypatch.setattr(fakes, "work", interrupted)
    stopped, again = run(), run()

    assert stopped.code == 130
    assert ("The same command goes on from here." in stopped.out) is (end == "saved")
    assert ("resumes after epoch 0, step 1" in again.out) is (end == "saved")
    assert again.code == 0


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


def test_trials_that_ask_for_gpus_that_are_not_here_are_refused_before_any_work(chains, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    catalog = {"chain": dataclasses.replace(fakes.CHAIN, lacking="trainables.loops.devices:lacking")}
    asked = ["--set", "stages.root.resources.gpus=0.5", "--set", "stages.child.resources.gpus=1"]

    code = invoke(["run", "chains.yaml", "--runner", "local", *asked], catalog=catalog)

    assert code == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert sentence.startswith("error: the trial's resources say gpus: 0.5, and PyTorch sees no GPU on ")
    remedy = "--set stages.root.resources.gpus=0 --set stages.child.resources.gpus=0"
    assert sentence.endswith(f"gpus=0 runs it on the CPU: {remedy}")
    assert not Path("runs").exists()
    assert invoke(["run", "chains.yaml", "--runner", "local", *asked, *remedy.split()], catalog=catalog) == 0


def test_a_failed_trial_is_not_run_again_until_retry(sharptune, chains, run, monkeypatch):
    bad = ["--set", "stages.root.config.raise_at=2"]
    run(*bad)
    again = run(*bad)
    assert again.code == 1
    assert "starts" not in again.out

    shown = sharptune("retry", "chains.yaml", *bad)
    assert shown.code == 0
    assert shown.out.count("will run again; its row is kept as row.json.failed-1") == 2

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


@pytest.mark.parametrize("harm", ["missing", "another's"])
def test_retry_takes_a_trial_that_is_done_but_has_lost_its_files(sharptune, run, harm):
    run()
    ledger = Ledger(open_storage("runs"))
    trial_id, row = next(iter(ledger.rows().items()))
    before, folder = rows(), ledger.folder(trial_id)
    path = f"{folder.path}/{row.files['predictions.npz']['path']}"
    if harm == "missing":
        folder.storage.delete(path)
    else:
        folder.storage.write(path, b"something else")

    result = sharptune("retry", trial_id)
    again = run()

    why = "its predictions.npz is missing" if harm == "missing" else f"{path} is not the file its row was written with"
    assert f"trial {trial_id} is done, but {why}; it is computed anew" in result.err
    assert result.out == f"{trial_id} will run again; its row is kept as row.json.damaged-1\n"
    assert (again.code, rows()) == (0, before)
    assert not folder.damage(folder.read_row())


def test_a_stage_may_keep_the_checkpoints_of_what_is_done(chains, run):
    run()
    before = rows()
    assert not list(chains.parent.glob("runs/trials/*/checkpoints/*"))

    run("--set", "stages.root.keep_checkpoints=true", "--storage", "kept")

    assert rows("kept") == before  # the same trials
    assert len(list(chains.parent.glob("kept/trials/*/checkpoints/*"))) == 4


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


def test_a_node_can_only_be_excluded_from_a_cluster(sharptune, chains):
    result = sharptune("run", "chains.yaml", "--exclude-node", "gpu7")

    assert result.code == 2
    assert "--exclude-node goes with --address" in result.err
