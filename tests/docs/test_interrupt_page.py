"""What docs/how-to/interrupt.md shows of runs and rehearsals is what the commands print, of made-up events.

Times of day are masked; that runs do go on like this is tested where they run.
"""

import os
import re
import shlex
import signal
from collections.abc import Callable
from contextlib import nullcontext

import pytest
from doc_commands import matches, shown
from doc_pages import ROOT, blocks
from sayings import can_say, sayings

from orchestrator.cli import rehearse, run
from orchestrator.cli.main import invoke
from orchestrator.document.experiment import load_experiment
from orchestrator.ledger import TrialState
from orchestrator.planning.plan import expand
from orchestrator.running.rehearsal.faults import schedule
from orchestrator.running.rehearsal.proof import Proof
from orchestrator.running.rehearsal.rehearsal import Rehearsal, Report, Struck
from orchestrator.running.session import Event
from trainables.catalog import CATALOG
from trainables.execution.job import Progress

BLOCKS = [block for block in blocks("console") if block.page == "docs/how-to/interrupt.md"]
SHOWN = [pair for block in BLOCKS for pair in shown(block)]
RUNS = [output for line, output in SHOWN if line == "sharptune run quickstart" and output.strip()]
TRIALS = expand(load_experiment("quickstart"), CATALOG).trials
SCALAR, MAX_W = (next(t for t in TRIALS if t.label == f"weighting={name} seed=0") for name in ("scalar", "max_w"))
TIME = r"(?m)^\d\d:\d\d:\d\d(?=  )"
TYPED = ("^C\n", "Stopping: running trials save where they are. Again to stop at once.\n")
"""What a terminal shows of Ctrl-C, and what goes to its error stream at once."""
STATES = {SCALAR.trial_id: "after epoch 2, step 1", MAX_W.trial_id: "after epoch 2, step 2"}
"""Where the first run was interrupted."""


def event(kind, trial, state="running", **facts) -> Event:
    progress = Progress(trial_id=trial.trial_id, state=state, **facts) if kind != "started" else None
    return Event(kind=kind, trial=trial, progress=progress)


FIRST = [
    event("started", SCALAR),
    event("started", MAX_W),
    event("progress", MAX_W, epoch=1, step=3, steps=5),
    event("progress", SCALAR, epoch=1, step=3, steps=5),
    lambda: os.kill(os.getpid(), signal.SIGINT),
    event("released", SCALAR, "stopped", epoch=2, step=1),
    event("released", MAX_W, "stopped", epoch=2, step=2),
]
AGAIN = [
    event("started", SCALAR),
    event("started", MAX_W),
    *(event("progress", each, epoch=2, note=f"resumes {STATES[each.trial_id]}") for each in (SCALAR, MAX_W)),
]


def states_where_it_stopped(*_, **how) -> dict[str, TrialState]:
    """Return the states of all trials, with those two interrupted."""
    states = {trial.trial_id: TrialState(state="new", reason="never started") for trial in TRIALS}
    stopped = {each: TrialState(state="resumable", reason=f"interrupted {at}") for each, at in STATES.items()}
    return states | stopped


