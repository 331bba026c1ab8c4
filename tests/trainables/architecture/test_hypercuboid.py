"""HyperCuboids: boxes of weights, whatever their axes mean."""

import math

import numpy as np
import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.hypercuboid import HyperCuboid, multichannel_cuboid, multichannel_stride
from trainables.architecture.spaces import InvalidSpace, MultiChannelSpace, look_up_space
from trainables.errors import UnknownName


@st.composite
def multichannel_spaces(draw):
    return MultiChannelSpace(
        name="",
        scales=tuple(draw(st.permutations([4, 8, 16]))[: draw(st.integers(1, 3))]),
        blocks=draw(st.integers(1, 3)),
        layers=draw(st.integers(1, 3)),
        primitives=("sep_conv_3x3", "max_pool_3x3", "skip_connect")[: draw(st.integers(1, 3))],
    )


def test_the_default_multichannelnet_has_the_released_shape():
    cuboid = multichannel_cuboid(look_up_space("multichannel"))

    assert tuple(cuboid.axes) == ("layer", "block", "channels_in", "channels_out", "primitive")
    assert cuboid.shape == (2, 4, 4, 4, 2)
    assert cuboid.weights == 256
    assert cuboid.indices_LK.shape == (8, 32)


def test_the_printed_multichannelnet_has_the_printed_number_of_weights():
    assert multichannel_cuboid(look_up_space("multichannel_printed")).weights == (4 * 4) * 3 * 3 * 2


@few(25)
@given(multichannel_spaces())
def test_there_are_as_many_weights_as_the_product_of_the_axes(space):
    cuboid = multichannel_cuboid(space)

    assert cuboid.weights == math.prod(map(len, cuboid.axes.values())) == cuboid.indices_LK.size
    assert sorted(cuboid.indices_LK.flatten()) == list(range(cuboid.weights))
    assert len(cuboid.layers) == space.blocks * space.layers


@few(25)
@given(multichannel_spaces())
def test_each_index_leads_to_the_alpha_of_its_candidate(space):
    cuboid = multichannel_cuboid(space)
    alphas = np.arange(cuboid.weights).reshape(cuboid.shape)

    for layer, row in enumerate(cuboid.indices_LK):
        for index, operation in zip(row, cuboid.candidates(layer), strict=True):
            position = tuple(values.index(operation[name]) for name, values in cuboid.axes.items())
            assert alphas[position] == alphas.flatten()[index]
    rows = alphas.transpose(cuboid.permutation).reshape(cuboid.indices_LK.shape)
    assert (rows == alphas.flatten()[cuboid.indices_LK]).all()


def test_layers_run_through_a_block_before_the_next_and_the_last_of_each_halves_the_image():
    cuboid = multichannel_cuboid(MultiChannelSpace(name="", blocks=2, layers=3))

    assert [(each["block"], each["layer"]) for each in cuboid.layers] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
        (1, 1),
        (1, 2),
    ]
    assert [multichannel_stride(cuboid, each) for each in cuboid.layers] == [1, 1, 2, 1, 1, 2]


def test_a_cuboid_need_not_name_states():
    cuboid = HyperCuboid(axes={"kernel": (3, 5, 7), "depth": (0, 1), "activation": ("relu", "gelu")}, depth=("depth",))

    assert cuboid.weights == 12
    assert cuboid.states == (None,)
    assert cuboid.candidates(1)[:3] == (
        {"depth": 1, "kernel": 3, "activation": "relu"},
        {"depth": 1, "kernel": 3, "activation": "gelu"},
        {"depth": 1, "kernel": 5, "activation": "relu"},
    )
    assert cuboid.indices_LK.tolist() == [[0, 1, 4, 5, 8, 9], [2, 3, 6, 7, 10, 11]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": {"depth": (), "a": (1,), "b": (1,)}}, "the axis 'depth' needs different values, got \\[\\]"),
        ({"axes": {"depth": (0,), "a": (1, 1), "b": (1,)}}, "the axis 'a' needs different values"),
        ({"depth": ("deth",)}, "unknown axis 'deth'; did you mean 'depth'"),
        ({"source": "c"}, "unknown axis 'c'"),
        ({"source": None}, "source and target go together"),
        ({"target": "a"}, "the axis 'a' cannot be two of depth, source and target"),
        ({"depth": ("depth", "depth")}, "the axis 'depth' cannot be two of"),
        ({"depth": ("depth", "a")}, "the axis 'a' cannot be two of"),
        ({"axes": {"depth": (0,), "a": (1, 2), "b": (2, 1)}}, "'a' and 'b' must have the same values"),
    ],
)
def test_what_is_no_box_is_refused(change, message):
    right = {"axes": {"depth": (0, 1), "a": (1, 2), "b": (1, 2)}, "depth": ("depth",), "source": "a", "target": "b"}

    assert HyperCuboid(**right).weights == 8
    with pytest.raises((InvalidSpace, UnknownName), match=message):
        HyperCuboid(**{**right, **change})
