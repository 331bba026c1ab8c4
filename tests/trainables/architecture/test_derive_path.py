"""Paths through HyperCuboids, held against all paths written down one by one."""

import itertools
import math

import numpy as np
import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.derive_path import greedy_bottom_up, greedy_top_down, longest_path, to_path
from trainables.architecture.hypercuboid import HyperCuboid, multichannel_cuboid
from trainables.architecture.spaces import MultiChannelSpace, look_up_space

WAYS = [longest_path, greedy_top_down, greedy_bottom_up]


@st.composite
def weighted_cuboids(draw, weights=None):
    """A small cuboid, its axes in any order, with weights among which there are many ties unless told otherwise."""
    states = ("a", "b", "c")[: draw(st.integers(1, 3))]
    layers = draw(st.integers(1, 3 if len(states) < 3 else 2))
    axes = {"block": tuple(range(layers)), "kernel": (3, 5)[: draw(st.integers(1, 2))]}
    linked = draw(st.booleans())
    if linked:
        axes |= {"reads": states, "writes": states}
    else:
        axes |= {"activation": states}
    order = draw(st.permutations(list(axes)))
    cuboid = HyperCuboid(
        axes={name: axes[name] for name in order},
        depth=("block",),
        source="reads" if linked else None,
        target="writes" if linked else None,
    )
    width = cuboid.weights // layers
    numbers = st.sampled_from([0.0, 0.1, 0.2, 0.3]) if weights is None else weights
    row = st.lists(numbers, min_size=width, max_size=width)
    return cuboid, draw(st.lists(row, min_size=layers, max_size=layers))


def all_paths(cuboid):
    """Every path, as the columns of its operations."""
    layers = [list(enumerate(cuboid.candidates(layer))) for layer in range(len(cuboid.layers))]
    for path in itertools.product(*layers):
        if all(cuboid.writes(one) == cuboid.reads(next_) for (_, one), (_, next_) in itertools.pairwise(path)):
            yield tuple(column for column, _ in path)


def columns_of(cuboid, operations):
    return tuple(cuboid.candidates(layer).index(operation) for layer, operation in enumerate(operations))


@few(60)
@given(weighted_cuboids())
def test_the_longest_path_is_the_best_of_all_paths_with_ties_as_documented(case):
    cuboid, w_LK = case
    last_layer = cuboid.candidates(len(cuboid.layers) - 1)

    def rank(path):
        exact = sum(round(10 * w_LK[layer][column]) for layer, column in enumerate(path))
        return (-exact, cuboid.states.index(cuboid.writes(last_layer[path[-1]])), *reversed(path))

    tenths = [[round(10 * w) for w in row] for row in w_LK]
    assert columns_of(cuboid, longest_path(cuboid, tenths)) == min(all_paths(cuboid), key=rank)


@few(40)
@given(weighted_cuboids(weights=st.floats(0, 1, width=32)))
def test_the_longest_path_of_any_weights_scores_as_much_as_the_best_of_all(case):
    cuboid, w_LK = case

    def score(path):
        return math.fsum(w_LK[layer][column] for layer, column in enumerate(path))

    assert score(columns_of(cuboid, longest_path(cuboid, w_LK))) == max(map(score, all_paths(cuboid)))


@few(60)
@given(weighted_cuboids())
def test_greedy_paths_are_those_that_are_best_layer_by_layer_among_all_paths(case):
    """Comparing whole paths by their first (or last) layer first is what a greedy choice comes to."""
    cuboid, w_LK = case

    def from_the_top(path):
        return [(-w_LK[layer][column], column) for layer, column in enumerate(path)]

    paths = list(all_paths(cuboid))
    assert columns_of(cuboid, greedy_top_down(cuboid, w_LK)) == min(paths, key=from_the_top)
    assert columns_of(cuboid, greedy_bottom_up(cuboid, w_LK)) == min(paths, key=lambda p: from_the_top(p)[::-1])


@few(40)
@given(weighted_cuboids(), st.data())
def test_a_greedy_path_starts_where_it_is_told_to(case, data):
    cuboid, w_LK = case
    start = data.draw(st.sampled_from(cuboid.states))

    assert cuboid.reads(greedy_top_down(cuboid, w_LK, start=start)[0]) == start
    assert cuboid.writes(greedy_bottom_up(cuboid, w_LK, start=start)[-1]) == start


