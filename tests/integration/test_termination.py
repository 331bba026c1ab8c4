"""SIGTERM in every loop, and kill -9 amid an epoch: what was done is kept, and the row becomes what it would have been.

Real trials, each as the command runs it in a process of its own; they say where they are, and are signalled there.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import announced
import numpy as np
import pytest
import torch
from PIL import Image

from orchestrator.cli import INTERRUPTED, invoke

PROGRAM = Path(announced.__file__)
WITHIN_SECONDS = 20
"""On any machine under any load; it is one second on a quiet one."""
SEARCH = """\
    trainable: search
    config:
      dataset: cifar10-mini
      train_images: 60
      space: [sep_conv_3x3, max_pool_3x3, skip_connect]
      epochs: 2
      warmup_epochs: 0
      batch_size: 10
      channels: 4
      layers: 3
      {settings}
    grid: {{seed: [0]}}
"""
TRAINING = """\
    trainable: train
    config:
      dataset: {dataset}
      genotype: SHARPSEPCONV_DARTS
      epochs: 2
      warmup_epochs: 0
      batch_size: {batch_size}
      channels: 4
      layers: 3
      auxiliary: false
      {settings}
    grid: {{seed: [0]}}
"""
RANDOM = """\
    trainable: search
    config: {{dataset: cifar10-mini, space: darts_ssc, strategy: random, {settings}}}
    grid: {{seed: [0]}}
"""


def training(settings: str, *, dataset: str = "cifar10-mini", batch_size: int = 25) -> str:
    return TRAINING.format(dataset=dataset, batch_size=batch_size, settings=settings)


FIRST_ORDER = SEARCH.format(settings="cutout: 8")
SECOND_ORDER = SEARCH.format(settings="order: 2")
ARRAYS = training("train_images: 70\n      test_images: 50\n      autoaugment: true")
FILES = training("image_size: 32\n      autoaugment: true", dataset="images", batch_size=8)

Pauses = list[tuple[int, int, int]]
"""(epoch, step, steps) of each pause so far."""


def step(epoch: int, number: int) -> Callable[[Pauses], bool]:
    """Wait for a step of an epoch."""
    return lambda pauses: pauses[-1][:2] == (epoch, number)


def evaluation(epoch: int, batch: int) -> Callable[[Pauses], bool]:
    """Wait for a batch of an epoch's evaluation, which follows its last step."""
    return lambda pauses: sum(e == epoch and s == steps for e, s, steps in pauses) == 1 + batch


def draw(number: int) -> Callable[[Pauses], bool]:
    return lambda pauses: len(pauses) == number


