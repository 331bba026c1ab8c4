"""`sharptune stop`: of a run in another terminal, here another thread; and what cannot be stopped."""

import threading
from contextlib import contextmanager
from pathlib import Path

import fakes
import pytest
from command_line import planned, rows

from orchestrator.ledger import Ledger
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run as run_plan
from orchestrator.running.stop import Stop
from trainables.record.beats import Beat, beat_path, read_beats
from trainables.record.claims import Process
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder

ELSEWHERE = Process(host="node3", boot="other", pid=7, started="1")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Nobody waits for long."""
    monkeypatch.setattr("orchestrator.cli.record.stop.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("orchestrator.running.beating.TURN_SECONDS", 0.005)
    for name in ("LOOK_SECONDS", "NEWS_SECONDS", "BEAT_SECONDS"):
        monkeypatch.setattr(f"orchestrator.running.beating.{name}", 0.0)


@pytest.fixture
def held_run(chains):
    """Returns a context in which a run has its first trial at work, and a file to let it go."""
    hold = chains.with_name("hold")
    chains.write_text(chains.read_text().replace("{epochs: 3, steps: 2}", f"{{epochs: 3, steps: 2, hold: {hold}}}"))
    storage = open_storage(chains.with_name("runs"))
    at_work = threading.Event()

    def listen(event):
        if event.kind == "progress" and event.progress.epoch == 1:
            at_work.set()

    @contextmanager
    def run():
        hold.touch()
        stop = Stop(storage)
        ended = {}

        def work():
            runner = LocalRunner()
            ended["states"] = run_plan(
                planned(chains), ledger=Ledger(storage), catalog=fakes.CATALOG, runner=runner, listen=listen, stop=stop
            )

        thread = threading.Thread(target=work)
        thread.start()
        assert at_work.wait(30)
        while not any(at_work.epoch for beat in read_beats(storage).values() for at_work in beat.trials.values()):
            pass
        try:
            yield ended
        finally:
            hold.unlink(missing_ok=True)
            thread.join()
        ended["stopped"] = stop()

    return run


def first_at_work(chains) -> str:
    """Return the trial that the run has at work: it takes the longest way first, and of equals the smallest id."""
    return min(trial.trial_id for trial in planned(chains) if trial.stage == "root")


def test_one_trial_stops_and_the_run_goes_on_with_the_others(sharptune, held_run, chains):
    trial_id = first_at_work(chains)

    with held_run() as ended:
        result = sharptune("stop", trial_id[:6])
        chains.with_name("hold").unlink()

    assert result.code == 0
    assert result.out.startswith(f"asked to stop {trial_id}: epoch 1/3; on ")
    assert f"{trial_id}: stopped (interrupted after epoch 1, step 1); the next run goes on with it" in result.out
    states = {trial_id: state.state for trial_id, state in ended["states"].items()}
    assert states[trial_id] == "resumable"
    assert sorted(states.values()) == ["done", "done", "done", "new", "new", "resumable"]
    assert not ended["stopped"]

    assert sharptune("run", "chains.yaml", "--runner", "local").code == 0
    assert len(rows()) == 6


def test_all_ends_every_run_as_an_interruption_does(sharptune, held_run, chains):
    with held_run() as ended:
        result = sharptune("stop", "--all")

    assert result.code == 0
    assert "asked the run in process" in result.out
    assert "to end: 1 trial at work, which save" in result.out
    assert result.out.endswith("has ended\n")
    assert ended["stopped"]
    assert "running" not in {state.state for state in ended["states"].values()}
    assert not list(Path("runs/drivers").iterdir())


def test_who_does_not_wait_only_asks(sharptune, held_run, chains):
    with held_run() as ended:
        result = sharptune("stop", "--no-wait", "--all")

    assert result.code == 0
    assert "has ended" not in result.out
    assert ended["stopped"]


def test_what_is_not_at_work_is_said_to_be_so(sharptune, run, chains):
    run()
    done, _, failed, *_, waiting = [trial.trial_id for trial in planned(chains)]
    Path(f"runs/trials/{waiting}/row.json").unlink()
    ledger = Ledger(open_storage("runs"))
    row = ledger.row(failed)
    assert row is not None

    result = sharptune("stop", done, waiting)

    assert result.code == 0
    assert f"{done}: it is done\n" in result.out
    assert f"{waiting}: no run is at work on it (never finished an epoch)\n" in result.out
    assert sharptune("stop", "--all").out == f"no run is at work on {chains.with_name('runs')}\n"
    assert not list(Path("runs/drivers").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name one TRIAL or several, or --all"),
        (["--all", "abc"], "name one TRIAL or several, or --all"),
        ([""], "6 trials begin with ''"),
        (["nowhere"], "there is no trial 'nowhere' in"),
    ],
)
def test_a_mistake_is_one_sentence_and_stops_nothing(sharptune, run, arguments, said):
    run()

    result = sharptune("stop", *arguments)

    assert result.code == 2
    assert said in result.err
    assert result.out == ""


@pytest.mark.parametrize("tells", [True, False])
def test_a_run_that_does_not_answer_is_not_waited_for_for_ever(sharptune, chains, monkeypatch, tells):
    """It is on another machine, so that it cannot be asked whether it lives; or of an earlier version, or gone."""
    monkeypatch.setattr("trainables.record.claims.STALE_SECONDS", 0.05)
    monkeypatch.setattr("orchestrator.cli.record.stop.STALE_SECONDS", 0.05)
    spec = planned(chains)[0].spec
    storage = open_storage("runs")
    folder = TrialFolder(storage, spec.trial_id)
    folder.write_spec(spec)
    folder.claims.acquire(driver="a", driver_process=ELSEWHERE)
    moment = "2026-01-01T00:00:00+00:00"
    if tells:
        beat = Beat(count=1, process=ELSEWHERE, since=moment, now=moment)
        storage.write(beat_path("a"), beat.to_json().encode())

    result = sharptune("stop", spec.trial_id)

    assert (result.code, len(result.out.splitlines())) == (1, 2 if tells else 1)
    assert ("asked to stop" if tells else "its run does not listen, or is gone") in result.out
    if tells:
        assert "its run does not answer; it is free for the next one (never finished an epoch)" in result.out
        ended = sharptune("stop", "--all")
        assert ended.code == 1
        assert "does not answer; its trials are free for the next run" in ended.out
