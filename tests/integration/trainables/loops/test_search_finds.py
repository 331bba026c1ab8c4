"""Both orders and both weightings find an operation that is the best one by construction.

Each image is two dots on one row or column; its class is how far apart they lie. A network of one mixed edge, the mean
over all pixels and a linear layer sees sums over the image only, so an operation can tell the classes apart where it
looks at both dots at once and is not linear. Everything else gives both classes the same numbers.
"""

import pytest
import torch
from torch import nn

from trainables.architecture.mixed import MixedEdges
from trainables.architecture.spaces import SearchSpace
from trainables.architecture.weighting import WEIGHTINGS
from trainables.optimization.bilevel import FirstOrder, SecondOrder

LINEAR = ("none", "avg_pool_3x3", "max_pool_3x3", "skip_connect")
"""A sum and an average of two dots do not depend on where they lie; a maximum does."""
SHORT_SIGHTED = ("max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_3x3")
"""Before the ReLU between its two halves, a separable convolution of 3×3 sees no two dots more than 2 pixels apart; one
of dilation 2 sees those that are 4 pixels apart, but not those that are 5."""
NEAR, FAR = (1, 3), (5, 4)
"""Gaps between the dots of the two classes, in pixels."""
SIZE = 12


class OneEdge(nn.Module):
    def __init__(self, primitives, weighting, channels):
        super().__init__()
        space = SearchSpace(name="", primitives=primitives, operations="ssc")
        self.edge = MixedEdges(space=space, channels=channels, stride=1, edges=1)
        self.classifier = nn.Linear(channels, 2)
        self.alphas = nn.Parameter(1e-3 * torch.randn(1, len(primitives)))
        self.weighting = WEIGHTINGS[weighting]

    def forward(self, x_BCHW):
        (y_BCHW,) = self.edge(x_BCHW, self.weighting(self.alphas.softmax(dim=-1))[:, self.edge.columns])
        return self.classifier(y_BCHW.mean(dim=(2, 3)))

    def weight_parameters(self):
        return [*self.edge.parameters(), *self.classifier.parameters()]

    def alpha_parameters(self):
        return [self.alphas]


def dots(gaps, images, channels):
    """Images of both classes in turn, and their labels; no dot is nearer than 2 pixels to the border."""
    labels_B = torch.arange(images) % 2
    x_BCHW = torch.zeros(images, channels, SIZE, SIZE)
    for image, label in enumerate(labels_B.tolist()):
        row = int(torch.randint(2, SIZE - 2, ()))
        column = int(torch.randint(2, SIZE - 2 - gaps[label], ()))
        pixels_HW = torch.zeros(SIZE, SIZE)
        pixels_HW[row, [column, column + gaps[label]]] = 1
        x_BCHW[image] = pixels_HW.T if image % 4 < 2 else pixels_HW
    return x_BCHW, labels_B


def search(primitives, weighting, order, gaps, *, channels, steps, seed=1, precision="fp32"):
    """Return the alphas after so many steps, and the loss of the last one."""
    torch.manual_seed(seed)
    network = OneEdge(primitives, weighting, channels)
    bilevel = order(
        network,
        momentum=0.9,
        weight_decay=3e-4,
        grad_clip=5.0,
        arch_learning_rate=0.05,
        arch_weight_decay=1e-3,
        precision=precision,
    )
    bilevel.set_learning_rate(0.1)
    for _ in range(steps):
        weights_batch = dots(gaps, 16, channels)
        bilevel.alphas_step(dots(gaps, 16, channels), weights_batch)
        loss, _ = bilevel.weights_step(weights_batch)
    return dict(zip(primitives, network.alphas[0].tolist(), strict=True)), float(loss)


@pytest.mark.parametrize("order", [FirstOrder, SecondOrder])
@pytest.mark.parametrize("weighting", ["scalar", "max_w"])
def test_the_only_pool_that_is_not_linear_is_found(weighting, order):
    alphas, loss = search(LINEAR, weighting, order, NEAR, channels=2, steps=30)

    assert max(alphas, key=alphas.__getitem__) == "max_pool_3x3"
    assert loss < 0.65


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("weighting", ["scalar", "max_w"])
def test_it_is_found_in_half_precision_too(weighting, precision):
    alphas, loss = search(LINEAR, weighting, FirstOrder, NEAR, channels=2, steps=30, precision=precision)

    assert max(alphas, key=alphas.__getitem__) == "max_pool_3x3"
    assert loss < 0.65


@pytest.mark.slow
@pytest.mark.parametrize("order", [FirstOrder, SecondOrder])
@pytest.mark.parametrize("weighting", ["scalar", "max_w"])
def test_the_only_convolution_that_sees_far_enough_is_found(weighting, order):
    """Slow: convolutions have to learn something first; ten seconds in all."""
    alphas, loss = search(SHORT_SIGHTED, weighting, order, FAR, channels=8, steps=60, seed=2)

    assert max(alphas, key=alphas.__getitem__) == "dil_conv_3x3"
    assert loss < 0.1


@pytest.mark.parametrize(
    ("primitives", "gaps", "best"), [(LINEAR, NEAR, "max_pool_3x3"), (SHORT_SIGHTED, FAR, "dil_conv_3x3")]
)
def test_no_other_operation_can_tell_the_classes_apart(primitives, gaps, best):
    """By construction: the same two dots, nearer together or farther apart, give the same logits."""
    network = OneEdge(primitives, "scalar", channels=4).double()
    network.train()(torch.rand(8, 4, SIZE, SIZE).double())  # running statistics that are not those of the start
    images_BCHW = torch.zeros(2, 4, SIZE, SIZE).double()
    for image, gap in zip(images_BCHW, gaps, strict=True):
        image[:, 4, [3, 3 + gap]] = 1

    differences = {}
    for index, name in enumerate(primitives):
        network.weighting = lambda w_EK, index=index: torch.eye(w_EK.shape[1]).double()[[index]]
        near_C, far_C = network.eval()(images_BCHW)
        differences[name] = (near_C - far_C).abs().max().item()

    assert differences.pop(best) > 1e-7  # the least of 400 seeds is 7e-7
    assert max(differences.values()) < 1e-15
