"""What a derivation of cells chooses from, as a flow: which edges and primitives, what they weigh and cost.

Shape letters: E = edges, K = primitives.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from torch import nn

from trainables.architecture.budgeted_flow import SINK, UNIT, Arc, FlowProblem
from trainables.architecture.cell_network import CellNetwork, ImageNetNetwork
from trainables.architecture.cell_supernet import NODES, reductions
from trainables.architecture.complexity import count_unbuilt
from trainables.architecture.discretize import derive_genotype, softmax
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Architecture, Genotype
from trainables.architecture.networks import look_up_network
from trainables.architecture.operations import CHOKE_CHANNELS, OPERATIONS
from trainables.architecture.spaces import NONE, SearchSpace

_Edge: TypeAlias = tuple[int, int, int]
"""(0 for the normal cell and 1 for the reduction cell, node, source state)."""


class CellChoices:
    """Two edges of each node, each with one primitive that is not `none`: (cell, node, state, primitive).

    Args:
        space, alphas: of a search; the alphas as nested lists, by the names under which an epoch records them.
        size: what its choices cost: a field of `complexity.Cost`.
        network, sizes: how the final network is built: arguments of `architecture_cost`.
    """

    ordinary: Genotype
    """What a search derives without a budget."""
    weights: Mapping[Any, int]
    """Of each choice, in billionths."""

    def __init__(self, space: SearchSpace, alphas: Mapping[str, Any], *, size: str, network: str, **sizes: int) -> None:
        self._primitives = [name for name in space.primitives if name != NONE]
        self._size = size
        self._network = {"network": network, "operations": space.operations, **sizes}
        rows_EK = [alphas["alphas_normal"], alphas["alphas_reduce"]]
        self.ordinary = derive_genotype(rows_EK[0], rows_EK[1], space.primitives)
        self.weights = {
            (*edge, primitive): round(w * UNIT)
            for edge in _edges()
            for primitive, w in zip(space.primitives, softmax(rows_EK[edge[0]][_row(edge)]), strict=True)
        }

    def problem(self) -> FlowProblem:
        """Two units from each node, which is where they are chosen, over its edges."""
        kinds = {_kind(edge): None for edge in _edges()}
        costs = {(*kind, name): self._operation_cost(name, *kind) for kind in kinds for name in self._primitives}
        arcs: list[Arc] = []
        for edge in _edges():
            arcs.append(Arc(tail=edge[:2], head=edge))
            for primitive in self._primitives:
                choice, cost = (*edge, primitive), costs[*_kind(edge), primitive]
                arcs.append(Arc(tail=edge, head=SINK, weight=self.weights[choice], cost=cost, choice=choice))
        any_ = self.ordinary
        chosen = sum(costs[*_kind(choice[:3]), choice[3]] for choice in self.of(any_))
        supply = {edge[:2]: 2 for edge in _edges()}
        return FlowProblem(arcs=tuple(arcs), supply=supply, constant=self.count(any_) - chosen)

    def count(self, architecture: Architecture) -> int:
        """Return the size of its final network."""
        return getattr(architecture_cost(architecture, **self._network), self._size)

    def of(self, genotype: Architecture) -> Iterator[Any]:
        """Yield what a genotype has chosen."""
        assert isinstance(genotype, Genotype)
        for cell, edges in enumerate((genotype.normal, genotype.reduce)):
            yield from ((cell, position // 2, state, name) for position, (name, state) in enumerate(edges))

    def architecture(self, choices: Iterable[Any]) -> Genotype:
        """Return the genotype, of each node the stronger edge first."""
        strongest = sorted(choices, key=lambda choice: (*choice[:2], -self.weights[choice]))  # stable
        normal, reduce = (tuple((name, state) for at, _, state, name in strongest if at == cell) for cell in (0, 1))
        concat = tuple(range(2, 2 + NODES))
        return Genotype(normal=normal, normal_concat=concat, reduce=reduce, reduce_concat=concat)

    def _operation_cost(self, primitive: str, cell: int, stride: int) -> int:
        """Return the cost of an edge in all cells of a kind together; every edge of one stride costs the same."""

        def build() -> nn.Module:
            return OPERATIONS[self._network["operations"]][primitive](
                channels_in=channels,
                channels_out=channels,
                stride=stride,
                affine=True,
                mid_channels=self._network.get("mid_channels", CHOKE_CHANNELS),
            )

        total = 0
        for (kind, channels, pixels), cells in Counter(self._cells()).items():
            if kind == cell:
                side = -(-pixels // 2) if cell == 1 and stride == 1 else pixels
                total += cells * getattr(count_unbuilt(build, (channels, side, side)), self._size)
        return total

    def _cells(self) -> Iterator[tuple[int, int, int]]:
        """Yield, cell by cell of the network, its kind, its channels, and the side of the maps that it reads."""
        usual = look_up_network(self._network["network"])
        channels = self._network.get("channels") or usual.channels or 0
        layers = self._network.get("layers") or usual.layers or 0
        stems = (ImageNetNetwork if self._network["network"] == "imagenet" else CellNetwork).shrinks // 4
        pixels = -(-(self._network.get("image_size") or usual.image_size) // stems)
        for layer in range(layers):
            reduction = layer in reductions(layers)
            channels = 2 * channels if reduction else channels
            yield int(reduction), channels, pixels
            pixels = -(-pixels // 2) if reduction else pixels


def _edges() -> Iterator[_Edge]:
    for cell in range(2):
        yield from ((cell, node, state) for node in range(NODES) for state in range(2 + node))


def _row(edge: _Edge) -> int:
    """Return the row of an edge's alphas."""
    _, node, state = edge
    return sum(2 + before for before in range(node)) + state


def _kind(edge: _Edge) -> tuple[int, int]:
    """Return the edge's cell and stride, which determine what a primitive costs there."""
    cell, _, state = edge
    return cell, 2 if cell == 1 and state < 2 else 1
