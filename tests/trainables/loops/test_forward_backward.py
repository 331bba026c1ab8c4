"""A batch in parts, and on several ranks, is the whole batch: its loss, its wrong answers, its gradient."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parameters_to_vector

from trainables.config import TrainConfig
from trainables.distributed.shares import share
from trainables.loops.forward_backward import NetworkBatch, forward_backward
from trainables.optimization.descent import clip_gradients
from trainables.optimization.precision import Precision

CPU = torch.device("cpu")
FP32 = Precision("fp32", CPU)


class TwoHeads(nn.Module):
    """Pixels, as far as they are kept, to logits and those of an auxiliary head."""

    def __init__(self):
        super().__init__()
        self.body, self.head, self.auxiliary = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 3)

    def forward(self, x_BCHW, keep_DB=None):
        x = self.body(x_BCHW.flatten(1)).relu()
        if keep_DB is not None:
            x = x * keep_DB[0][:, None]
        return self.head(x), self.auxiliary(x)


@pytest.fixture
def network():
    return TwoHeads().double()


def batch_of(images, mine=slice(None)):
    """A rank's share of a batch of so many images."""
    draw = torch.Generator().manual_seed(1)
    x_BCHW = torch.randn(images, 6, 1, 1, dtype=torch.float64, generator=draw)
    keep_DB = 2.0 * torch.randint(0, 2, (1, images), generator=draw).double()
    labels_B = torch.arange(images) % 3
    return NetworkBatch(x_BCHW=x_BCHW[mine], labels_B=labels_B[mine], keep_DB=keep_DB[:, mine], whole=images)


def config(accumulate=1):
    return TrainConfig(genotype={}, accumulate=accumulate, auxiliary_weight=0.7)


def gradient(network):
    return parameters_to_vector([weight.grad for weight in network.parameters()])


def by_hand(network, batch):
    """Return loss, wrong answers and gradient of a whole batch, one image after the other."""
    losses, wrong = [], 0
    for image, label in enumerate(batch.labels_B):
        place = slice(image, image + 1)
        logits, auxiliary = network(batch.x_BCHW[place], batch.keep_DB[:, place])
        losses.append(F.cross_entropy(logits, label[None]) + 0.7 * F.cross_entropy(auxiliary, label[None]))
        wrong += int(logits.argmax() != label)
    loss = torch.stack(losses).mean()
    return loss.item(), wrong, parameters_to_vector(torch.autograd.grad(loss, list(network.parameters())))


@pytest.mark.parametrize("images", [8, 7])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_whatever_its_parts_a_batch_has_its_own_loss_wrong_answers_and_gradient(network, images, parts):
    expected_loss, expected_wrong, expected_gradient = by_hand(network, batch_of(images))

    loss, wrong = forward_backward(network, batch_of(images), config=config(parts), precision=FP32)

    assert loss.item() == pytest.approx(expected_loss, rel=1e-6)  # the loss is summed up in float32
    assert (wrong.item(), wrong.dtype) == (expected_wrong, torch.int64)
    assert not loss.requires_grad
    assert torch.allclose(gradient(network), expected_gradient, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("parts", [2, 4])
def test_a_step_of_a_batch_in_parts_is_that_of_the_whole(network, parts):
    whole = copy.deepcopy(network)
    for each, accumulate in ((network, parts), (whole, 1)):
        optimizer = torch.optim.SGD(each.parameters(), lr=0.1, momentum=0.9)
        forward_backward(each, batch_of(8), config=config(accumulate), precision=FP32)
        clip_gradients(optimizer, 5.0, FP32)
        optimizer.step()

    of_parts, of_whole = parameters_to_vector(network.parameters()), parameters_to_vector(whole.parameters())
    assert torch.allclose(of_parts, of_whole, rtol=1e-6, atol=1e-7)


class OneOfTwo:
    """What a rank sees of a team, whose other member's numbers are known beforehand."""

    ranks = 2

    def __init__(self, network, others=(0.0, 0)):
        self.network, self.others, self.last = network, others, []

    def forward(self, *inputs, last):
        self.last.append(last)
        return self.network(*inputs)

    def add_up(self, *numbers):
        return [number + other for number, other in zip(numbers, self.others, strict=True)]


def test_ranks_that_average_their_gradients_have_that_of_the_whole_batch(network):
    """Of shares of 4 and 3 images, in two parts each; gradients are exchanged once, behind the last part."""
    expected_loss, expected_wrong, expected_gradient = by_hand(network, batch_of(7))
    totals, gradients = (0.0, 0), []
    for rank in range(2):
        team = OneOfTwo(network, totals)
        network.zero_grad()
        batch = batch_of(7, share(7, rank=rank, ranks=2))
        totals = forward_backward(network, batch, config=config(2), precision=FP32, team=team)
        gradients.append(gradient(network))
        assert team.last == [False, True]

    assert totals[0].item() == pytest.approx(expected_loss, rel=1e-6)
    assert totals[1].item() == expected_wrong
    assert torch.allclose(sum(gradients) / 2, expected_gradient, rtol=1e-5, atol=1e-7)


def test_in_float16_what_is_gone_back_from_is_scaled_and_what_is_returned_is_not(network):
    scaled = Precision("fp16", CPU)
    scale = scaled.state()["scale"]
    loss, _ = forward_backward(network, batch_of(8), config=config(), precision=FP32)
    plain = gradient(network)
    network.zero_grad()

    half_loss, _ = forward_backward(network, batch_of(8), config=config(), precision=scaled)

    assert half_loss.item() == pytest.approx(loss.item(), rel=1e-2)
    assert gradient(network).norm().item() == pytest.approx(scale * plain.norm().item(), rel=1e-2)


@pytest.mark.parametrize("grad_clip", [None, 0.05])
def test_gradients_are_clipped_all_together_or_not_at_all(network, grad_clip):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    forward_backward(network, batch_of(8), config=config(), precision=FP32)
    expected = gradient(network).clone()
    if grad_clip:
        expected *= grad_clip / expected.norm()

    clip_gradients(optimizer, grad_clip, FP32)

    assert torch.allclose(gradient(network), expected, rtol=1e-4)
