"""`sharptune status`: where trials stand, also those whose processes cannot be asked, and storages without any."""

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import planned

from orchestrator import load_rows
from orchestrator.ledger import Ledger
from trainables.record.claims import Claim, Process
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder, seal

ELSEWHERE = Process(host="node3", boot="other", pid=7, started="1")


@pytest.fixture
def claimed(chains) -> Callable[..., Path]:
    """Let a worker claim the first trial of the experiment; return the file of its claim."""

    def claim(*, worker: Process, driver: Process) -> Path:
        spec = planned(chains)[0].spec
        folder = TrialFolder(open_storage("runs"), spec.trial_id)
        folder.write_spec(spec)
        got = dataclasses.replace(
            folder.claims.acquire(driver="a", driver_process=driver), worker_process=worker, driver_process=driver
        )
        path = Path(f"runs/{folder.path}/claims/0001.json")
        path.write_text(got.to_json())
        return path

    return claim


@pytest.fixture
def dead() -> Process:
    """A process of this machine that is gone."""
    return dataclasses.replace(Process.current(), pid=2**22 + 1, started="1")


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_of_a_process_on_another_machine_status_says_since_when_nothing_was_heard(sharptune, claimed):
    path = claimed(worker=ELSEWHERE, driver=ELSEWHERE)
    age(path, 4 * 3600)
    assert "process 7 on node3 works on it; nothing was heard of it for 4 h 00 min" in sharptune("status").out

    beat = path.with_name(f"{Claim.from_json(path.read_bytes()).attempt}.beat")
    beat.write_text("9")
    age(beat, 3 * 3600 + 300)
    (line,) = [line for line in sharptune("status", "chains.yaml").out.splitlines() if " running " in line]
    assert line.endswith("nothing was heard of it for 3 h 05 min: if it is gone, run goes on from there")

    age(beat, 10)
    assert sharptune("status", "chains.yaml").out.count("works on it\n") == 1


def test_a_process_that_was_killed_here_is_not_said_to_work(sharptune, claimed, dead):
    claimed(worker=dead, driver=Process.current())

    out = sharptune("status").out

    assert f"its process {dead.pid} died; the run in process {os.getpid()} on" in out
    assert "works on it" not in out


def test_when_the_run_is_killed_with_it_the_trial_is_free_at_once(sharptune, claimed, dead):
    claimed(worker=dead, driver=dead)

    assert "new        never finished an epoch" in sharptune("status").out


def test_trials_of_a_storage_are_called_as_the_experiment_calls_them_that_ran_them(sharptune, run, chains):
    run()
    trials = planned(chains)
    Path(f"runs/trials/{trials[0].trial_id}/row.json").unlink()  # as of one that is not done yet

    lines = dict(line.split(maxsplit=1) for line in sharptune("status").out.splitlines()[:-1])
    said = {trial["id"]: trial for trial in sharptune("status", "--json").json["trials"]}
    rows = load_rows("runs").set_index("trial_id")

    assert len(rows) == 5
    for trial in trials:
        names = {"experiment": "chains", "stage": trial.stage, "label": trial.label}
        assert lines[trial.trial_id].startswith(f"chains: {trial.stage} {trial.label}  ")
        assert names.items() <= said[trial.trial_id].items()
        assert trial is trials[0] or names == rows.loc[trial.trial_id, list(names)].to_dict()


def test_rows_that_do_not_say_who_asked_for_them_are_rows_all_the_same(sharptune, run):
    run()
    for trial_id, row in Ledger(open_storage("runs")).rows().items():
        earlier = {name: value for name, value in row.provenance.items() if name != "asked_by"}
        Path(f"runs/trials/{trial_id}/row.json").write_bytes(seal(dataclasses.replace(row, provenance=earlier)))

    assert sharptune("status").out.count("chain seed=0  done") == 5
    assert {trial["experiment"] for trial in sharptune("status", "--json").json["trials"]} == {None}
    assert load_rows("runs").label.tolist() == [None] * 6
    assert sharptune("run", "chains.yaml").out.startswith("chains: all 6 trials are done")


def test_a_storage_without_trials_says_so(sharptune, chains):
    chains.with_name("runs").mkdir()

    assert sharptune("status") == (0, f"{chains.parent}/runs: no trials yet\n", "")
    assert load_rows("runs").query("state == 'done' and experiment == 'chains'").trial_id.tolist() == []


@pytest.mark.parametrize("by_environment", [True, False])
def test_a_storage_at_home(sharptune, chains, monkeypatch, by_environment):
    """The shell does not expand it in --storage=~/runs."""
    monkeypatch.setenv("HOME", str(chains.parent))
    chains.with_name("runs").mkdir()
    if by_environment:
        monkeypatch.setenv("SHARPTUNE_STORAGE", "~/runs")

    result = sharptune("status", *([] if by_environment else ["--storage=~/runs"]))

    assert result.out == f"{chains.parent}/runs: no trials yet\n"
