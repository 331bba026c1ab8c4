"""A second-order step, against an exact product with the Hessian and against its formula written out naively."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.hypercuboid_supernet import MultiChannelSupernet
from trainables.architecture.spaces import MultiChannelSpace, SearchSpace
from trainables.optimization.bilevel import FirstOrder, SecondOrder

RATE, MOMENTUM, DECAY = 0.05, 0.9, 0.01
CASES = [(kind, weighting) for kind in ("cells", "multichannel") for weighting in ("scalar", "max_w")]


@pytest.fixture(autouse=True)
def _in_double_precision(monkeypatch):
    """Cells of two nodes, with 5 edges instead of 14, take a third of the time."""
    monkeypatch.setattr("trainables.architecture.cell_supernet.NODES", 2)
    monkeypatch.setattr("trainables.architecture.cell_supernet.EDGES", 5)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def build(kind, weighting, *, pool="max_pool_3x3", **options):
    """A tiny supernet whose alphas are far from equal."""
    if kind == "cells":
        space = SearchSpace(name="", primitives=("none", pool, "sep_conv_3x3"), operations="ssc")
        network = CellSupernet(space=space, weighting=weighting, channels=2, layers=3, classes=3, **options)
    else:
        space = MultiChannelSpace(
            name="", scales=(2, 3), blocks=1, layers=2, primitives=("sep_conv_3x3", pool), head_channels=4
        )
        network = MultiChannelSupernet(space=space, weighting=weighting, classes=3, **options)
    for alphas in network.alpha_parameters():
        nn.init.normal_(alphas, std=0.5)
    return network


def without_kinks(network):
    """The network with a smooth function in place of each ReLU."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.Softplus())
    return network


def levels(network, order=SecondOrder, rate=RATE):
    bilevel = order(
        network,
        momentum=MOMENTUM,
        weight_decay=DECAY,
        grad_clip=5.0,
        arch_learning_rate=3e-4,
        arch_weight_decay=1e-3,
    )
    bilevel.set_learning_rate(rate)
    return bilevel


def batches():
    """A batch for the alphas, and one for the weights."""
    return [(torch.randn(4, 3, 8, 8), torch.arange(4) % 3) for _ in range(2)]


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def alphas_gradient(bilevel, network, *batches):
    """The gradient of one alphas step; the alphas stay."""
    before = [alphas.detach().clone() for alphas in network.alpha_parameters()]
    bilevel.alphas_step(*batches)
    for alphas, value in zip(network.alpha_parameters(), before, strict=True):
        alphas.data.copy_(value)
    return flat([alphas.grad for alphas in network.alpha_parameters()])


def exact_gradient(network, bilevel, alphas_batch, weights_batch):
    """d L_alphas(w', alphas) / d alphas, w' being a function of the alphas: autograd all the way, Hessian and all."""
    names = [name for name, _ in network.named_parameters() if not name.startswith("alphas")]
    weights = network.weight_parameters()
    loss = F.cross_entropy(network(weights_batch[0]), weights_batch[1])
    gradients = torch.autograd.grad(loss, weights, create_graph=True)
    moved = {}
    for name, weight, gradient in zip(names, weights, gradients, strict=True):
        buffer = bilevel.weights_optimizer.state[weight]["momentum_buffer"]
        moved[name] = weight.detach() - RATE * (MOMENTUM * buffer + gradient + DECAY * weight.detach())
    logits = torch.func.functional_call(network, moved, (alphas_batch[0],))
    loss = F.cross_entropy(logits, alphas_batch[1])
    return flat(torch.autograd.grad(loss, network.alpha_parameters()))


def naive_gradient(network, buffers, alphas_batch, weights_batch):
    """The formula of the released code with whole networks in place of moved weights: each displacement is a copy."""

    def gradients(at, batch):
        F.cross_entropy(at(batch[0]), batch[1]).backward()
        parameters = (at.weight_parameters(), at.alpha_parameters())
        return [flat([torch.zeros_like(p) if p.grad is None else p.grad for p in level]) for level in parameters]

    def displaced(direction, length):
        other = copy.deepcopy(network)
        vector = flat(other.weight_parameters()) + length * direction
        nn.utils.vector_to_parameters(vector, other.weight_parameters())
        return other

    w = flat(network.weight_parameters())
    g, _ = gradients(displaced(w, 0), weights_batch)
    v, direct = gradients(displaced(MOMENTUM * buffers + g + DECAY * w, -RATE), alphas_batch)
    r = 0.01 / v.norm()
    _, above = gradients(displaced(v, r), weights_batch)
    _, below = gradients(displaced(v, -r), weights_batch)
    return direct - RATE * (above - below) / (2 * r)


def error(actual, expected):
    return float((actual - expected).norm() / expected.norm())


@pytest.mark.parametrize(("kind", "weighting"), CASES)
def test_the_gradient_is_the_exact_one_to_the_accuracy_of_the_finite_difference(kind, weighting, monkeypatch):
    """Without kinks the error is of the second order in the radius: a tenth of that, a hundredth of this."""
    network = without_kinks(build(kind, weighting, pool="avg_pool_3x3"))
    bilevel, data = levels(network), batches()
    bilevel.weights_step(data[1])
    exact = exact_gradient(network, bilevel, *data)

    first = error(alphas_gradient(levels(network, FirstOrder), network, *data), exact)
    wide = error(alphas_gradient(bilevel, network, *data), exact)
    monkeypatch.setattr("trainables.optimization.bilevel.RADIUS", 0.001)
    narrow = error(alphas_gradient(bilevel, network, *data), exact)

    assert wide < 1e-2
    assert narrow == pytest.approx(wide / 100, rel=0.1)
    assert first > 10 * wide


