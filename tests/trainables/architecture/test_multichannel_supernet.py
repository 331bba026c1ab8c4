"""MultiChannelNet against a naive one, pruned and not; what pruning and computing activations again promise."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from trainables.architecture.hypercuboid_supernet import MultiChannelSupernet
from trainables.architecture.spaces import MultiChannelSpace
from trainables.errors import TrialFailure, UnknownName
from trainables.optimization.bilevel import FirstOrder

PRIMITIVES = ("sep_conv_3x3", "max_pool_3x3", "skip_connect")
CASES = [(weighting, prune_below) for weighting in ("scalar", "max_w") for prune_below in (None, 0.02)]


def build(primitives=PRIMITIVES, **changes):
    space = MultiChannelSpace(name="", scales=(2, 4), blocks=2, layers=2, primitives=primitives, head_channels=6)
    network = MultiChannelSupernet(**{"space": space, "weighting": "scalar", "classes": 3, **changes})
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    return network


@pytest.fixture
def batch():
    return torch.randn(3, 3, 8, 8), torch.tensor([0, 1, 2])


class NaiveMultiChannelNet:
    """Every operation of every layer on its own, in loops over all coordinates, with the numbers of ours."""

    def __init__(self, naive, ours, weighting, prune_below):
        self.ours, self.weighting, self.prune_below, self.pruned = ours, weighting, prune_below, []
        space = ours.space
        self.pairs = []  # (our module, its twin)
        self.stems = {c: nn.Sequential(nn.Conv2d(3, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)) for c in (2, 4)}
        self.tails = {c: naive.separable(c, space.head_channels, 3, 1, True) for c in (2, 4)}
        self.choices = {}
        for block, layer in itertools.product((0, 1), (0, 1)):
            operations = iter(ours.layers[2 * block + layer].operations)
            for c_in, c_out, name in itertools.product((2, 4), (2, 4), space.primitives):
                twin = naive.scaling(name, c_in, c_out, 1 + layer)
                self.choices[layer, block, c_in, c_out, name] = twin
                self.pairs.append((next(operations), twin))
        self.pairs += zip((*ours.stems, *ours.tails), (*self.stems.values(), *self.tails.values()), strict=True)
        for module, twin in self.pairs:
            for source, target in zip(module.parameters(), twin.parameters(), strict=True):
                target.data.copy_(source)
        self.alphas = ours.alphas.detach().clone().requires_grad_()

    def __call__(self, x):
        maps = {c: stem(x) for c, stem in self.stems.items()}
        for block, layer in itertools.product((0, 1), (0, 1)):
            exponentials = self.alphas[layer, block].exp()
            w = exponentials / exponentials.sum()
            sums = {}
            points = list(
                itertools.product(enumerate((2, 4)), enumerate((2, 4)), enumerate(self.ours.space.primitives))
            )
            for (i, c_in), (j, c_out), (k, name) in points:
                if c_in not in maps or (self.prune_below is not None and w[i, j, k] <= self.prune_below):
                    self.pruned.append((layer, block, c_in, c_out, name))
                    continue
                factor = w[i, j, k] if self.weighting == "scalar" else 1 - w.max() + w[i, j, k]
                sums[c_out] = sums.get(c_out, 0) + factor * self.choices[layer, block, c_in, c_out, name](maps[c_in])
            maps = sums
        head = sum(self.tails[c](x) for c, x in maps.items())
        linear = self.ours.classifier[-1]
        return head.mean(dim=(2, 3)) @ linear.weight.detach().T + linear.bias.detach()

    def eval(self):
        for _, twin in self.pairs:
            twin.eval()
        return self


@pytest.mark.parametrize(("weighting", "prune_below"), CASES)
def test_the_supernet_equals_a_naive_one_to_the_last_digits(naive, batch, weighting, prune_below):
    x, labels = batch
    ours = build(weighting=weighting, prune_below=prune_below)
    with torch.no_grad():
        ours.alphas[0, 1, :, 0] -= 9  # nothing of weight leads to the 2 channels in the third layer
    theirs = NaiveMultiChannelNet(naive, ours, weighting, prune_below)

    logits, expected = ours(x), theirs(x)
    F.cross_entropy(logits, labels).backward()
    F.cross_entropy(expected, labels).backward()

    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(ours.alphas.grad, theirs.alphas.grad, rtol=0, atol=1e-11)
    assert ours.alphas.grad.abs().max() > 1e-4
    assert {(1, 1, 2, 4, name) for name in PRIMITIVES} <= set(theirs.pruned) or prune_below is None
    for module, twin in theirs.pairs:
        for parameter, target in zip(module.parameters(), twin.parameters(), strict=True):
            assert (parameter.grad is None) == (target.grad is None)
            if parameter.grad is not None:
                torch.testing.assert_close(parameter.grad, target.grad, rtol=1e-8, atol=1e-10)
        torch.testing.assert_close(naive.statistics(module), naive.statistics(twin), rtol=0, atol=1e-10)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=0, atol=1e-9)


def test_pruning_looks_at_the_weight_also_under_max_w(batch):
    whole, pruned = build(weighting="max_w"), build(weighting="max_w", prune_below=1 / 24)
    pruned.load_state_dict(whole.state_dict())
    with torch.no_grad():
        for network in (whole, pruned):
            network.alphas.zero_()  # 1/12 each, all multipliers 1
    assert torch.equal(whole(batch[0]), pruned(batch[0]))
    with torch.no_grad():
        pruned.alphas[0, 0, 0, 0, 0] = -1.0  # 0.03: its multiplier would be 0.94
    pruned(batch[0])

    left_out, computed = pruned.layers[0].operations[0], pruned.layers[0].operations[3]
    assert (left_out.norm.num_batches_tracked, computed.norm.num_batches_tracked) == (1, 2)


def test_an_operation_exactly_at_the_threshold_is_left_out(batch):
    network = build(primitives=("sep_conv_3x3", "max_pool_3x3"), prune_below=1 / 8)
    with torch.no_grad():
        network.alphas.zero_()

    with pytest.raises(TrialFailure, match="no path is left"):
        network(batch[0])


def test_a_network_without_any_path_fails_with_the_remedy(batch):
    with pytest.raises(
        TrialFailure,
        match=r"no path is left whose operations all have weights above prune_below = 0\.99; set a lower prune_below",
    ):
        build(prune_below=0.99)(batch[0])


def test_alphas_that_are_no_numbers_reach_the_loss_and_prune_nothing(batch):
    network = build(prune_below=0.02)
    with torch.no_grad():
        network.alphas.fill_(float("nan"))

    assert network(batch[0]).isnan().all()


class _Transfers(TorchFunctionMode):
    """Notes what brings numbers from the device to the host."""

    KINDS = ("tolist", "item", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__")

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") in self.KINDS:
            self.seen.append((func.__name__, tuple(args[0].shape)))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("prune_below", "expected"), [(None, []), (0.02, [("tolist", (4, 12))])])
def test_a_forward_pass_waits_for_the_device_once_when_pruned_and_else_never(batch, prune_below, expected):
    network = build(weighting="max_w", prune_below=prune_below)
    with _Transfers() as transfers:
        network(batch[0]).sum().backward()

    assert transfers.seen == expected


@pytest.mark.parametrize("prune_below", [None, 0.02])
def test_computing_activations_again_changes_no_gradient_and_no_statistic(batch, prune_below):
    plain = build(weighting="max_w", prune_below=prune_below)
    again = build(weighting="max_w", prune_below=prune_below, activation_checkpointing=True)
    again.load_state_dict(plain.state_dict())
    kept = []
    for network in (plain, again):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, s=sizes: (s.append(t.numel()), t)[1], lambda t: t):
            loss = F.cross_entropy(network(batch[0]), batch[1])
        loss.backward()
        kept.append(sum(sizes))

    assert kept[1] < 0.6 * kept[0]
    for (name, parameter), twin in zip(plain.named_parameters(), again.parameters(), strict=True):
        assert (parameter.grad is None) == (twin.grad is None), name
        assert parameter.grad is None or torch.equal(parameter.grad, twin.grad), name
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), again.state_dict().values(), strict=True))


def test_activations_computed_again_do_for_steps_of_either_kind(batch):
    network = build(activation_checkpointing=True)
    before = {name: value.clone() for name, value in network.named_parameters()}
    steps = FirstOrder(
        network, momentum=0.9, weight_decay=3e-4, grad_clip=5.0, arch_learning_rate=0.1, arch_weight_decay=1e-3
    )
    steps.set_learning_rate(0.1)
    steps.alphas_step(batch, batch)
    assert {n for n, p in network.named_parameters() if not torch.equal(p, before[n])} == {"alphas"}
    steps.weights_step(batch)

    assert all(not torch.equal(p, before[n]) for n, p in network.named_parameters())


def test_permuting_the_primitives_permutes_the_result(batch):
    order = [2, 0, 1]
    ours, other = build(), build(primitives=tuple(PRIMITIVES[k] for k in order))
    other.load_state_dict(permuted(ours.state_dict(), order))
    for network in (ours, other):
        F.cross_entropy(network(batch[0]), batch[1]).backward()

    torch.testing.assert_close(other.eval()(batch[0]), ours.eval()(batch[0]), rtol=0, atol=1e-10)
    torch.testing.assert_close(other.alphas.grad, ours.alphas.grad[..., order], rtol=0, atol=1e-12)


def permuted(state, order):
    """The state of a supernet whose k-th primitive is the order[k]-th of another."""
    result = {}
    for name, value in state.items():
        words = name.split(".")
        if words[0] == "layers":
            point, old = divmod(int(words[3]), len(order))
            words[3] = str(point * len(order) + order.index(old))
        result[".".join(words)] = value[..., order] if name == "alphas" else value
    return result


def test_the_alphas_are_the_only_parameters_that_are_no_weights():
    network = build()

    assert network.alpha_parameters() == [network.alphas]
    assert network.alphas.shape == network.cuboid.shape == (2, 2, 2, 2, 3)
    weights = {id(parameter) for parameter in network.weight_parameters()}
    assert weights | {id(network.alphas)} == {id(parameter) for parameter in network.parameters()}
    assert id(network.alphas) not in weights


def test_weights_after_the_softmax_stand_in_the_order_of_a_path():
    network = build()
    w_LK = network.weights_after_softmax()

    torch.testing.assert_close(w_LK.sum(dim=1), torch.ones(4))
    by_hand = torch.stack([network.alphas[layer, block].flatten().softmax(0) for block in (0, 1) for layer in (0, 1)])
    torch.testing.assert_close(w_LK, by_hand)
    from_indices = network.alphas.flatten()[torch.from_numpy(network.cuboid.indices_LK)].softmax(-1)
    assert torch.equal(w_LK, from_indices)


def test_reset_draws_small_alphas_from_its_generator_alone():
    first, second = build(), build()
    weights = [parameter.clone() for parameter in first.weight_parameters()]
    for network in (first, second):
        torch.randn(7)
        network.reset(torch.Generator().manual_seed(5))

    assert torch.equal(first.alphas, second.alphas)
    assert 5e-4 < first.alphas.std() < 2e-3
    assert all(torch.equal(a, b) for a, b in zip(first.weight_parameters(), weights, strict=True))


def test_an_unknown_weighting_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'max_w'"):
        build(weighting="maxw")
