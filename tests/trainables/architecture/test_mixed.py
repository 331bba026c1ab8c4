"""The mixed operations of a state's edges against one naive mixed operation for each edge."""

import pytest
import torch

from trainables.architecture.mixed import MixedEdges
from trainables.architecture.spaces import OPERATION_SETS, SPACES, SearchSpace
from trainables.architecture.weighting import WEIGHTINGS

EVERYTHING = SearchSpace(name="everything", primitives=OPERATION_SETS["ssc"], operations="ssc")


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("weighting", ["scalar", "max_w"])
@pytest.mark.parametrize("space", [*SPACES.values(), EVERYTHING], ids=lambda space: space.name)
def test_shared_edges_compute_what_each_edge_alone_does(naive, space, weighting, stride):
    edges = 3
    ours = MixedEdges(space=space, channels=4, stride=stride, edges=edges)
    theirs = [naive.MixedOperation(space.primitives, space.operations, 4, stride) for _ in range(edges)]
    for name, block in ours.blocks.items():
        for edge, single in enumerate(theirs):
            twin = single.choices[space.primitives.index(name)]
            for source, target in zip(block.parameters(), twin.parameters(), strict=True):
                target.data.copy_(naive.copy_of(source, edge, edges))
    x = torch.randn(3, 4, 6, 6, requires_grad=True)
    alphas = torch.randn(edges, len(space.primitives), requires_grad=True)
    multipliers = WEIGHTINGS[weighting](alphas.softmax(dim=-1))
    upstream = torch.randn(edges, 3, 4, 6 // stride, 6 // stride)

    actual = torch.stack(list(ours(x, multipliers[:, ours.columns])))
    expected = torch.stack([single(x, row) for single, row in zip(theirs, multipliers, strict=True)])

    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad(y, [x, alphas], upstream, retain_graph=True) for y in (actual, expected)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-11)


def test_without_convolutions_or_without_shared_maps_the_sum_is_of_what_there_is():
    x = torch.randn(2, 4, 6, 6)
    for primitives in (("none", "skip_connect"), ("none", "sep_conv_3x3")):
        space = SearchSpace(name="small", primitives=primitives, operations="ssc")

        outputs = MixedEdges(space=space, channels=4, stride=1, edges=2)(x, torch.full((2, 1), 0.5))

        assert [output.shape for output in outputs] == [x.shape, x.shape]
