"""Mixed operations under autocast: a multiplier counts as it is, whatever it multiplies, and sums are rounded once."""

import pytest
import torch
from torch import nn

from trainables.architecture.hypercuboid import HyperCuboid
from trainables.architecture.hypercuboid_supernet import MixedLayer, MultiChannelSupernet
from trainables.architecture.mixed import MixedEdges
from trainables.architecture.scaling import parts, scaling_operation
from trainables.architecture.spaces import MultiChannelSpace, SearchSpace

MULTIPLIER = 0.7013
"""0.7031 in bfloat16, 0.7012 in float16."""
NAMES = ("skip_connect", "max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3")
HALF = [torch.bfloat16, torch.float16]


@pytest.fixture
def x_BCHW():
    return torch.randn(8, 4, 32, 32, dtype=torch.float32)


def edge(name):
    """One edge with one operation, as a function of its input and its multiplier."""
    space = SearchSpace(name="", primitives=(name, "none"), operations="ssc")
    mixed = MixedEdges(space=space, channels=4, stride=1, edges=1).float()
    return lambda x_BCHW, multiplier: mixed(x_BCHW, multiplier.view(1, 1))[0]


def term(name):
    """The same of one operation of a MultiChannelNet, as its layer adds it up."""
    apart = parts(scaling_operation(name, channels_in=4, channels_out=4, stride=1).float())
    return lambda x_BCHW, multiplier: apart.go_on(apart.begin(x_BCHW), multiplier)


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("build", [edge, term])
@pytest.mark.parametrize("name", NAMES)
def test_a_multiplier_is_not_rounded(x_BCHW, name, build, dtype):
    operation = build(name)
    with torch.no_grad(), torch.autocast("cpu", dtype=dtype):
        alone = operation(x_BCHW.to(dtype), torch.tensor(1.0, dtype=torch.float32)).float()
        scaled = operation(x_BCHW.to(dtype), torch.tensor(MULTIPLIER, dtype=torch.float32)).float()

    assert float((scaled * alone).sum() / alone.square().sum()) == pytest.approx(MULTIPLIER, abs=5e-5)


@pytest.mark.parametrize("dtype", HALF, ids=str)
@pytest.mark.parametrize("build", [edge, term])
@pytest.mark.parametrize("name", NAMES)
def test_nor_is_its_gradient(x_BCHW, name, build, dtype):
    operation, multiplier = build(name), torch.tensor(1.0, dtype=torch.float32, requires_grad=True)
    with torch.autocast("cpu", dtype=dtype):
        y_BCHW = operation(x_BCHW.to(dtype), multiplier).float()
    upstream = y_BCHW.detach() + 1.0

    (gradient,) = torch.autograd.grad(y_BCHW, multiplier, upstream)

    assert float(gradient) == pytest.approx(float((y_BCHW.detach() * upstream).sum()), rel=1e-3)


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_the_sum_of_a_layer_is_rounded_once(x_BCHW, dtype):
    """Rounded on the way, 1 + eps / 4 - 1 would be 0."""
    small = torch.finfo(dtype).eps / 4
    cuboid = HyperCuboid(axes={"depth": (0,), "operation": (0, 1, 2)}, depth=("depth",))
    layer = MixedLayer(cuboid, 0, lambda at: nn.Identity(), activation_checkpointing=False)
    multipliers_K = torch.tensor([1.0, small, -1.0], dtype=torch.float32)

    with torch.autocast("cpu", dtype=dtype):
        (y_BCHW,) = layer([torch.ones_like(x_BCHW, dtype=dtype)], multipliers_K, [True] * 3)

    assert y_BCHW.dtype == dtype
    assert y_BCHW.unique().tolist() == [small]


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_the_sum_of_an_edge_is_rounded_once(x_BCHW, dtype):
    small = torch.finfo(dtype).eps / 4
    space = SearchSpace(name="", primitives=("sep_conv_3x3", "dil_conv_3x3", "sep_conv_5x5"), operations="ssc")
    mixed = MixedEdges(space=space, channels=4, stride=1, edges=1).float()
    mixed.blocks["sep_conv_5x5"] = mixed.blocks["sep_conv_3x3"]  # which is then added and taken away again

    def outputs(*multipliers):
        return mixed(x_BCHW.to(dtype), torch.tensor([multipliers], dtype=torch.float32))[0]

    with torch.autocast("cpu", dtype=dtype):
        together, alone = outputs(1.0, small, -1.0), outputs(0.0, small, 0.0)

    assert together.dtype == dtype
    torch.testing.assert_close(together.float(), alone.float(), rtol=0.02, atol=small / 50)


@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_between_the_layers_of_a_multichannel_net_maps_stay_in_half_precision(dtype):
    space = MultiChannelSpace(name="", scales=(2, 3), blocks=1, layers=2, head_channels=4, primitives=NAMES)
    network, types = MultiChannelSupernet(space=space, weighting="max_w", classes=3).float(), []
    for layer in network.layers:
        assert isinstance(layer, MixedLayer)
        layer.register_forward_hook(lambda layer, inputs, states: types.extend(state.dtype for state in states))

    with torch.autocast("cpu", dtype=dtype):
        network(torch.randn(2, 3, 8, 8, dtype=torch.float32))

    assert types == [dtype] * 4
