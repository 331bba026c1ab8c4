"""Real trials in processes of their own, ended in the middle of every loop: they go on from that place to the same row.

What is ended is the command itself, but for what `telling_sharptune.py` says.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from finished_training import CONFIG as TRAINING
from new_images import as_official
from PIL import Image
from telling_sharptune import Pause, told

from orchestrator.ledger import Ledger
from trainables.config import canonical
from trainables.data.catalog import EVALUATION_SETS
from trainables.data.cifar10_1 import import_pair
from trainables.record.beats import read_beats
from trainables.record.checkpoints import decode, position
from trainables.record.storage import open_storage
from trainables.trial import TrialRow

TELLING_SHARPTUNE = Path(__file__).parent.parent / "support" / "telling_sharptune.py"
INTERRUPTED = 130
SOON = 60.0
"""Seconds in which a process has saved and ended, on however busy a machine; alone on one, it takes one and a half."""

BASE = {"dataset": "cifar10-mini", "epochs": 2, "batch_size": 5, "warmup_epochs": 0, "autoaugment": True}
SEARCH = {**BASE, "space": ["max_pool_3x3", "skip_connect"], "train_images": 40, "channels": 2, "layers": 3}
TRAIN = {**canonical(TRAINING), **BASE, "test_images": 20}
# Two threads and fewer than 16 channels: oneDNN writes where it must not (uxlfoundation/oneDNN#6035).
FILES = {"dataset": "varied", "train_images": None, "test_images": None, "image_size": 32, "channels": 16}
BOUNDS = {"params_min": 900_000, "params_max": 950_000}
"""One path in ten or so; the first one of seed 0 is the eleventh."""
EXPERIMENTS = {
    "search": {"trainable": "search", "config": SEARCH},
    "second_order": {"trainable": "search", "config": {**SEARCH, "order": 2}},
    "random": {"trainable": "search", "config": {**BASE, "strategy": "random", "space": "multichannel", **BOUNDS}},
    "training": {"trainable": "train", "config": TRAIN},
    "files": {
        "trainable": "train",
        "config": {**TRAIN, **FILES},
        "resources": {"cpus": 2},  # one of them decodes
    },
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A loop, and where in it a trial is interrupted.

    Two epochs are 16 pauses: in each those of four steps, of three batches of the evaluation, and of the end. Six of
    the held-out test follow. An epoch of a search has three more, of the batches of its
    discretisation gap.
    """

    experiment: str
    held: int
    """The pause, from 0, at which the trial hears of it."""
    kept: int
    """How many pauses are not made again."""
    saved: tuple[int, int]
    """Whole epochs, and steps of the next one, in the newest checkpoint."""
    asked: signal.Signals = signal.SIGTERM
    """By which signal."""


STEPS = {"held": 9, "kept": 10, "saved": (1, 2)}
EVALUATION = {"held": 13, "kept": 12, "saved": (1, 4)}
STEPS_OF_SEARCH = {"held": 12, "kept": 13, "saved": (1, 2)}
EVALUATION_OF_SEARCH = {"held": 16, "kept": 15, "saved": (1, 4)}
CASES = {
    "steps of a search": Case(experiment="search", **STEPS_OF_SEARCH, asked=signal.SIGHUP),
    "validation of a search": Case(experiment="search", **EVALUATION_OF_SEARCH),
    "steps of the second order": Case(experiment="second_order", **STEPS_OF_SEARCH),
    "draws of a random search": Case(experiment="random", held=4, kept=5, saved=(0, 0)),
    "steps of a training": Case(experiment="training", **STEPS, asked=signal.SIGUSR1),
    "test of a training": Case(experiment="training", **EVALUATION),
    "held-out test of a training": Case(experiment="training", held=18, kept=16, saved=(2, 0)),
    "steps on files": Case(experiment="files", **STEPS, asked=signal.SIGUSR2),
    "test on files": Case(experiment="files", **EVALUATION),
}
RARE = ("validation of a search", "steps of the second order", "held-out test of a training", "test on files")
"""Cases whose loops and places others have between them: they run when asked for."""


