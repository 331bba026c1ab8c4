"""The supernet against a naive one: values, gradients and running statistics; and its two sets of parameters."""

import pytest
import torch
from torch.nn import functional as F

from trainables.architecture.cell_supernet import EDGES, CellSupernet, edges_from, reductions
from trainables.architecture.spaces import SPACES
from trainables.errors import UnknownName

CASES = [(SPACES["darts"], "max_w"), (SPACES["darts_ssc"], "scalar")]


def build(space, weighting="scalar", layers=4):
    return CellSupernet(space=space, weighting=weighting, channels=2, layers=layers, classes=3)


def pairs(naive, ours, theirs):
    """Yield (our module, its copy number, number of copies, their module) for everything that has numbers."""
    yield from ((ours.stem, 0, 1, theirs.stem), (ours.classifier, 0, 1, theirs.classifier))
    for cell, twin in zip(ours.cells, theirs.cells, strict=True):
        yield from ((cell.preprocess0, 0, 1, twin.first), (cell.preprocess1, 0, 1, twin.second))
        for state, source in enumerate(cell.sources):
            for copy, edge in enumerate(edges_from(state)):
                choices = dict(zip(ours.space.primitives, twin.edges[edge].choices, strict=True))
                yield from ((block, copy, source.edges, choices[name]) for name, block in source.blocks.items())
                yield from ((shared, 0, 1, choices[name]) for name, shared in source.shared.items())


def assert_all_close(pairs, **tolerances):
    """Compare thousands of small tensors with their twins at once: of the same shapes, and close in every number."""
    ours, theirs = zip(*pairs, strict=True)
    assert [tensor.shape for tensor in ours] == [tensor.shape for tensor in theirs]
    torch.testing.assert_close(*(torch.cat([t.flatten() for t in each]) for each in (ours, theirs)), **tolerances)


@pytest.fixture
def twins(naive, request):
    space, weighting = request.param
    ours = build(space, weighting)
    theirs = naive.Supernet(space.primitives, space.operations, weighting, channels=2, layers=4, classes=3)
    for alphas, twin in zip(ours.alpha_parameters(), (theirs.alphas_normal, theirs.alphas_reduce), strict=True):
        torch.nn.init.normal_(alphas)
        twin.data.copy_(alphas.data)
    for module, copy, copies, twin in pairs(naive, ours, theirs):
        for source, target in zip(module.parameters(), twin.parameters(), strict=True):
            target.data.copy_(naive.copy_of(source, copy, copies))
    return ours, theirs


@pytest.mark.parametrize("twins", CASES, indirect=True, ids=lambda case: f"{case[0].name}-{case[1]}")
def test_the_supernet_equals_a_naive_one_to_the_last_digits(naive, twins):
    ours, theirs = twins
    x, labels = torch.randn(3, 3, 8, 8), torch.tensor([0, 1, 2])

    logits, expected = ours(x), theirs(x)
    F.cross_entropy(logits, labels).backward()
    F.cross_entropy(expected, labels).backward()

    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.alphas_normal.grad, theirs.alphas_normal.grad, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours.alphas_reduce.grad, theirs.alphas_reduce.grad, rtol=0, atol=1e-12)
    assert ours.alphas_normal.grad.abs().max() > 1e-5
    gradients, statistics = [], []
    for module, copy, copies, twin in pairs(naive, ours, theirs):
        for parameter, target in zip(module.parameters(), twin.parameters(), strict=True):
            gradients.append((naive.copy_of(parameter.grad, copy, copies), target.grad))
        for value, target in zip(naive.statistics(module), naive.statistics(twin), strict=True):
            statistics.append((naive.copy_of(value, copy, copies), target))
    assert_all_close(gradients, rtol=1e-9, atol=1e-11)
    assert_all_close(statistics, rtol=0, atol=1e-11)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=0, atol=1e-11)


def test_alphas_and_weights_are_all_parameters_and_disjoint():
    network = build(SPACES["darts"])
    weights, alphas = network.weight_parameters(), network.alpha_parameters()

    assert [tuple(a.shape) for a in alphas] == [(EDGES, 8), (EDGES, 8)]
    assert {id(p) for p in weights} | {id(p) for p in alphas} == {id(p) for p in network.parameters()}
    assert not {id(p) for p in weights} & {id(p) for p in alphas}


def test_a_saved_supernet_comes_back_with_its_alphas():
    first, second = build(SPACES["darts"]), build(SPACES["darts"])
    x = torch.randn(2, 3, 8, 8)
    first(x)

    second.load_state_dict(first.state_dict())

    assert torch.equal(first.eval()(x), second.eval()(x))
    assert {"alphas_normal", "alphas_reduce"} <= set(first.state_dict())


def test_reset_draws_small_alphas_from_its_generator_alone():
    first, second = build(SPACES["darts"]), build(SPACES["darts"])
    weights = [p.clone() for p in first.weight_parameters()]
    for network in (first, second):
        torch.randn(7)
        network.reset(torch.Generator().manual_seed(5))

    assert all(torch.equal(a, b) for a, b in zip(first.alpha_parameters(), second.alpha_parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first.weight_parameters(), weights, strict=True))
    assert not torch.equal(first.alphas_normal, first.alphas_reduce)
    assert 5e-4 < first.alphas_normal.std() < 2e-3


def test_edges_are_numbered_node_by_node():
    ends = [(state, node) for node in range(4) for state in range(2 + node)]

    assert sorted(edge for state in range(5) for edge in edges_from(state)) == list(range(EDGES))
    for state in range(5):
        assert [ends[edge] for edge in edges_from(state)] == [(state, node) for node in range(4) if state < 2 + node]


@pytest.mark.parametrize(("layers", "expected"), [(3, [1, 2]), (4, [1, 2]), (5, [1, 3]), (8, [2, 5]), (20, [6, 13])])
def test_cells_reduce_at_one_and_two_thirds(layers, expected):
    assert reductions(layers) == expected


def test_an_unknown_weighting_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'scalar'"):
        build(SPACES["darts"], weighting="scaler")
