"""What a derivation of a cell of NAS-Bench-201 chooses from, as a flow: operations, what they weigh and cost.

Shape letters: E = edges, K = primitives.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trainables.architecture.budgeted_flow import SINK, UNIT, Arc, FlowProblem
from trainables.architecture.discretize import derive_nas_bench_201, softmax
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Architecture, NasBench201Cell
from trainables.architecture.nas_bench_201.cell import EDGES
from trainables.architecture.spaces import NasBench201Space


class NasBench201Choices:
    """One operation of each edge, which may be `none`: (edge, operation).

    Args:
        space, alphas: of a search; the alphas as nested lists, by the names under which an epoch records them.
        size: what its choices cost: a field of `complexity.Cost`.
        network, sizes: how the final network is built: arguments of `architecture_cost`.
    """

    ordinary: NasBench201Cell
    """What a search derives without a budget."""
    weights: Mapping[Any, int]
    """Of each choice, in billionths."""

    def __init__(
        self, space: NasBench201Space, alphas: Mapping[str, Any], *, size: str, network: str, **sizes: int
    ) -> None:
        self._primitives = space.primitives
        self._size = size
        self._network = {"network": network, **sizes}
        self.ordinary = derive_nas_bench_201(alphas["alphas"], space.primitives)
        self.weights = {
            (edge, primitive): round(w * UNIT)
            for edge, alphas_K in enumerate(alphas["alphas"])
            for primitive, w in zip(space.primitives, softmax(alphas_K), strict=True)
        }

    def problem(self) -> FlowProblem:
        """One unit from each edge. An operation costs the same on all of them: what one more of it adds."""
        first, *others = self._primitives
        base = self.count(NasBench201Cell(operations=(first,) * len(EDGES)))
        costs = {first: 0}
        for primitive in others:
            cell = NasBench201Cell(operations=(primitive, *(first,) * (len(EDGES) - 1)))
            costs[primitive] = self.count(cell) - base
        arcs = [
            Arc(tail=edge, head=SINK, weight=self.weights[edge, name], cost=costs[name], choice=(edge, name))
            for edge in range(len(EDGES))
            for name in self._primitives
        ]
        return FlowProblem(arcs=tuple(arcs), supply=dict.fromkeys(range(len(EDGES)), 1), constant=base)

    def count(self, architecture: Architecture) -> int:
        """Return the size of its final network."""
        return getattr(architecture_cost(architecture, **self._network), self._size)

    def of(self, cell: Architecture) -> Iterator[Any]:
        """Yield what a cell has chosen."""
        assert isinstance(cell, NasBench201Cell)
        yield from enumerate(cell.operations)

    def architecture(self, choices: Iterable[Any]) -> NasBench201Cell:
        """Return the cell of a choice for each edge."""
        return NasBench201Cell(operations=tuple(name for _, name in sorted(choices)))
