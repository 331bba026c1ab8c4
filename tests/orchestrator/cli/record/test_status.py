"""`sharptune status`: where trials stand, also those whose processes cannot be asked, and storages without any."""

import dataclasses
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import planned
from meddling import MeddledStorage

from orchestrator import load_rows
from orchestrator.ledger import Ledger
from trainables.record.beats import AtWork, Beat, _read, beat_path
from trainables.record.claims import Process
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


@pytest.mark.parametrize("asked", [[], ["--budget", "9cpu-days"]])
def test_a_dry_run_does_not_say_that_a_trial_would_run_which_another_run_has_at_work(run, claimed, asked):
    claimed(worker=ELSEWHERE, driver=ELSEWHERE)

    dry = run("--dry-run", *asked).out

    assert (dry.count("  at work "), dry.count("  would run ")) == (1, 5)


@pytest.fixture
def tells(chains) -> Callable[..., Path]:
    """Let the driver of that worker tell of the first trial; return the file."""

    def tell(at_work: AtWork | None = None, experiment: str = "chains", between: tuple | None = None) -> Path:
        beat = Beat(
            count=1,
            process=ELSEWHERE,
            experiment=experiment,
            since="2026-01-01T00:00:00+00:00",
            now="2026-01-01T00:20:00+00:00",
            left=7200.0,
            between=between,
            trials={} if at_work is None else {planned(chains)[0].trial_id: at_work},
        )
        open_storage("runs").write(beat_path("a"), beat.to_json().encode())
        return Path("runs", beat_path("a"))

    return tell


@pytest.fixture
def dead() -> Process:
    """A process of this machine that is gone."""
    return dataclasses.replace(Process.current(), pid=2**22 + 1, started="1")


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_of_a_process_on_another_machine_status_says_since_when_nothing_was_heard(sharptune, claimed, tells):
    path = claimed(worker=ELSEWHERE, driver=ELSEWHERE)
    age(path, 4 * 3600)
    assert "process 7 on node3 works on it; nothing was heard of it for 4 h 00 min" in sharptune("status").out

    beat = tells()
    age(beat, 3 * 3600 + 300)
    (line,) = [line for line in sharptune("status", "chains.yaml").out.splitlines() if " running " in line]
    assert line.endswith("nothing was heard of it for 3 h 05 min: if it is gone, run goes on from there")

    age(beat, 10)
    assert sharptune("status", "chains.yaml").out.count("works on it\n") == 1


AT_WORK = AtWork(
    since="2026-01-01T00:00:00+00:00", node="node3", attempt=2, epoch=3, epochs=60, step=12, steps=196, left=5400.0
)
AT_WORK_JSON = {
    "since": "2026-01-01T00:00:00+00:00",
    "node": "node3",
    "attempt": 1,
    "epoch": 3,
    "epochs": 60,
    "step": 12,
    "steps": 196,
    "left_seconds": 5400.0,
    "note": "",
    "driver": "a",
}


def test_of_a_running_trial_status_says_how_far_it_is_where_since_when_and_how_long_yet(sharptune, claimed, tells):
    """By the driver's clock, and by the age of what it told: nobody's clock is compared with another's."""
    claimed(worker=ELSEWHERE, driver=ELSEWHERE)
    age(tells(AT_WORK), 4)

    for arguments in (["chains.yaml"], []):
        result = sharptune("status", *arguments)
        data = sharptune("status", *arguments, "--json").json
        [line] = [line for line in result.out.splitlines() if "  running    " in line]
        [trial] = [trial for trial in data["trials"] if trial["state"] == "running"]
        [driver] = data["drivers"]

        said = "epoch 3/60, step 12/196, about 1 h 30 min left; on node3 for 20 min; beat 4 s ago"
        assert line.partition("  running    ")[2] == said
        assert "run of chains in process 7 on node3: 1 trial at work, for 20 min, about 2 h 00 min left in all" in (
            result.out
        )
        work = trial["work"]
        assert AT_WORK_JSON.items() <= work.items()
        assert (round(work["seconds"]), round(work["beat_seconds"])) == (1204, 4)
        assert (driver["driver"], driver["experiment"], driver["left_seconds"]) == ("a", "chains", 7200.0)
        assert {trial["work"] for trial in data["trials"] if trial["state"] != "running"} <= {None}


def test_of_a_run_that_foresees_its_end_status_says_between_what_that_is(sharptune, claimed, tells):
    claimed(worker=ELSEWHERE, driver=ELSEWHERE)
    tells(AT_WORK, between=(5400.0, 10800.0))

    [driver] = sharptune("status", "chains.yaml", "--json").json["drivers"]

    said = "1 trial at work, for 20 min, about 2 h 00 min left in all (1 h 30 min to 3 h 00 min)\n"
    assert said in sharptune("status", "chains.yaml").out
    assert driver["left_between_seconds"] == [5400.0, 10800.0]


