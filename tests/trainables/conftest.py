"""What the tests of the two loops share."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from trainables.architecture.spaces import read_space
from trainables.data.cache import open_dataset
from trainables.trial import Outcome


@pytest.fixture(scope="session")
def mini(dataset_cache):
    """cifar10-mini, opened."""
    return open_dataset("cifar10-mini")


@pytest.fixture
def varied_folder(tmp_path):
    """A folder of 10 training and 6 test images, each of its own size, one class as JPEG and one as PNG."""
    noise = np.random.default_rng(0)
    for split, each in (("train", 5), ("test", 3)):
        for label, (name, suffix) in enumerate((("cat", "jpg"), ("dog", "png"))):
            place = tmp_path / "varied" / split / name
            place.mkdir(parents=True)
            for number in range(each):
                height, width = 20 + 7 * number + 3 * label, 50 - 4 * number
                pixels = noise.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{name}-{number}.{suffix}")
    return tmp_path / "varied"


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
    monkeypatch.setattr("trainables.loop.EVALUATION_BATCH", 8)


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


class SmallSupernet(nn.Module):
    """What a search needs of a supernet, in a thousandth of the time: one convolution, scaled by all alphas."""

    def __init__(self, config, classes):
        super().__init__()
        width = len(read_space(config.space).primitives)
        self.stem = nn.Sequential(nn.Conv2d(3, width, 4, stride=4, bias=False), nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, classes)
        self.alphas_normal = nn.Parameter(torch.zeros(14, width))
        self.alphas_reduce = nn.Parameter(torch.zeros(14, width))

    def reset(self, generator):
        with torch.no_grad():
            for alphas in self.alpha_parameters():
                alphas.copy_(1e-3 * torch.randn(alphas.shape, generator=generator))

    def weight_parameters(self):
        return [*self.stem.parameters(), *self.classifier.parameters()]

    def alpha_parameters(self):
        return [self.alphas_normal, self.alphas_reduce]

    def forward(self, x_BCHW):
        scale = (self.alphas_normal.softmax(-1) * self.alphas_reduce.softmax(-1)).sum(0)
        return self.classifier(scale * self.stem(x_BCHW).mean(dim=(2, 3)))


class SmallNetwork(nn.Module):
    """What final training needs of a network: an auxiliary output, and drop path by an explicit generator."""

    drop_path = 0.0
    drop_path_generator = None

    def __init__(self, genotype, *, network, operations, channels, layers, classes, auxiliary, mid_channels):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4, bias=False), nn.BatchNorm2d(8))
        self.classifier = nn.Linear(8, classes)
        self.auxiliary = nn.Linear(8, classes) if auxiliary else None

    def forward(self, x_BCHW):
        y_BC = self.stem(x_BCHW).mean(dim=(2, 3))
        if not self.training:
            return self.classifier(y_BC), None
        kept_B1 = torch.rand(len(y_BC), 1, generator=self.drop_path_generator) >= self.drop_path
        logits_BC = self.classifier(y_BC * kept_B1)
        return logits_BC, self.auxiliary(y_BC) if self.auxiliary else None


@pytest.fixture
def small_supernet(monkeypatch):
    """A small network in place of the supernet."""
    monkeypatch.setattr("trainables.search.build_supernet", SmallSupernet)


@pytest.fixture
def small_cells(monkeypatch):
    """Cells of 2 nodes, so of 5 edges instead of 14: a real supernet in a third of the time."""
    monkeypatch.setattr("trainables.architecture.cell_supernet.NODES", 2)
    monkeypatch.setattr("trainables.architecture.cell_supernet.EDGES", 5)


@pytest.fixture
def small_network(monkeypatch):
    """A small network in place of a genotype's."""
    monkeypatch.setattr("trainables.training.build_network", SmallNetwork)


@pytest.fixture
def resumes():
    return Resumes


@pytest.fixture
def result_of():
    return result
