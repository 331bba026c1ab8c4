"""What is said of each primitive is what is built."""

import pytest
from torch import nn

from trainables.architecture.operations import OPERATIONS
from trainables.architecture.primitives import PRIMITIVES
from trainables.architecture.spaces import OPERATION_SETS

CASES = [(operations, name) for operations, names in OPERATION_SETS.items() for name in names]
CHANNELS = 6


def test_every_primitive_is_described():
    assert {key: tuple(sorted(names)) for key, names in PRIMITIVES.items()} == {
        key: tuple(sorted(names)) for key, names in OPERATION_SETS.items()
    }


@pytest.mark.parametrize(("operations", "name"), CASES)
def test_kernels_dilations_and_middles_are_those_built(operations, name):
    said = PRIMITIVES[operations][name]
    built = OPERATIONS[operations][name](channels_in=CHANNELS, channels_out=CHANNELS, stride=1, affine=True)
    pools = [module for module in built.modules() if isinstance(module, nn.MaxPool2d | nn.AvgPool2d)]
    convolutions = [module for module in built.modules() if isinstance(module, nn.Conv2d)]
    pointwise = [each for each in convolutions if each.kernel_size == (1, 1)]
    spatial = [each for each in convolutions if each.kernel_size != (1, 1)]

    assert pools or spatial or name in ("none", "skip_connect")
    if pools:
        assert (said.kernel, said.dilation) == (pools[0].kernel_size, 1)
    if spatial:
        assert {max(each.kernel_size) for each in spatial} == {said.kernel}
        assert [each.dilation[0] for each in spatial] == [said.dilation, *[1] * (len(spatial) - 1)]
    if len(pointwise) == 2:
        middle = said.middle if said.middle is not None else CHANNELS * (said.multiplier or 0)
        assert pointwise[0].out_channels == pointwise[1].in_channels == middle
    else:
        assert (said.middle, said.multiplier) == (None, None)
    if name in ("none", "skip_connect"):
        assert not convolutions
        assert said.kernel == (None if name == "none" else 1)