def test_of_a_trial_that_was_not_heard_of_yet_status_says_that_it_starts(sharptune, claimed, tells):
    claimed(worker=ELSEWHERE, driver=ELSEWHERE)
    tells(AtWork(since="2026-01-01T00:19:50+00:00", epochs=60))

    assert "running    starting; on node3 for 10 s; beat 0 s ago\n" in sharptune("status", "chains.yaml").out


def test_where_no_driver_tells_status_says_what_is_known(sharptune, claimed):
    claimed(worker=ELSEWHERE, driver=ELSEWHERE)

    assert "process 7 on node3 works on it\n" in sharptune("status", "chains.yaml").out
    data = sharptune("status", "chains.yaml", "--json").json
    assert data["drivers"] == []
    [work] = [trial["work"] for trial in data["trials"] if trial["work"]]
    assert work == {
        "node": "node3",
        "attempt": 1,
        "seconds": None,
        "left_seconds": None,
        "driver": "a",
        "beat_seconds": None,
    }


def test_what_a_driver_tells_repaints_no_terminal(sharptune, claimed, tells):
    claimed(worker=ELSEWHERE, driver=ELSEWHERE)
    tells(AT_WORK, experiment="\x1b[2J\nchains")

    out = sharptune("status").out

    assert "\x1b" not in out
    assert "run of \\x1b[2J\\nchains in process 7" in out


@pytest.mark.parametrize("columns", [80, 60])
def test_what_a_narrow_terminal_cannot_hold_beside_it_stands_below_it(sharptune, claimed, tells, monkeypatch, columns):
    claimed(worker=ELSEWHERE, driver=ELSEWHERE)
    tells(AT_WORK)
    monkeypatch.setattr("orchestrator.cli.record.status.terminal_width", lambda: columns)

    lines = sharptune("status", "chains.yaml").out.splitlines()[:-2]

    assert max(map(len, lines)) <= columns
    assert lines[1].startswith(" " * 14 + "epoch 3/60, step 12/196")
    assert sum("running" in line for line in lines) == 1


def test_one_look_at_many_trials_reads_their_drivers_file_once(sharptune, chains, tells, monkeypatch):
    storage = MeddledStorage(open_storage("runs"), lambda *operation: None)
    read = []
    monkeypatch.setattr("trainables.record.beats._read", lambda *asked: (read.append(asked), _read(*asked))[1])
    for trial in planned(chains):
        folder = TrialFolder(storage, trial.trial_id)
        folder.write_spec(trial.spec)
        folder.claims.acquire(driver="a", driver_process=Process.current())
    tells(AT_WORK)
    read.clear()

    states = Ledger(storage).states(trial.spec for trial in planned(chains))

    assert [state.state for state in states.values()] == ["running"] * 6
    assert len(read) == 1


def test_watching_shows_block_after_block_until_all_is_settled(sharptune, run, monkeypatch):
    run()
    trial_id = next(iter(Ledger(open_storage("runs")).rows()))
    row, kept = Path(f"runs/trials/{trial_id}/row.json"), Path("kept")
    row.rename(kept)
    waited = []
    monkeypatch.setattr("time.sleep", lambda seconds: (waited.append(seconds), kept.rename(row)))

    result = sharptune("status", "chains.yaml", "--watch", "7")

    assert (result.code, waited) == (0, [7.0])
    assert result.out.count("never finished an epoch") == 1
    assert result.out.endswith("chains: all 6 trials are done\n\n")


def test_who_watches_may_stop_watching(sharptune, chains, monkeypatch):
    chains.with_name("runs").mkdir()
    monkeypatch.setattr("time.sleep", lambda seconds: signal.raise_signal(signal.SIGINT))

    assert sharptune("status", "chains.yaml", "--watch").code == 130


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--watch", "chains.yaml"], "EXPERIMENT goes before it: sharptune status EXPERIMENT --watch"),
        (["--watch", "0"], "0.0 is not in the range 0.1<=x<=86400"),
        (["--watch", "inf"], "inf is not in the range 0.1<=x<=86400"),
        (["--watch", "nan"], "'nan' is not a number"),
        (["--watch", "1", "--json"], "--watch is for people"),
    ],
)
def test_a_mistake_in_watching_is_one_sentence(sharptune, chains, arguments, said):
    chains.with_name("runs").mkdir()

    result = sharptune("status", *arguments)

    assert result.code == 2
    assert said in result.err


def test_a_process_that_was_killed_here_is_not_said_to_work(sharptune, claimed, tells, dead):
    claimed(worker=dead, driver=Process.current())
    tells(AT_WORK)

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
