"""`sharptune plan`, `status` and `logs`: what will run and what happened; none of them runs anything."""

from pathlib import Path

import fakes
import pytest
from command_line import Result, planned

from orchestrator.cli.main import invoke
from trainables.execution.attempt import execute
from trainables.execution.job import Job
from trainables.record.claims import Process
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder


def states(result: Result) -> dict[str, str]:
    return {trial["id"]: trial["state"] for trial in result.json["trials"]}


def job(trial, storage: str = "runs", driver: str = "another") -> Job:
    return Job(
        spec=trial.spec,
        trainable=fakes.CHAIN,
        storage=str(Path(storage).absolute()),
        driver=driver,
        driver_process=Process.current(),
    )


def test_plan_names_every_trial_and_runs_nothing(sharptune):
    result = sharptune("plan", "chains.yaml")

    assert result.code == 0
    assert result.out.count("never started") == 6
    assert "root: 2 trials, each on 1 CPU" in result.out
    assert not Path("runs").exists()


def test_plan_as_json_is_what_the_design_promises(sharptune, chains):
    data = sharptune("plan", "chains.yaml", "--json").json

    assert set(data) == {"experiment", "trials", "counts", "forecast"}
    assert data["counts"] == {"done": 0, "running": 0, "resumable": 0, "new": 6, "failed": 0, "blocked": 0}
    promised = {"id", "stage", "label", "parents", "config", "resources", "state", "reason"}
    assert promised <= set(data["trials"][0])
    roots = [trial["id"] for trial in data["trials"] if trial["stage"] == "root"]
    assert [t["parents"] for t in data["trials"] if t["stage"] == "child"] == [[r] for r in roots for _ in range(2)]
    assert [trial["id"] for trial in data["trials"]] == [trial.trial_id for trial in planned(chains)]
    assert data["trials"][0]["resources"] == {"gpus": 0, "cpus": 1}


def test_plan_shows_what_a_stage_asks_of_its_node(sharptune, chains):
    asked = "stages.root.resources={gpus: 1, memory: 16GB, accelerator: A100, custom: {slot: 2}, labels: {zone: '!a'}}"

    shown = sharptune("plan", "chains.yaml", "--set", asked)
    data = sharptune("plan", "chains.yaml", "--set", asked, "--json").json

    assert "each on 1 CPU and 1 GPU of type A100, 16 GB of memory, 2 slot, where zone is !a" in shown.out
    assert data["trials"][0]["resources"] == {
        "gpus": 1,
        "cpus": 1,
        "memory": 16 * 10**9,
        "accelerator": "A100",
        "custom": {"slot": 2},
        "labels": {"zone": "!a"},
    }


def test_plan_says_of_each_trial_why_it_will_run_or_not(sharptune, chains):
    first, second, *children = planned(chains)
    list(execute(job(first), should_stop=lambda: False))
    stops = iter([False, False, False, True, True])
    list(execute(job(second), should_stop=lambda: next(stops)))
    claim = TrialFolder(open_storage("runs"), children[0].trial_id).claims.acquire(
        driver="another", driver_process=Process.current()
    )

    result = sharptune("plan", "chains.yaml", "--json")

    assert states(result) == {
        first.trial_id: "done",
        second.trial_id: "resumable",
        children[0].trial_id: "running",
        **{child.trial_id: "new" for child in children[1:]},
    }
    reasons = {trial["id"]: trial["reason"] for trial in result.json["trials"]}
    assert reasons[second.trial_id] == "interrupted after epoch 1"
    assert f"process {claim.worker_process.pid}" in reasons[children[0].trial_id]


def test_the_status_of_a_storage_needs_no_experiment(sharptune, run):
    run()

    result = sharptune("status", "--json")

    assert result.code == 0
    assert result.json["counts"]["done"] == len(result.json["trials"]) == 6
    assert {"id", "state", "reason", "trainable"} <= set(result.json["trials"][0])
    plan = sharptune("plan", "chains.yaml", "--json").json
    assert sharptune("status", "chains.yaml", "--json").json == {**plan, "drivers": []}


def test_logs_show_what_happened(sharptune, chains, run):
    run()
    trial = planned(chains)[0].trial_id

    result = sharptune("logs", trial[:8])

    assert result.code == 0
    assert "epoch 1: error=" in result.out
    assert "done: error=" in result.out.splitlines()[-1]
    assert sharptune("logs", trial, "--follow").out == result.out


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("plan", "--json"), 0),
        (("status", "--json"), 0),
        (("table", "--json"), 0),
        (("run", "--dry-run"), 0),
        (("run", "--runner", "local"), 2),
    ],
)
def test_only_a_run_asks_whether_a_large_grid_is_meant(sharptune, chains, command, code):
    chains.write_text(chains.read_text().replace("seed: [0, 1]", f"seed: {list(range(334))}"))
    name, *options = command
    chains.with_name("runs").mkdir()

    result = sharptune(name, "chains.yaml", *options)

    assert result.code == code, result.err
    assert ("this makes 1002 trials, more than 1000; --max-trials 1002 allows them if meant" in result.err) == bool(
        code
    )


def test_nor_does_a_figure(tmp_path, capsys):
    seeds = f"stages.train.grid.seed={list(range(1001))}"

    code = invoke(["figure", "figure4_toy", "--json", "--set", seeds, "--storage", str(tmp_path)])

    assert code == 0, capsys.readouterr().err


DATA = """\
experiment: x
stages:
  train: {trainable: train, config: {genotype: DARTS, dataset: DATASET}}
tables:
  - {name: t, stage: train, columns: [test_error, cifar10_1_error_best]}
"""


@pytest.mark.parametrize("command", [("plan",), ("plan", "--json"), ("run", "--dry-run")])
def test_data_that_this_machine_lacks_is_told_before_anything_runs(tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))
    Path("x.yaml").write_text(DATA.replace("DATASET", "cifar10"))

    assert invoke([command[0], "x.yaml", *command[1:]]) == 0
    missing, unmeasured = capsys.readouterr().err.splitlines()
    assert missing == "note: dataset cifar10 is not on this machine; run: sharptune data fetch cifar10"
    assert unmeasured.startswith("note: cifar10_1_error_best will not be measured: dataset cifar10_1 is not on this")


def test_of_data_that_comes_with_the_package_nothing_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))
    Path("x.yaml").write_text(DATA.replace("DATASET", "cifar10-mini").replace(", cifar10_1_error_best", ""))

    assert (invoke(["plan", "x.yaml"]), capsys.readouterr().err) == (0, "")
