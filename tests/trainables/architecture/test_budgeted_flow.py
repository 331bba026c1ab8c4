"""The best flow within a budget, against all flows."""

import itertools
from collections.abc import Iterator

from few import few
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.budgeted_flow import (
    SINK,
    Arc,
    Flow,
    FlowProblem,
    best_within,
    iterated_simplex,
    smallest,
)

SMALL = st.integers(0, 4)
WEIGHTS = st.one_of(SMALL, st.integers(0, 10**9))
COSTS = st.one_of(SMALL, st.integers(0, 10**7))


@st.composite
def cells(draw: st.DrawFn) -> FlowProblem:
    """Two units go through two of three edges, each by one of the operations; two edges have but one unit each."""
    arcs, supply = [], {}
    for node, (edges, units) in enumerate(((3, 2), (1, 1), (1, 1))):
        supply[node] = units
        for edge in range(edges):
            arcs.append(Arc(tail=node, head=(node, edge)))
            arcs += [
                Arc(tail=(node, edge), head=SINK, weight=draw(WEIGHTS), cost=draw(COSTS), choice=(node, edge, name))
                for name in range(draw(st.integers(1, 3)))
            ]
    return FlowProblem(arcs=tuple(arcs), supply=supply, constant=draw(st.integers(0, 100)))


@st.composite
def paths(draw: st.DrawFn) -> FlowProblem:
    """One unit goes through three layers of two states, over parallel arcs."""
    arcs = [Arc(tail="source", head=(0, state)) for state in range(2)]
    for layer, state, next_state, name in itertools.product(range(3), range(2), range(2), range(2)):
        tail, head = (layer, state), (layer + 1, next_state)
        choice = (layer, state, next_state, name)
        arcs.append(Arc(tail=tail, head=head, weight=draw(WEIGHTS), cost=draw(COSTS), choice=choice))
    arcs += [Arc(tail=(3, state), head=SINK, cost=draw(COSTS)) for state in range(2)]
    return FlowProblem(arcs=tuple(arcs), supply={"source": 1}, constant=draw(st.integers(0, 100)))


def all_flows(problem: FlowProblem) -> Iterator[Flow]:
    """Yield every set of arcs that carries all supply to the sink, unit by unit."""
    units = [node for node, count in problem.supply.items() for _ in range(count)]
    ways = [list(ways_from(problem, node)) for node in units]
    for chosen in itertools.product(*ways):
        taken = [position for way in chosen for position in way]
        if len(set(taken)) == len(taken):
            yield tuple(sorted(taken))


def ways_from(problem: FlowProblem, node: object) -> Iterator[Flow]:
    if node == SINK:
        yield ()
        return
    for position, arc in enumerate(problem.arcs):
        if arc.tail == node:
            yield from ((position, *rest) for rest in ways_from(problem, arc.head))


@st.composite
def with_limits(draw: st.DrawFn) -> tuple[FlowProblem, list[Flow], int]:
    """Draw a problem, all its flows, and a limit that leaves some of them, all, or none."""
    problem = draw(st.one_of(cells(), paths()))
    flows = sorted(set(all_flows(problem)))
    costs = sorted({problem.cost(flow) for flow in flows})
    return problem, flows, draw(st.sampled_from(costs)) + draw(st.integers(-1, 1))


@few(25)
@given(with_limits())
def test_the_best_within_a_budget_is_the_best_of_all_that_keep_it_and_the_first_of_equals(drawn):
    problem, flows, limit = drawn
    within = [flow for flow in flows if problem.cost(flow) <= limit]
    best = best_within(problem, limit)
    if not within:
        assert best is None
        return
    most = max(map(problem.weight, within))
    assert best == min(flow for flow in within if problem.weight(flow) == most)


@few(25)
@given(with_limits())
def test_network_simplex_keeps_the_budget_is_never_better_and_finds_what_is_best_for_a_price(drawn):
    problem, flows, limit = drawn
    best, found = best_within(problem, limit), iterated_simplex(problem, limit)
    assert (found is None) == (best is None)
    if found is None or best is None:
        return
    assert problem.cost(found) <= limit
    assert problem.weight(found) <= problem.weight(best)
    assert problem.weight(found) >= max(weight for cost, weight in corners(problem, flows) if cost <= limit)


def corners(problem: FlowProblem, flows: list[Flow]) -> list[tuple[int, int]]:
    """Return (cost, weight) of what is better than all others at some price of costs: a concave, rising chain."""
    chain: list[tuple[int, int]] = []
    for cost, weight in sorted({(problem.cost(flow), problem.weight(flow)) for flow in flows}):
        if chain and weight <= chain[-1][1] and cost > chain[-1][0]:
            continue
        if chain and cost == chain[-1][0]:
            chain.pop()
        while len(chain) > 1:
            (cost1, weight1), (cost2, weight2) = chain[-2:]
            if (weight2 - weight1) * (cost - cost2) > (weight - weight2) * (cost2 - cost1):
                break
            chain.pop()
        chain.append((cost, weight))
    return chain


@few(15)
@given(with_limits())
def test_the_smallest_is_the_heaviest_of_those_that_cost_least(drawn):
    problem, flows, _ = drawn
    least = min(map(problem.cost, flows))
    found = smallest(problem)
    assert problem.cost(found) == least
    assert problem.weight(found) == max(problem.weight(flow) for flow in flows if problem.cost(flow) == least)


def test_network_simplex_misses_what_is_best_for_no_price():
    """Of three operations the middle one is below the line between the others, so no multiple of costs chooses it."""
    arcs = tuple(
        Arc(tail="edge", head=SINK, weight=weight, cost=cost, choice=name)
        for name, weight, cost in (("small", 10, 0), ("middle", 14, 5), ("large", 30, 10))
    )
    problem = FlowProblem(arcs=arcs, supply={"edge": 1}, constant=0)
    exact, found = best_within(problem, 7), iterated_simplex(problem, 7)
    assert exact is not None
    assert found is not None
    assert problem.choices(exact) == ["middle"]
    assert problem.choices(found) == ["small"]