@pytest.fixture
def run_of(tmp_path, monkeypatch, capfd) -> Callable[..., tuple[int, str, str]]:
    """Give `run` with these events in place of trials; return its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    monkeypatch.setattr(run, "_runner", lambda *arguments: None)
    monkeypatch.setattr(run, "_ensure_data", lambda *arguments: None)

    def run_of(events) -> tuple[int, str, str]:
        def played(trials, *, listen, **others):
            for each in events:
                listen(each) if isinstance(each, Event) else each()
            return states_where_it_stopped()

        monkeypatch.setattr(run, "run_plan", played)
        code = invoke(["run", "quickstart"])
        return (code, *capfd.readouterr())

    return run_of


def masked(text: str) -> str:
    for typed in TYPED:
        text = text.replace(typed, "")
    return re.sub(TIME, "TIME", text)


def test_a_run_that_is_interrupted_prints_what_the_page_shows(run_of):
    code, out, err = run_of(FIRST)

    assert matches(masked(RUNS[0]), masked(out)), out
    assert "".join(line + "\n" for line in RUNS[0].splitlines() if line + "\n" in TYPED) == "".join(TYPED)
    assert (code, err) == (130, TYPED[1])


def test_the_same_command_prints_where_it_goes_on(run_of, monkeypatch):
    monkeypatch.setattr(run, "states_of", states_where_it_stopped)
    _, out, _ = run_of(AGAIN)

    assert matches(masked(RUNS[1]), masked(out)), out


def test_where_a_trial_goes_on_is_said_in_the_words_of_attempts():
    words = sayings(ROOT / "trainables/execution/attempt.py")["_resume"]

    assert [e.progress.note for e in AGAIN if e.progress and not can_say(words, e.progress.note)] == []


# --- the rehearsal ---

REHEARSED = next(pair for pair in SHOWN if pair[0].startswith("sharptune rehearse"))
TOLD = REHEARSED[1].partition("\n\n")[0].splitlines()[1:]
"""What is said while it goes on, below the line that names it."""
FOLDER = ROOT / "orchestrator" / "running" / "rehearsal"
STRIKE_OF = {
    "worker": ("_strike_worker", "was killed"),
    "pause": ("_strike_worker", "was stopped for"),
    "driver": ("_strike_driver", ""),
    "ray": ("_strike_ray", ""),
    "stop": ("_ask_to_stop", ""),
}
"""Kind of fault -> the function that strikes, and which of its sentences."""
FAULTS = [(int(share), words) for share, words in re.findall(r"^ *(\d+)%  (.*)$", "\n".join(TOLD), re.MULTILINE)]
COMING = schedule(1, 8, ["driver", "worker", "ray", "stop", "pause"])


def test_its_faults_are_those_of_its_seed_in_their_order_and_words():
    strikes = sayings(FOLDER / "strikes.py")

    assert len(FAULTS) == len(COMING)
    for (share, words), fault in zip(FAULTS, COMING, strict=True):
        function, part = STRIKE_OF[fault.kind]
        assert can_say([each for each in strikes[function] if part.replace(" ", "\\ ") in each], words), words
        assert share >= int(100 * fault.at)
    struck = [match[1] for _, words in FAULTS if (match := re.match("the process of (.*) was", words))]
    assert set(struck) <= {f"{trial.stage} {trial.label}" for trial in TRIALS}


def test_every_other_line_is_one_that_a_rehearsal_says():
    said = sayings(FOLDER / "rehearsal.py")
    words = [*said["_undisturbed"], *said["perform"], *said["_play"]]
    others = [line for line in TOLD if not re.match(r" *\d+%  ", line)]
    done = [int(number) for number in re.findall(r"again: (\d+) of 14 trials are done", "\n".join(others))]

    assert [line for line in others if not can_say(words, line)] == []
    assert done == sorted(done)
    assert len(done) == sum(fault.kind in ("driver", "stop", "ray") for fault in COMING)


def test_the_rest_is_what_the_command_prints_of_such_a_rehearsal(tmp_path, monkeypatch, capsys):
    def perform(self: Rehearsal) -> Report:
        for line in TOLD:
            self.say(line)
        return Report(
            experiment=self.experiment,
            seed=self.seed,
            storage="",
            trials=len(self.cast.trials),
            drivers=1 + sum("the driver has ended" in line for line in TOLD),
            seconds=360.0,
            faults=tuple(Struck(kind=fault.kind, share=fault.at, words="") for fault in self.faults),
            missed=0,
            proof=Proof(rows=14, lost=(), twice=(), different={}, tables_identical=True),
            processes=(),
            segments=(),
            folders=(),
        )

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Rehearsal, "perform", perform)
    monkeypatch.setattr(rehearse, "_interrupted_by_signals", nullcontext)

    assert invoke(shlex.split(REHEARSED[0])[1:]) == 0
    assert capsys.readouterr().out == REHEARSED[1]
