"""The supernet against a naive one: values, gradients and running statistics."""

import pytest
import torch
from torch.nn import functional as F

from trainables.architecture.cell_supernet import CellSupernet, edges_from
from trainables.architecture.spaces import SPACES

CASES = [(SPACES["darts"], "max_w"), (SPACES["darts_ssc"], "scalar")]


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
    ours = CellSupernet(space=space, weighting=weighting, channels=2, layers=4, classes=3)
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
