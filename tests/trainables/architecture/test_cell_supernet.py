"""The supernet: its two sets of parameters, its edges and reductions."""

import pytest
import torch

from trainables.architecture.cell_supernet import EDGES, CellSupernet, edges_from, reductions
from trainables.architecture.spaces import SPACES
from trainables.errors import UnknownName


def build(space, weighting="scalar", layers=4):
    return CellSupernet(space=space, weighting=weighting, channels=2, layers=layers, classes=3)


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
