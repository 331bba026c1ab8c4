"""Does a supernet rank cells as training each of them does? Drawn cells, and Kendall's τ between two orders of them."""

import math
import random
from collections.abc import Sequence
from typing import Any

from trainables.architecture.genotype import NasBench201Cell
from trainables.architecture.nas_bench_201.cell import EDGES
from trainables.architecture.sampling import random_architecture
from trainables.architecture.spaces import NasBench201Space, Space


def draw_cells(space: Space, count: int, rng: random.Random) -> list[NasBench201Cell]:
    """Return different cells of a space, each as likely as any other, or all where there are fewer.

    None where no table knows how good an architecture of the space is.
    """
    if not isinstance(space, NasBench201Space):
        return []
    drawn: dict[NasBench201Cell, None] = {}
    while len(drawn) < min(count, len(space.primitives) ** len(EDGES)):
        cell = random_architecture(space, rng)
        assert isinstance(cell, NasBench201Cell)
        drawn[cell] = None
    return list(drawn)


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return τ-b of two measurements of the same things: 1 where they order them alike, -1 where the other way round.

    (concordant pairs - discordant ones) / √(pairs not tied in the first · pairs not tied in the second): Kendall, 1945.
    None where all things are equal in one of the two.
    """
    from scipy.stats import kendalltau

    if min(len(set(first)), len(set(second))) < 2:
        return None
    found: Any = kendalltau(first, second)
    tau = float(found.statistic)
    assert math.isfinite(tau), "pairs differ in both"
    return tau