def test_with_relus_and_max_pools_it_is_exact_where_the_finite_difference_meets_no_kink(monkeypatch):
    network = build("cells", "max_w")
    bilevel, data = levels(network), batches()
    bilevel.weights_step(data[1])
    monkeypatch.setattr("trainables.optimization.bilevel.RADIUS", 1e-6)

    assert error(alphas_gradient(bilevel, network, *data), exact_gradient(network, bilevel, *data)) < 1e-6


@pytest.mark.parametrize(
    ("kind", "weighting", "steps"), [("cells", "max_w", 1), ("multichannel", "scalar", 2), ("multichannel", "max_w", 0)]
)
def test_the_gradient_equals_a_naive_one_with_and_without_momentum(kind, weighting, steps):
    network = build(kind, weighting)
    bilevel, data = levels(network), batches()
    for _ in range(steps):
        bilevel.weights_step(data[1])
    states = [bilevel.weights_optimizer.state.get(w, {}) for w in network.weight_parameters()]
    no_buffers = torch.zeros_like(flat(network.weight_parameters()))
    buffers = flat([state["momentum_buffer"] for state in states]) if steps else no_buffers

    expected = naive_gradient(network, buffers, *data)

    torch.testing.assert_close(alphas_gradient(bilevel, network, *data), expected, rtol=1e-9, atol=1e-12)


def test_pruned_operations_take_no_part():
    network = build("multichannel", "max_w", prune_below=0.125)
    bilevel, data = levels(network), batches()
    no_buffers = torch.zeros_like(flat(network.weight_parameters()))

    expected = naive_gradient(network, no_buffers, *data)
    actual = alphas_gradient(bilevel, network, *data)
    bilevel.weights_step(data[1])

    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-12)
    assert any(weight.grad is None for weight in network.weight_parameters())


@pytest.mark.parametrize(("kind", "checkpointing"), [("cells", True), ("multichannel", False)])
def test_everything_but_the_alphas_is_afterwards_what_it_was_to_the_last_bit(kind, checkpointing):
    torch.set_default_dtype(torch.float32)  # where adding and subtracting again would show
    network = build(kind, "max_w", activation_checkpointing=checkpointing)
    bilevel, data = levels(network), batches()
    bilevel.weights_step(data[1])
    before, optimizer = state(network), copy.deepcopy(bilevel.weights_optimizer.state_dict())
    gradients = [w.grad.clone() for w in network.weight_parameters()]

    bilevel.alphas_step(*data)

    after = state(network)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if name.startswith("alphas")}
    assert all(torch.equal(w.grad, g) for w, g in zip(network.weight_parameters(), gradients, strict=True))
    found = bilevel.weights_optimizer.state_dict()["state"]
    assert found.keys() == optimizer["state"].keys()
    assert all(torch.equal(found[key]["momentum_buffer"], optimizer["state"][key]["momentum_buffer"]) for key in found)
    bilevel.weights_step(data[1])
    assert {int(norm) for name, norm in state(network).items() if name.endswith("num_batches_tracked")} == {2}


def test_an_error_in_between_leaves_the_weights_as_they_were(monkeypatch):
    network = build("cells", "scalar")
    bilevel, data = levels(network), batches()
    before = state(network)
    forward, calls = network.forward, []

    def third_call_fails(x):
        calls.append(x)
        if len(calls) == 3:
            raise MemoryError
        return forward(x)

    monkeypatch.setattr(network, "forward", third_call_fails)
    with pytest.raises(MemoryError):
        bilevel.alphas_step(*data)

    assert same(before, state(network))


def test_at_a_learning_rate_of_zero_it_is_the_first_order():
    network = build("cells", "max_w")
    data = batches()

    second = alphas_gradient(levels(network, SecondOrder, rate=0.0), network, *data)

    assert torch.equal(second, alphas_gradient(levels(network, FirstOrder, rate=0.0), network, *data))


def test_a_flat_loss_gives_numbers():
    network = build("cells", "scalar")
    bilevel, data = levels(network), batches()
    network.classifier.weight.data.zero_()
    one_class = [(x, torch.zeros(4, dtype=torch.int64)) for x, _ in data]
    network.classifier.bias.data.copy_(torch.tensor([1e4, 0.0, 0.0]))

    assert torch.equal(alphas_gradient(bilevel, network, *one_class), torch.zeros(2 * 5 * 3))


def test_recomputed_activations_give_the_same_gradient_to_the_last_bit():
    network = build("cells", "max_w")
    twin = build("cells", "max_w", activation_checkpointing=True)
    twin.load_state_dict(network.state_dict())
    data = batches()

    expected = alphas_gradient(levels(network), network, *data)

    assert torch.equal(alphas_gradient(levels(twin), twin, *data), expected)


def test_loss_and_logits_are_those_of_the_weights_one_step_ahead():
    network = build("cells", "scalar")
    bilevel, data = levels(network), batches()
    ahead = copy.deepcopy(network)
    sgd = torch.optim.SGD(ahead.weight_parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
    F.cross_entropy(ahead(data[1][0]), data[1][1]).backward()
    sgd.step()

    loss, logits_BC = bilevel.alphas_step(*data)

    expected_BC = ahead(data[0][0])
    torch.testing.assert_close(logits_BC, expected_BC.detach(), rtol=0, atol=1e-12)
    torch.testing.assert_close(loss, F.cross_entropy(expected_BC, data[0][1]).detach(), rtol=0, atol=1e-12)
    assert not loss.requires_grad
    assert not logits_BC.requires_grad
