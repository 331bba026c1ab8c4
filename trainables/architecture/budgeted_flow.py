"""The best choice within a budget, as a flow through a graph: exactly, and by network simplex.

Each unit of flow runs from where it is supplied to the sink, over arcs that take one unit each. Some arcs are choices:
they have a weight, which is gained, and a cost, which is spent. Sought is the flow of the largest total weight whose
cost keeps the budget. Without a budget that is a problem of minimum-cost flow, which network simplex solves (Orlin,
Mathematical Programming 78(2), 1997); the budget makes it NP-hard.

- `best_within` is exact: a mixed-integer linear program, solved by HiGHS.
- `iterated_simplex` is what arXiv:1903.09900, section 5 proposes: network simplex again and again, with arcs priced at
  their weight less a multiple of their cost, until the best multiple is found (Handler and Zang, Networks 10, 1980). It
  keeps the budget, but only finds flows that are the best for some multiple: it may miss better ones in between.

Weights and costs are integers, and so are all comparisons here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainables.errors import SharptuneError

UNIT = 10**9
"""Weights are counted in billionths: alphas are float32 numbers, which tell weights no better apart."""

SINK = "sink"

Flow = tuple[int, ...]
"""The positions of the arcs that are taken, ascending."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Arc:
    """A way that one unit of flow may take."""

    tail: Any
    head: Any
    weight: int = 0
    cost: int = 0
    choice: Any = None
    """What is chosen by taking it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowProblem:
    """A graph, what flows through it, and what it costs besides."""

    arcs: tuple[Arc, ...]
    """In the order in which they win ties."""
    supply: Mapping[Any, int]
    """Units of flow by the node where they begin; all end in `SINK`."""
    constant: int
    """Added to the cost of every flow."""

    def weight(self, flow: Flow) -> int:
        return sum(self.arcs[position].weight for position in flow)

    def cost(self, flow: Flow) -> int:
        return self.constant + sum(self.arcs[position].cost for position in flow)

    def choices(self, flow: Flow) -> list[Any]:
        """Return what is chosen, in the order of the arcs."""
        return [self.arcs[position].choice for position in flow if self.arcs[position].choice is not None]

    def demands(self) -> dict[Any, int]:
        """Return the units that end at each node, less those that begin there."""
        nodes = dict.fromkeys(end for arc in self.arcs for end in (arc.tail, arc.head))
        return {**{node: -self.supply.get(node, 0) for node in nodes}, SINK: sum(self.supply.values())}


def best_within(problem: FlowProblem, limit: int) -> Flow | None:
    """Return the flow of the largest weight that costs no more than the limit; None when none does.

    Of several such flows it is the one that takes the first arc that not all of them take, whichever a solver finds.
    """
    program = _Program(problem, limit)
    best = program.solve()
    if best is None:
        return None
    value = problem.weight(best)
    other = program.solve(without=best)
    if other is None or problem.weight(other) < value:
        return best
    fixed: dict[int, bool] = {}
    for position in range(len(problem.arcs)):
        if position not in best:
            fixed[position] = True
            earlier = program.solve(fixed)
            if earlier is not None and problem.weight(earlier) == value:
                best = earlier
        fixed[position] = position in best
    return best


def iterated_simplex(problem: FlowProblem, limit: int) -> Flow | None:
    """Return the heaviest flow found by network simplex that costs no more than the limit; None when none does."""
    above = _simplex(problem, [-arc.weight for arc in problem.arcs])
    if problem.cost(above) <= limit:
        return above
    within = smallest(problem)
    if problem.cost(within) > limit:
        return None
    while True:
        # The multiple for which both are worth the same, as a fraction: gain / saving.
        gain = problem.weight(above) - problem.weight(within)
        saving = problem.cost(above) - problem.cost(within)
        prices = [gain * arc.cost - saving * arc.weight for arc in problem.arcs]
        found = _simplex(problem, prices)
        if sum(prices[position] for position in found) == sum(prices[position] for position in within):
            return within
        if problem.cost(found) <= limit:
            within = found
        else:
            above = found


def smallest(problem: FlowProblem) -> Flow:
    """Return the flow of the least cost, and of such the heaviest."""
    more_than_all = 1 + sum(abs(arc.weight) for arc in problem.arcs)
    return _simplex(problem, [more_than_all * arc.cost - arc.weight for arc in problem.arcs])


def _simplex(problem: FlowProblem, prices: Sequence[int]) -> Flow:
    """Return the flow of the least total price."""
    import networkx

    graph = networkx.MultiDiGraph()
    for node, demand in problem.demands().items():
        graph.add_node(node, demand=demand)
    for position, (arc, price) in enumerate(zip(problem.arcs, prices, strict=True)):
        graph.add_edge(arc.tail, arc.head, key=position, capacity=1, weight=price)
    _, flows = networkx.network_simplex(graph)
    taken = [
        position for heads in flows.values() for keys in heads.values() for position, units in keys.items() if units
    ]
    return tuple(sorted(taken))


class _Program:
    """The mixed-integer linear program: a variable for each arc, 1 where it is taken."""

    def __init__(self, problem: FlowProblem, limit: int) -> None:
        import numpy as np
        from scipy.sparse import csr_array

        self._problem = problem
        self._limit = limit
        arcs = problem.arcs
        nodes = {node: row for row, node in enumerate(problem.demands())}
        columns = np.arange(len(arcs))
        ends = [[nodes[arc.head] for arc in arcs], [nodes[arc.tail] for arc in arcs]]
        signs = np.repeat([1.0, -1.0], len(arcs))
        rows = (signs, (np.concatenate(ends), np.concatenate([columns, columns])))
        self._conservation = csr_array(rows, shape=(len(nodes), len(arcs)))
        self._demands: Any = np.array(list(problem.demands().values()), dtype=float)
        # In whole multiples of what divides all costs, so that the solver's tolerance is far below one of them.
        step = math.gcd(*(arc.cost for arc in arcs)) or 1
        self._costs = np.array([arc.cost // step for arc in arcs], dtype=float)
        self._most = (limit - problem.constant) // step
        # In thousands of units: the solver stops at a gap of a millionth.
        self._gains = np.array([arc.weight / 1000 for arc in arcs])

    def solve(self, fixed: Mapping[int, bool] | None = None, without: Flow | None = None) -> Flow | None:
        """Return a best flow that takes, or does not, the arcs that are fixed, and is another than `without`."""
        excluded = [] if without is None else [without]
        while (found := self._solve(fixed or {}, excluded)) is not None:
            if self._problem.cost(found) <= self._limit:
                return found
            excluded.append(found)  # within the solver's tolerance only
        return None

    def _solve(self, fixed: Mapping[int, bool], excluded: Sequence[Flow]) -> Flow | None:
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp

        low: Any = np.zeros(len(self._gains))  # Any: scipy's stubs ask for single numbers
        high: Any = np.ones(len(self._gains))
        for position, taken in fixed.items():
            low[position] = high[position] = taken
        constraints = [
            LinearConstraint(self._conservation, self._demands, self._demands),
            LinearConstraint(self._costs[None], -np.inf, self._most),
        ]
        for flow in excluded:
            taken = np.zeros((1, len(self._gains)))
            taken[0, list(flow)] = 1
            constraints.append(LinearConstraint(taken, -np.inf, len(flow) - 1))
        result = milp(
            -self._gains,
            integrality=np.ones(len(self._gains)),
            bounds=Bounds(low, high),
            constraints=constraints,
            options={"mip_rel_gap": 0},
        )
        if result.status == 2:  # infeasible
            return None
        if result.x is None or result.status != 0:
            raise SharptuneError(f"the solver found no architecture: {result.message}")
        return tuple(int(position) for position in np.flatnonzero(result.x > 0.5))
