"""Where the things of a layered graph go: things stand in columns, and links lead from a column to the next.

`orders` sort the things of each column so that few links cross; `place` gives them heights so that links are nearly
level and things keep their distance; `lay_out` does both. (Sugiyama's method: links over several columns are first cut
into pieces, with a thing in each column between.) Only additions, multiplications and divisions, in a fixed order: what
comes out is the same everywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import fsum
from typing import NamedTuple, TypeAlias


class Thing(NamedTuple):
    """Something that takes a place in a column."""

    kind: str
    number: int
    column: int = 0


Columns: TypeAlias = list[list[Thing]]
Links: TypeAlias = Sequence[tuple[Thing, Thing]]

SWEEPS = 8
CANDIDATES = 6
BEND = 10.0
"""How much a bend matters, as a difference of heights."""
ROUNDS = 8
PLACINGS = 24
RESTING = 0.01
"""A round is over when nothing moves as much as this in a turn."""
SLOPE = 20.0
"""The difference of heights at which a stiff link pulls like any other."""
SLACK = 0.5
"""The difference of heights below which a stiff link gets no stronger."""


def lay_out(
    columns: Sequence[Sequence[Thing]],
    links: Mapping[tuple[Thing, Thing], float],
    distance: Callable[[Thing, Thing], float],
    stiff: Callable[[Thing, Thing], bool],
) -> tuple[Columns, dict[Thing, float]]:
    """Return the columns in order, and the height of each thing: of all `orders`, that with the most level lines.

    Args: as of `place`.
    """
    placed = [(order, place(order, links, distance, stiff)) for order in orders(columns, list(links))]
    return min(placed, key=lambda one: _unevenness(links, one[1]))


def orders(columns: Sequence[Sequence[Thing]], links: Links) -> list[Columns]:
    """Return ways to sort the columns so that few links cross, all with as few; the first column stays as it is.

    Sweeps to and fro sort each column by the mean position of its neighbours in the column before, then swap
    neighbours as long as that helps; the best of all sweeps count.
    """
    left, right = _neighbours(links)
    found: list[Columns] = []
    for start in (columns, [columns[0], *(column[::-1] for column in columns[1:])]):
        now = [list(column) for column in start]
        for sweep in range(SWEEPS):
            forth = sweep % 2 == 0
            for number in range(1, len(now)) if forth else range(len(now) - 2, 0, -1):
                beside = now[number - 1 if forth else number + 1]
                now[number] = _sorted_by_mean(now[number], beside, left if forth else right)
            _swap(now, left, right)
            if now not in found:
                found.append([list(column) for column in now])
    count = [crossings(order, links) for order in found]
    return [order for order, crossed in zip(found, count, strict=True) if crossed == min(count)][:CANDIDATES]


def crossings(columns: Sequence[Sequence[Thing]], links: Links) -> int:
    """Return how many pairs of links cross when the columns are in this order."""
    position = {thing: index for column in columns for index, thing in enumerate(column)}
    column_of = {thing: number for number, column in enumerate(columns) for thing in column}
    total = 0
    for number, (a, b) in enumerate(links):
        for c, d in links[:number]:
            if column_of[a] == column_of[c]:
                total += (position[a] - position[c]) * (position[b] - position[d]) < 0
    return total


def place(
    columns: Sequence[Sequence[Thing]],
    links: Mapping[tuple[Thing, Thing], float],
    distance: Callable[[Thing, Thing], float],
    stiff: Callable[[Thing, Thing], bool],
) -> dict[Thing, float]:
    """Return the height of each thing, the uppermost at 0.

    Minimises the sum over links of strength × (difference of heights)², where things that follow each other in a column
    are at least their `distance` apart: one column after the other is placed best, over and over. Between the rounds,
    `stiff` links get the weaker the more they slope, so that a long line makes one bend rather than many small ones.

    Args:
        columns: in order.
        links: their strengths.
        distance: from the centre of a thing to that of the next below it.
        stiff: whether a link is a piece of a line that passes by.
    """
    offsets = [_offsets(column, distance) for column in columns]
    height = {
        thing: offset - column_offsets[-1] / 2
        for column, column_offsets in zip(columns, offsets, strict=True)
        for thing, offset in zip(column, column_offsets, strict=True)
    }
    numbers = range(len(columns))
    for _ in range(ROUNDS):
        pulls = _pulls(links, stiff, height)
        for turn in range(PLACINGS):
            before = dict(height)
            for number in numbers if turn % 2 == 0 else reversed(numbers):
                _place_column(columns[number], offsets[number], pulls, height)
            if all(abs(height[thing] - before[thing]) < RESTING for thing in height):
                break
    top = min(height.values())
    return {thing: value - top for thing, value in height.items()}


def _unevenness(links: Mapping[tuple[Thing, Thing], float], height: Mapping[Thing, float]) -> float:
    """Return how far lines go up and down, and how often."""
    steps = [abs(height[a] - height[b]) for a, b in links]
    return fsum(steps) + BEND * sum(step > 1 for step in steps)


def _neighbours(links: Links) -> tuple[dict[Thing, list[Thing]], dict[Thing, list[Thing]]]:
    """Return what is linked to each thing from the left, and to the right."""
    left: dict[Thing, list[Thing]] = {}
    right: dict[Thing, list[Thing]] = {}
    for a, b in links:
        left.setdefault(b, []).append(a)
        right.setdefault(a, []).append(b)
    return left, right


def _sorted_by_mean(column: list[Thing], beside: list[Thing], near: Mapping[Thing, list[Thing]]) -> list[Thing]:
    position = {thing: index for index, thing in enumerate(beside)}
    own = {thing: index for index, thing in enumerate(column)}

    def mean(thing: Thing) -> float:
        at = [position[other] for other in near.get(thing, ())]
        return sum(at) / len(at) if at else own[thing]

    return sorted(column, key=mean)


def _swap(columns: Columns, left: Mapping[Thing, list[Thing]], right: Mapping[Thing, list[Thing]]) -> None:
    """Swap things that follow each other while fewer links cross for it."""
    better = True
    while better:
        better = False
        for number in range(1, len(columns)):
            column = columns[number]
            before = {thing: index for index, thing in enumerate(columns[number - 1])}
            after = {thing: index for index, thing in enumerate(columns[number + 1])} if columns[number + 1 :] else {}
            for index in range(len(column) - 1):
                a, b = column[index], column[index + 1]
                gain = _gain(left.get(a, []), left.get(b, []), before) + _gain(
                    right.get(a, []), right.get(b, []), after
                )
                if gain > 0:
                    column[index], column[index + 1] = b, a
                    better = True


def _gain(of_a: Sequence[Thing], of_b: Sequence[Thing], position: Mapping[Thing, int]) -> int:
    """Return how many crossings fewer there are with b above a than with a above b."""
    differences = [position[x] - position[y] for x in of_a for y in of_b]
    return sum(d > 0 for d in differences) - sum(d < 0 for d in differences)


def _pulls(
    links: Mapping[tuple[Thing, Thing], float], stiff: Callable[[Thing, Thing], bool], height: Mapping[Thing, float]
) -> dict[Thing, list[tuple[Thing, float]]]:
    """Return what pulls at each thing, and how strongly."""
    pulls: dict[Thing, list[tuple[Thing, float]]] = {thing: [] for thing in height}
    for (a, b), strength in links.items():
        if stiff(a, b):
            steepness = max(SLACK, abs(height[a] - height[b])) / SLOPE
            strength /= steepness * steepness
        pulls[a].append((b, strength))
        pulls[b].append((a, strength))
    return pulls


def _offsets(column: Sequence[Thing], distance: Callable[[Thing, Thing], float]) -> list[float]:
    offsets = [0.0]
    for above, below in pairwise(column):
        offsets.append(offsets[-1] + distance(above, below))
    return offsets


def _place_column(
    column: Sequence[Thing],
    offsets: Sequence[float],
    pulls: Mapping[Thing, Sequence[tuple[Thing, float]]],
    height: dict[Thing, float],
) -> None:
    """Place one column best while the others stay: what gets too near becomes a block, and each block its own mean."""
    blocks: list[tuple[float, float, int]] = []  # (sum of strengths × wishes, sum of strengths, things in it)
    for thing, offset in zip(column, offsets, strict=True):
        strengths = wish = 0.0
        for other, strength in pulls[thing]:
            strengths += strength
            wish += height[other] * strength
        if not strengths:
            strengths, wish = 1e-3, height[thing] * 1e-3
        total, weight, count = wish - offset * strengths, strengths, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / weight:
            above = blocks.pop()
            total, weight, count = above[0] + total, above[1] + weight, above[2] + count
        blocks.append((total, weight, count))
    index = 0
    for total, weight, count in blocks:
        for _ in range(count):
            height[column[index]] = total / weight + offsets[index]
            index += 1
