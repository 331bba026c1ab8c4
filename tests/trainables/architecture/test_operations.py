"""Every operation against its naive twin, alone and as copies side by side."""

import pytest
import torch
from torch import nn

from trainables.architecture.blocks import Block
from trainables.architecture.operations import OPERATIONS
from trainables.architecture.spaces import OPERATION_NAMES, OPERATION_SETS, SPACES

ALL = [(operations, name) for operations in OPERATIONS for name in OPERATIONS[operations]]


def build(operations, name, **changes):
    arguments = {"channels_in": 4, "channels_out": 4, "stride": 1, "affine": True, **changes}
    return OPERATIONS[operations][name](**arguments)


def load(ours, theirs):
    for target, source in zip(ours.parameters(), theirs.parameters(), strict=True):
        target.data.copy_(source)


def randomise(module):
    for parameter in module.parameters():
        nn.init.normal_(parameter)


def test_names_are_those_that_are_built():
    assert {name: tuple(sorted(builders)) for name, builders in OPERATIONS.items()} == {
        name: tuple(sorted(names)) for name, names in OPERATION_SETS.items()
    }
    assert set(OPERATION_NAMES) == set().union(*OPERATION_SETS.values())
    for space in SPACES.values():
        assert set(space.primitives) <= set(OPERATION_SETS[space.operations])
        assert len(set(space.primitives)) == len(space.primitives)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(("operations", "name"), ALL)
def test_an_operation_computes_what_its_naive_twin_does(naive, operations, name, stride, affine):
    theirs = naive.operation(name, operations, 4, stride, affine, middle=5)
    randomise(theirs)
    ours = build(operations, name, stride=stride, affine=affine, mid_channels=5)
    load(ours, theirs)
    x = torch.randn(3, 4, 8, 8, requires_grad=True)

    expected, actual = theirs(x), ours(x)
    upstream = torch.randn_like(expected)

    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(naive.statistics(ours), naive.statistics(theirs), rtol=0, atol=1e-10)
    if name != "none":
        gradients = [torch.autograd.grad(y, [x], upstream, retain_graph=True)[0] for y in (actual, expected)]
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-9)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("operations", "name"), ALL)
def test_copies_side_by_side_are_so_many_operations(naive, operations, name, stride):
    copies = 3
    together = build(operations, name, stride=stride, affine=False, copies=copies)
    x = torch.randn(2, copies * 4, 6, 6)
    expected = []
    for copy in range(copies):
        alone = build(operations, name, stride=stride, affine=False)
        for target, source in zip(alone.parameters(), together.parameters(), strict=True):
            target.data.copy_(naive.copy_of(source, copy, copies))
        expected.append(alone(x[:, 4 * copy : 4 * copy + 4]))

    torch.testing.assert_close(together(x), torch.cat(expected, dim=1), rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["max_pool_3x3", "skip_connect", "sep_conv_3x3", "dil_conv_5x5", "flood_conv_3x3"])
def test_odd_sizes_halve_to_the_same_size_for_every_operation(naive, name):
    x = torch.randn(2, 4, 7, 9)

    assert build("ssc", name, stride=2)(x).shape == (2, 4, 4, 5)


def test_the_middle_of_a_choke_is_32_unless_said_and_of_a_flood_four_times_its_outputs():
    def middle(name, **changes):
        return build("ssc", name, **changes).body[1].out_channels

    assert [middle("choke_conv_3x3"), middle("choke_conv_3x3", mid_channels=96)] == [32, 96]
    assert [middle("flood_conv_3x3"), middle("flood_conv_3x3", mid_channels=96)] == [16, 16]


def test_a_multiplier_in_place_of_gamma_scales_the_output():
    block = build("ssc", "sep_conv_3x3", affine=False)
    assert isinstance(block, Block)
    x, scale = torch.randn(2, 4, 6, 6), torch.randn(4)

    expected = block.rectified(x) * scale.reshape(1, 4, 1, 1)

    torch.testing.assert_close(block.rectified(x, scale), expected, rtol=0, atol=1e-12)
    assert block.norm.num_batches_tracked == 2


def test_an_identity_cannot_change_the_number_of_channels():
    with pytest.raises(AssertionError):
        build("ssc", "skip_connect", channels_out=8)
