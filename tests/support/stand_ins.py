"""Small networks in place of those that the loops build, and a small folder of images of many sizes, as fixtures."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from trainables.architecture.blocks import BatchNorm
from trainables.architecture.spaces import read_space


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


class SmallSupernet(nn.Module):
    """What a search needs of a supernet, in a thousandth of the time: one convolution, scaled by all alphas."""

    def __init__(self, config, classes):
        super().__init__()
        width = len(read_space(config.space).primitives)
        self.stem = nn.Sequential(nn.Conv2d(3, width, 4, stride=4, bias=False), BatchNorm(width))
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

    def forward(self, x_BCHW, multipliers=None):
        normal, reduce = multipliers or [alphas.softmax(-1) for alphas in self.alpha_parameters()]
        scale = (normal * reduce).sum(0)
        return self.classifier(scale * self.stem(x_BCHW).mean(dim=(2, 3)))


class SmallNetwork(nn.Module):
    """What final training needs of a network: an auxiliary output, and one edge that drop path may drop."""

    droppable = 1

    def __init__(self, genotype, *, network, operations, channels, layers, classes, auxiliary, mid_channels):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4, bias=False), nn.BatchNorm2d(8))
        self.classifier = nn.Linear(8, classes)
        self.auxiliary = nn.Linear(8, classes) if auxiliary else None

    def forward(self, x_BCHW, keep_DB=None):
        y_BC = self.stem(x_BCHW).mean(dim=(2, 3))
        if not self.training:
            return self.classifier(y_BC), None
        logits_BC = self.classifier(y_BC if keep_DB is None else y_BC * keep_DB.T)
        return logits_BC, self.auxiliary(y_BC) if self.auxiliary else None


@pytest.fixture
def small_supernet(monkeypatch):
    """A small network in place of the supernet."""
    monkeypatch.setattr("trainables.loops.search.build_supernet", SmallSupernet)


@pytest.fixture
def small_network(monkeypatch):
    """A small network in place of a genotype's."""
    monkeypatch.setattr("trainables.loops.training.build_network", SmallNetwork)