class Machine:
    """Runs commands in a folder, each in a process of its own."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._server = subprocess.Popen(
            [sys.executable, "-c", "import telling_sharptune; telling_sharptune.serve()"],
            cwd=place,
            env={**os.environ, "OMP_WAIT_POLICY": "passive"},  # more threads than cores must not wait busily
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, command: "Command") -> int:
        """Return the process's number."""
        assert self._server.stdin is not None
        output = str(command.notes / "output")
        self._server.stdin.write(json.dumps([command.arguments, command.environment, output]) + "\n")
        self._server.stdin.flush()
        return self._next_number()

    def wait(self) -> int:
        """Return the exit code of the process that was started last."""
        return self._next_number()

    def close(self) -> None:
        self._server.kill()
        self._server.communicate()

    def _next_number(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


class Command:
    """A call of `sharptune run`, and what can be seen of it from outside."""

    def __init__(self, storage: Path, experiment: str, *more: str, held: int = -1) -> None:
        self._storage = storage
        self.notes = storage.with_name(f"{storage.name}-{len(list(storage.parent.glob(f'{storage.name}-*')))}")
        self.notes.mkdir(parents=True)
        self.arguments = ["run", f"{experiment}.yaml", "--storage", str(storage), *more]
        self.environment = {"TOLD": str(self.notes), "HELD": str(held)}

    @property
    def pauses(self) -> list[Pause]:
        return told(self.notes)

    @property
    def output(self) -> str:
        return (self.notes / "output").read_text()

    @property
    def log(self) -> str:
        (path,) = self._storage.glob("trials/*/log.txt")
        return path.read_text()

    @property
    def row(self) -> TrialRow:
        (row,) = Ledger(open_storage(self._storage)).rows().values()
        return row

    @property
    def newest_checkpoint(self) -> Path | None:
        paths = self._storage.glob("trials/*/checkpoints/*")
        return max((path for path in paths if position(path.name)), default=None)

    @property
    def is_held(self) -> bool:
        """Say whether it waits at the pause that is held, having gone on from the one before."""
        return (self.notes / "held").exists()

    def let_go(self) -> None:
        """End the wait at the pause that is held."""
        (self.notes / "go").touch()


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Path]:
    """A folder with the experiments and images of many sizes; a cache with twenty images as CIFAR-10.1."""
    folder = tmp_path_factory.mktemp("termination")
    noise = np.random.default_rng(0)
    for number in range(40):
        path = folder / "varied" / ("train" if number < 20 else "test") / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (20 + number, 60 - number, 3), dtype=np.uint8)).save(path)
    for name, stage in EXPERIMENTS.items():
        document = {"experiment": name, "stages": {"only": {"checkpoint_minutes": 60, **stage}}}
        (folder / f"{name}.yaml").write_text(json.dumps(document))
    for name, shape in zip(EVALUATION_SETS["cifar10_1"].files, ((20, 32, 32, 3), (20,)), strict=True):
        np.save(folder / name, noise.integers(0, 10, shape).astype(np.uint8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHARPTUNE_CACHE", str(folder / "cache"))
        import_pair(as_official(folder), folder)
        yield folder


@pytest.fixture(scope="module")
def machine(place) -> Iterator[Machine]:
    machine = Machine(place)
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def undisturbed(place, machine) -> Callable[[str], Command]:
    """Gives an experiment as it goes when nobody disturbs it."""
    known: dict[str, Command] = {}

    def run(experiment: str) -> Command:
        if experiment not in known:
            known[experiment] = finish(machine, Command(place / f"undisturbed-{experiment}", experiment))
        return known[experiment]

    return run


@pytest.fixture
def processes() -> Iterator[list[int]]:
    """Numbers of processes that are killed if a failing test has left them running."""
    numbers: list[int] = []
    yield numbers
    for number in numbers:
        os.kill(number, signal.SIGKILL)


def finish(machine: Machine, command: Command) -> Command:
    command.arguments += ["--runner", "local"]
    machine.start(command)
    assert machine.wait() == 0, command.output
    return command


def wait_until(seen: Callable[[], object]) -> None:
    """Fails when it is not seen within three minutes: Ray takes one to start on a machine that is very busy."""
    until = time.monotonic() + 180
    while not seen():
        assert time.monotonic() < until
        time.sleep(0.005)


def essence(row: TrialRow):
    """What must be identical; the files are the weights, the predictions and the curves."""
    digests = {name: file["sha256"] for name, file in row.files.items()}
    return row.trial_id, row.config, row.state, row.metrics, row.artifacts, row.error, digests


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name, marks=[pytest.mark.slow] * (name in RARE)) for name, case in CASES.items()],
)
def test_a_signal_amid_any_loop_saves_that_place_and_the_same_command_goes_on_from_it(
    tmp_path, machine, undisturbed, processes, case
):
    """Soon, and nothing is done twice but an evaluation."""
    whole = undisturbed(case.experiment)
    ended = Command(tmp_path / "runs", case.experiment, "--runner", "local", held=case.held)
    processes.append(machine.start(ended))
    wait_until(lambda: ended.is_held)
    asked = time.monotonic()
    os.kill(processes[0], case.asked)  # while it works on what the next pause ends
    ended.let_go()
    code = machine.wait()
    took = time.monotonic() - asked
    processes.clear()

    assert code == INTERRUPTED, ended.output
    assert took < SOON
    assert "The same command goes on from here." in ended.output
    assert "Traceback" not in ended.output
    assert ended.pauses == whole.pauses[: case.held + 1]
    saved = decode(ended.newest_checkpoint.read_bytes())
    assert (saved.epoch, saved.step, saved.spec) == (*case.saved, whole.row.spec)

    again = finish(machine, Command(tmp_path / "runs", case.experiment))
    assert again.pauses == whole.pauses[case.kept :]
    assert "attempt 2 resumes after epoch {}, step {} ".format(*case.saved) in again.log
    assert essence(again.row) == essence(whole.row)