@pytest.mark.parametrize("derive", WAYS)
@few(25)
@given(weighted_cuboids())
def test_all_paths_have_one_operation_of_each_layer(derive, case):
    cuboid, w_LK = case
    operations = derive(cuboid, w_LK)

    assert [operation["block"] for operation in operations] == [layer["block"] for layer in cuboid.layers]


@pytest.mark.parametrize("derive", WAYS)
def test_permuting_the_primitives_permutes_the_path(derive):
    space = MultiChannelSpace(name="", scales=(4, 8), blocks=2)
    other = MultiChannelSpace(name="", scales=(4, 8), blocks=2, primitives=space.primitives[::-1])
    cuboid, mirrored = multichannel_cuboid(space), multichannel_cuboid(other)
    weights = np.random.default_rng(0).random(cuboid.indices_LK.shape)
    swapped = weights.reshape(-1, 2)[:, ::-1].reshape(weights.shape)

    assert derive(cuboid, weights) == derive(mirrored, swapped)


def test_equal_sums_tie_in_whichever_order_they_are_added_up():
    """0.1 + 0.2 + 0.3 and 0.3 + 0.2 + 0.1 differ as floats."""
    cuboid = HyperCuboid(
        axes={"block": (0, 1, 2), "reads": ("a", "b"), "writes": ("a", "b")},
        depth=("block",),
        source="reads",
        target="writes",
    )
    a, b = [0.1, 0.2, 0.3], [0.3, 0.2, 0.1]
    w_LK = [[a[layer], 0.0, 0.0, b[layer]] for layer in range(3)]

    assert sum(b) < sum(a)
    assert [each["reads"] for each in longest_path(cuboid, w_LK)] == ["a", "a", "a"]
    assert [each["reads"] for each in longest_path(cuboid, [row[::-1] for row in w_LK])] == ["a", "a", "a"]


def test_the_three_ways_can_find_three_paths():
    space = MultiChannelSpace(name="", scales=(1, 2, 3), blocks=1, primitives=("sep_conv_3x3",))
    cuboid = multichannel_cuboid(space)
    first, second = np.zeros((3, 3)), np.zeros((3, 3))  # from which number of channels to which
    first[0, 0] = second[1, 1] = (
        0.5  # the best of the first layer leads nowhere, to the best of the second nothing leads
    )
    first[2, 2] = second[2, 2] = 0.4
    w_LK = [first.flatten(), second.flatten()]

    paths = [to_path(cuboid, derive(cuboid, w_LK)).steps for derive in WAYS]
    channels = [[steps[0].channels_in, *(step.channels_out for step in steps)] for steps in paths]
    assert channels == [[3, 3, 3], [1, 1, 1], [1, 2, 2]]


def test_a_path_of_the_default_multichannelnet_is_what_final_training_takes():
    cuboid = multichannel_cuboid(look_up_space("multichannel"))
    path = to_path(cuboid, longest_path(cuboid, np.zeros((8, 32))))

    assert [step.stride for step in path.steps] == [1, 2] * 4
    assert {(step.operation, step.channels_in, step.channels_out) for step in path.steps} == {("sep_conv_3x3", 32, 32)}


def test_kernels_times_activations_times_depth_is_a_hypercuboid_too():
    cuboid = HyperCuboid(axes={"kernel": (3, 5, 7), "activation": ("relu", "gelu"), "depth": (0, 1)}, depth=("depth",))
    w_LK = [[0.1, 0.1, 0.4, 0.1, 0.2, 0.1], [0.1, 0.2, 0.1, 0.2, 0.2, 0.2]]
    best = ({"depth": 0, "kernel": 5, "activation": "relu"}, {"depth": 1, "kernel": 3, "activation": "gelu"})

    assert len(list(all_paths(cuboid))) == 6**2
    assert [derive(cuboid, w_LK) for derive in WAYS] == [best] * 3


@pytest.mark.parametrize("w_LK", [[[0.5, 0.5]], [[0.5] * 6] * 3, [[math.nan] * 6] * 2])
def test_weights_that_do_not_fit_are_an_error_of_ours(w_LK):
    cuboid = HyperCuboid(axes={"kernel": (3, 5, 7), "activation": ("relu", "gelu"), "depth": (0, 1)}, depth=("depth",))

    with pytest.raises(AssertionError):
        longest_path(cuboid, w_LK)
