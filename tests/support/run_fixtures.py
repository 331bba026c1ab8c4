"""Fixtures for tests of the two loops: real images, small evaluations, and runs that are stopped and continued."""

import numpy as np
import pytest
import torch

from trainables.data.cache import Split
from trainables.data.datasets import open_dataset
from trainables.trial import Outcome


@pytest.fixture(scope="session")
def mini(dataset_cache):
    """cifar10-mini, opened."""
    return open_dataset("cifar10-mini")


@pytest.fixture
def split():
    """600 images of 4 × 4 pixels, of ten classes in turn."""
    images = np.arange(600 * 4 * 4 * 3, dtype=np.uint32).astype(np.uint8).reshape(600, 4, 4, 3)
    return Split(images=images, labels=np.arange(600) % 10)


@pytest.fixture
def one_thread():
    """One intra-op thread, and the process's own number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small_evaluations(monkeypatch):
    """Evaluations of several batches, also of a few images."""
    monkeypatch.setattr("trainables.loops.evaluation.EVALUATION_BATCH", 8)


def whole_run(build):
    """Return the pauses and the outcome of one whole run, for the fixtures of a module."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainables.loops.evaluation.EVALUATION_BATCH", 8)
        run = build()
        pauses = list(run.steps())
    torch.set_num_threads(before)
    return pauses, run.outcome()


def result(outcome: Outcome):
    """Return all of an outcome that two identical runs share."""
    return outcome.metrics, outcome.artifacts, outcome.files, outcome.epochs


class Resumes:
    """Checks that apply to any Run: `build` returns a fresh one."""

    def __init__(self, build):
        self._build = build

    def uninterrupted(self):
        """Return the pauses of a run, and its result."""
        run = self._build()
        return list(run.steps()), result(run.outcome())

    def stopped_at(self, position):
        """Return the result of a run stopped at its `position`-th pause (from 0) and continued in a fresh object."""
        first = self._build()
        paused = first.steps()
        for _ in range(position + 1):
            next(paused)
        state = first.state()
        paused.close()
        second = self._build()
        second.load(state)
        for _ in second.steps():
            pass
        return result(second.outcome())

    def in_a_fresh_object_for_every_step(self):
        """Return the result of a run whose objects take one step each; each evaluation is cut off and begun again."""
        state, in_evaluation = None, 0
        while True:
            run = self._build()
            if state is not None:
                run.load(state)
            for pause in run.steps():
                if in_evaluation < 2 or pause.metrics is not None:
                    break
            else:
                return result(run.outcome())
            in_evaluation = in_evaluation + 1 if pause.step == pause.steps and pause.metrics is None else 0
            state = run.state()


@pytest.fixture
def small_cells(monkeypatch):
    """Cells of 2 nodes, so of 5 edges instead of 14: a real supernet in a third of the time."""
    monkeypatch.setattr("trainables.architecture.cell_supernet.NODES", 2)
    monkeypatch.setattr("trainables.architecture.cell_supernet.EDGES", 5)


@pytest.fixture
def resumes():
    return Resumes


@pytest.fixture
def result_of():
    return result
