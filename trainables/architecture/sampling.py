"""Architectures by chance, each of a space as likely as any other: the control that a search is compared with.

Nothing here imports torch.
"""

import random

from trainables.architecture.cells import Genotype
from trainables.architecture.derive_path import Operations, to_path
from trainables.architecture.genotype import Architecture
from trainables.architecture.hypercuboid import HyperCuboid, multichannel_cuboid
from trainables.architecture.nas_bench_201.cell import EDGES, NasBench201Cell
from trainables.architecture.paths import MultiChannelPath
from trainables.architecture.spaces import NONE, MultiChannelSpace, NasBench201Space, SearchSpace, Space

NODES = 4
"""Of a cell, as a search derives them."""


def random_architecture(space: Space, rng: random.Random) -> Architecture:
    """Return one of the architectures that a search of the space can find, each equally likely."""
    match space:
        case SearchSpace():
            return random_genotype(space, rng)
        case MultiChannelSpace():
            return random_path(space, rng)
        case NasBench201Space():
            return NasBench201Cell(operations=tuple(rng.choice(space.primitives) for _ in EDGES))


def random_genotype(space: SearchSpace, rng: random.Random) -> Genotype:
    """Return one of the genotypes that a search of the space can find, each equally likely.

    Each of the four nodes adds two different states, each through any primitive but `none`.
    """
    normal, reduce = _random_cell(space, rng), _random_cell(space, rng)
    concat = tuple(range(2, 2 + NODES))
    return Genotype(normal=normal, normal_concat=concat, reduce=reduce, reduce_concat=concat)


def _random_cell(space: SearchSpace, rng: random.Random) -> tuple[tuple[str, int], ...]:
    primitives = [primitive for primitive in space.primitives if primitive != NONE]
    return tuple(
        (rng.choice(primitives), state) for node in range(NODES) for state in sorted(rng.sample(range(2 + node), 2))
    )


def random_path(space: MultiChannelSpace, rng: random.Random) -> MultiChannelPath:
    """Return one of the paths through a MultiChannelNet, each equally likely."""
    cuboid = multichannel_cuboid(space)
    return to_path(cuboid, random_operations(cuboid, rng))


def random_operations(cuboid: HyperCuboid, rng: random.Random) -> Operations:
    """Return one of the paths through a cuboid, each equally likely.

    As every state is read by equally many operations, it does to draw among them one layer at a time.
    """
    state = rng.choice(cuboid.states)
    chosen = []
    for layer in range(len(cuboid.layers)):
        operation = rng.choice([each for each in cuboid.candidates(layer) if cuboid.reads(each) == state])
        state = cuboid.writes(operation)
        chosen.append(operation)
    return tuple(chosen)