@pytest.mark.parametrize(("experiment", "third_step"), [("search", 13), ("training", 10)])
def test_kill_9_amid_an_epoch_loses_only_what_was_not_saved(
    tmp_path, machine, undisturbed, processes, experiment, third_step
):
    """Here each step is saved, and the third one of the second epoch is lost."""
    whole = undisturbed(experiment)
    often = ["--set", "stages.only.checkpoint_minutes=1e-9"]
    killed = Command(tmp_path / "runs", experiment, "--runner", "local", *often, held=third_step)
    processes.append(machine.start(killed))
    wait_until(lambda: (path := killed.newest_checkpoint) and position(path.name) == (1, 2))
    os.kill(processes.pop(), signal.SIGKILL)

    assert machine.wait() == -signal.SIGKILL
    again = finish(machine, Command(tmp_path / "runs", experiment))
    assert again.pauses == whole.pauses[third_step:]
    assert "attempt 2 resumes after epoch 1, step 2 " in again.log
    assert essence(again.row) == essence(whole.row)


@pytest.mark.ray
@pytest.mark.parametrize(
    ("whom", "asked"),
    [pytest.param("the driver", signal.SIGUSR1, marks=pytest.mark.slow), ("every process", signal.SIGTERM)],
)
def test_on_ray_a_signal_amid_an_epoch_saves_that_place_too(place, tmp_path, machine, undisturbed, whom, asked):
    """Slurm and container runtimes send it to every process of a job, Ray's included, and others first."""
    whole = undisturbed("training")
    ended = Command(tmp_path / "runs", "training", held=10)
    with (ended.notes / "output").open("w") as output:
        driver = psutil.Popen(
            [sys.executable, str(TELLING_SHARPTUNE), *ended.arguments],
            cwd=place,
            env={**os.environ, **ended.environment},
            stdout=output,
            stderr=output,
        )
    family: list[psutil.Process] = []
    try:
        wait_until(lambda: ended.is_held or driver.poll() is not None)
        family = driver.children(recursive=True)
        if whom == "every process":  # the driver last: Ray's own have time to act on it
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    for number in (signal.SIGUSR1, signal.SIGHUP, asked):
                        process.send_signal(number)
            time.sleep(1)
        driver.send_signal(asked)
        storage = open_storage(tmp_path / "runs")
        wait_until(lambda: any(beat.stopping for beat in read_beats(storage).values()) or driver.poll() is not None)
        time.sleep(1)  # the driver's workers look a few times a second whether they have heard
        ended.let_go()
        code = driver.wait(timeout=SOON)
        _, alive = psutil.wait_procs(family, timeout=SOON)
    finally:
        for process in [driver, *family]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        driver.wait()

    assert code == INTERRUPTED, ended.output
    assert "The same command goes on from here." in ended.output
    assert not alive
    count = len(ended.pauses)
    assert 9 <= count <= 12  # in the four steps of the second epoch
    again = finish(machine, Command(tmp_path / "runs", "training"))
    assert ended.pauses + again.pauses == whole.pauses
    assert f"attempt 2 resumes after epoch 1, step {count - 8} " in again.log
    assert essence(again.row) == essence(whole.row)
