"""Random architectures: uniform over their space, the same for the same seed."""

import itertools
import random
from collections import Counter

import pytest
from scipy.special import chdtrc

from trainables.architecture.genotype import missing_primitives
from trainables.architecture.hypercuboid import HyperCuboid
from trainables.architecture.sampling import random_genotype, random_operations, random_path
from trainables.architecture.spaces import SPACES, MultiChannelSpace, read_space

SMALL = MultiChannelSpace(name="", scales=(4, 8), blocks=1)


def is_uniform(counts, kinds):
    """Say whether counts look as if all of a number of kinds were equally likely; wrong once in a thousand seeds."""
    assert len(counts) <= kinds
    expected = sum(counts.values()) / kinds
    chi_squared = sum((count - expected) ** 2 for count in [*counts.values(), *[0] * (kinds - len(counts))]) / expected
    return chdtrc(kinds - 1, chi_squared) > 1e-3


@pytest.mark.parametrize("seed", [0, 1])
def test_every_path_is_equally_likely(seed):
    rng = random.Random(seed)
    counts = Counter(random_path(SMALL, rng) for _ in range(1500))

    assert len(counts) == 2 * 4 * 4
    assert is_uniform(counts, 2 * 4 * 4)


def test_every_path_of_a_cuboid_without_states_is_equally_likely():
    cuboid = HyperCuboid(axes={"kernel": (3, 5), "depth": (0, 1, 2)}, depth=("depth",))
    rng = random.Random(0)
    counts = Counter(tuple(each["kernel"] for each in random_operations(cuboid, rng)) for _ in range(400))

    assert set(counts) == set(itertools.product((3, 5), repeat=3))
    assert is_uniform(counts, 8)


@pytest.mark.parametrize("cell", ["normal", "reduce"])
def test_every_pair_of_different_states_of_every_node_is_equally_likely(cell):
    space, rng = read_space(["none", "sep_conv_3x3"]), random.Random(0)
    cells = [getattr(random_genotype(space, rng), cell) for _ in range(1800)]
    wirings = Counter(tuple(state for _, state in edges) for edges in cells)

    assert is_uniform(wirings, 1 * 3 * 6 * 10)
    assert all(states[2 * node] < states[2 * node + 1] for states in wirings for node in range(4))


def test_every_choice_of_primitives_is_equally_likely():
    space, rng = read_space(["none", "sep_conv_3x3", "skip_connect"]), random.Random(0)
    genotypes = [random_genotype(space, rng) for _ in range(1300)]
    choices = Counter(tuple(name for name, _ in genotype.normal) for genotype in genotypes)

    assert is_uniform(choices, 2**8)


@pytest.mark.parametrize("name", SPACES)
def test_only_primitives_of_the_space_are_drawn_and_none_never(name):
    rng = random.Random(3)
    for _ in range(20):
        genotype = random_genotype(SPACES[name], rng)
        assert not missing_primitives(SPACES[name], genotype)
        assert "none" not in {operation for operation, _ in (*genotype.normal, *genotype.reduce)}
        assert genotype.normal_concat == genotype.reduce_concat == (2, 3, 4, 5)


def test_the_same_seed_draws_the_same():
    space = SPACES["sharper"]

    assert random_genotype(space, random.Random(7)) == random_genotype(space, random.Random(7))
    assert random_genotype(space, random.Random(7)) != random_genotype(space, random.Random(8))
    assert random_path(SMALL, random.Random(7)) == random_path(SMALL, random.Random(7))