CASES = {
    "search, a step": (FIRST_ORDER, step(2, 2)),
    "search, its evaluation": (FIRST_ORDER, evaluation(1, 2)),
    "search of the second order, a step": (SECOND_ORDER, step(1, 2)),
    "random search, a draw": (RANDOM.format(settings="params_min: 4200000"), draw(3)),
    "training, a step": (ARRAYS, step(2, 2)),
    "training, its evaluation": (ARRAYS, evaluation(2, 2)),
    "training, the test at the end": (ARRAYS, evaluation(2, 5 + 120)),
    "training on files, a step": (FILES, step(2, 1)),
    "training on files, its evaluation": (FILES, evaluation(1, 1)),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    """40 training and 30 test images of two classes and of many sizes, in a folder for each class."""
    place, noise = tmp_path_factory.mktemp("files") / "images", np.random.default_rng(0)
    for split, each in (("train", 20), ("test", 15)):
        for name in ("cat", "dog"):
            (place / split / name).mkdir(parents=True)
            for number in range(each):
                pixels = noise.integers(0, 256, (40 + number % 9, 50 - number % 7, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / split / name / f"{number}.png")
    return place


@pytest.fixture(scope="module")
def undisturbed(images, tmp_path_factory):
    """Gives what a trial comes to when nobody disturbs it; each is run once."""
    rows: dict[tuple[str, bool], dict] = {}

    def essence_of(stage: str) -> dict:
        key = (stage, announced.HELD_OUT in os.environ)
        if key not in rows:
            place = tmp_path_factory.mktemp("undisturbed")
            rows[key] = finished(place, write(place, stage, images))
        return rows[key]

    return essence_of


@pytest.fixture(autouse=True)
def as_the_program_does(request, monkeypatch):
    """Evaluate in this process what the program does, in its batches; and leave the number of threads alone."""
    monkeypatch.setattr("trainables.loop.EVALUATION_BATCH", announced.SMALL_BATCH)
    if "the test at the end" in request.node.name:
        monkeypatch.setenv(announced.HELD_OUT, "yes")
        monkeypatch.setattr("trainables.held_out.HELD_OUT", announced.STAND_IN)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def write(place: Path, stage: str, images: Path) -> Path:
    path = place / "one.yaml"
    path.write_text(f"experiment: one\nstages:\n  one:\n{stage}".replace("dataset: images", f"dataset: {images}"))
    return path


def command(place: Path, experiment: Path) -> list[str]:
    return ["run", str(experiment), "--runner", "local", "--storage", str(place / "runs")]


def finished(place: Path, experiment: Path) -> dict:
    """Run the one trial to its end in this process; return what must be identical: id, config, state, … , files."""
    assert invoke(command(place, experiment)) == 0
    (path,) = (place / "runs").glob("trials/*/row.json")
    row = json.loads(path.read_text())
    files = {name: file["sha256"] for name, file in row["files"].items()}
    return {key: row[key] for key in ("trial_id", "config", "state", "metrics", "artifacts")} | {"files": files}


class Trial:
    """The command in a process of its own, with the pauses that its trial has said."""

    def __init__(self, place: Path, experiment: Path) -> None:
        arguments = [sys.executable, str(PROGRAM), *command(place, experiment)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said: list[str] = []
        self.pauses: Pauses = []

    def wait_for(self, wanted: Callable[[Pauses], bool]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("pause "):
                epoch, number, steps = map(int, line.split()[1:])
                self.pauses.append((epoch, number, steps))
                if wanted(self.pauses):
                    return
        raise AssertionError("it ended before:\n" + "".join(self.said[-20:]))

    def end(self) -> None:
        """Wait for its end."""
        assert self.process.stdout is not None
        self.said.extend(self.process.stdout)
        self.process.stdout.close()
        self.process.wait()


@pytest.fixture
def start(tmp_path, images):
    """Start a trial; what a failing test leaves running is killed."""
    started: list[Trial] = []

    def begin(stage: str) -> Trial:
        started.append(Trial(tmp_path, write(tmp_path, stage, images)))
        return started[-1]

    yield begin
    for trial in started:
        if trial.process.poll() is None:
            trial.process.kill()
            trial.end()


@pytest.mark.parametrize("case", CASES)
def test_sigterm_is_followed_at_once_and_nothing_is_done_twice(case, start, undisturbed, tmp_path):
    stage, moment = CASES[case]
    trial = start(stage)
    trial.wait_for(moment)
    at, asked = trial.pauses[-1], time.monotonic()
    trial.process.send_signal(signal.SIGTERM)
    trial.end()
    took = time.monotonic() - asked
    print(f"{case}: ended {took:.1f} s after SIGTERM")

    log = next((tmp_path / "runs").glob("trials/*/log.txt"))
    assert trial.process.returncode == INTERRUPTED, trial.said[-10:]
    assert took < WITHIN_SECONDS
    assert "stopped on request in epoch" in log.read_text().splitlines()[-1]
    assert not list((tmp_path / "runs").glob("trials/*/row.json"))

    again = finished(tmp_path, tmp_path / "one.yaml")

    (resumed,) = [line.partition("resumes after ")[2] for line in log.read_text().splitlines() if "resumes" in line]
    epoch, number = int(resumed.split()[1].rstrip(",")), int(resumed.split()[3])
    assert (epoch + 1, number) >= at[:2] or (epoch, number) == (at[0], 0)
    assert again == undisturbed(stage)


@pytest.mark.parametrize("case", ["search, a step", "training, a step"])
def test_kill_9_amid_an_epoch_costs_no_more_than_since_the_last_checkpoint(case, start, undisturbed, tmp_path):
    stage, moment = CASES[case]
    trial = start(f"{stage}    checkpoint_minutes: 0.000001\n")
    trial.wait_for(moment)
    trial.process.send_signal(signal.SIGKILL)
    trial.end()

    again = finished(tmp_path, tmp_path / "one.yaml")

    log = next((tmp_path / "runs").glob("trials/*/log.txt")).read_text()
    assert trial.process.returncode == -signal.SIGKILL
    assert "resumes after epoch 1, step" in log
    assert "resumes after epoch 1, step 0" not in log
    assert again == undisturbed(stage)
