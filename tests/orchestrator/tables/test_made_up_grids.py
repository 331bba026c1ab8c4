"""Tables of made-up grids say what a brute-force computation says, whatever their shape."""

import statistics
from collections import defaultdict
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from table_worlds import FakeTable, World, make_world

from orchestrator.tables.cells import Cell
from orchestrator.tables.table import Table, build

NAMES = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=3, unique=True)
ERRORS = st.one_of(
    st.sampled_from([5.0, 5.5]),
    st.floats(-1e300, 1e300),
    st.floats(-1e-300, 1e-300),
    st.sampled_from([float("nan"), float("inf"), None]),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A grid of any shape, of whose trainings some failed, some are missing and some measured nothing."""
    sizes = [draw(st.integers(1, most)) for most in (2, 2, 3)]
    search_seeds, ps, seeds = (tuple(range(size)) for size in sizes)
    world = make_world(weightings=draw(NAMES), search_seeds=search_seeds, ps=ps, seeds=seeds)
    for trial in world.plan.of_stage("train"):
        fate = draw(st.sampled_from(["done", "done", "failed", "missing"]))
        if fate == "failed":
            world.fail(trial)
        elif fate == "missing":
            del world.rows[trial.trial_id]
        else:
            error = draw(ERRORS)
            world.change(trial, metrics={} if error is None else {"test_error_best": error})
    return world


def brute_force(world: World) -> dict[tuple[str, int], tuple[object, ...]]:
    """Returns, for each (weighting, p): n, expected, independent, median, low and high."""
    planned, found = defaultdict(list), defaultdict(list)
    for trial in world.plan.of_stage("train"):
        place = trial.coordinates["search.weighting"], trial.coordinates["train.p"]
        planned[place].append(trial)
        row = world.rows.get(trial.trial_id)
        value = row.metrics.get("test_error_best") if row and row.state == "done" else None
        if value is not None and abs(value) < float("inf"):
            found[place].append((Decimal(repr(value)), trial.coordinates["search.seed"]))
    searches = {trial.coordinates["search.seed"] for trial in world.plan.of_stage("search")}
    told = {}
    for place, trials in planned.items():
        numbers = [number for number, _ in found[place]]
        drawn = len({seed for _, seed in found[place]}) if len(searches) > 1 else len(numbers)
        known = (
            (float(statistics.median(numbers)), float(min(numbers)), float(max(numbers))) if numbers else (None,) * 3
        )
        told[place] = (len(numbers), len(trials), drawn, *known)
    return told


def cells(table: Table) -> dict[tuple[str, int], tuple[object, ...]]:
    found = {}
    for line in table.rows:
        cell = line.cells["test_error_best"]
        told = (cell.n, cell.expected, cell.independent, cell.median, cell.low, cell.high)
        found[line.keys["weighting"], line.keys["p"]] = told
    return found


@settings(max_examples=20, deadline=None)
@given(worlds())
def test_cells_are_those_of_brute_force(world: World):
    table = build(world.plan, world.rows, FakeTable(columns=("test_error_best",)))

    assert cells(table) == brute_force(world)


@settings(max_examples=20, deadline=None)
@given(worlds())
def test_the_evidence_of_a_cell_gives_its_numbers_counts_and_states(world: World):
    table = build(world.plan, world.rows, FakeTable(columns=("test_error_best", "search.gpu_days")))

    shown = [cell for line in table.rows for cell in (line.runs, *line.cells.values())]

    assert [told_by(cell) for cell in shown] == [told_by_evidence(cell) for cell in shown]


def told_by(cell: Cell) -> tuple[object, ...]:
    return cell.expected, cell.n, cell.low, cell.high, dict(cell.states)


def told_by_evidence(cell: Cell) -> tuple[object, ...]:
    values = [one.value for one in cell.evidence if one.value is not None]
    states = [one.state for one in cell.evidence]
    counts = {state: states.count(state) for state in states}
    return len(states), len(values), min(values, default=None), max(values, default=None), counts


def test_five_thousand_rows_are_told_as_brute_force_tells_them():
    world = make_world(weightings=[f"w{number}" for number in range(50)], ps=tuple(range(20)), seeds=tuple(range(5)))

    assert cells(build(world.plan, world.rows, FakeTable(columns=("test_error_best",)))) == brute_force(world)
