"""A table says what its rows say, counts what is there, and admits what is missing."""

import math
from dataclasses import replace
from functools import cache

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st
from table_worlds import FakePlan, FakeTable, World, error_of, make_world

from orchestrator.errors import TableError
from orchestrator.tables.evidence import Evidence
from orchestrator.tables.table import Table, TableRow, build, explain
from trainables.trial import TrialRow, TrialSpec, artifact_digest


def line(table: Table, **keys) -> TableRow:
    found = [row for row in table.rows if all(row.keys[key] == value for key, value in keys.items())]
    assert len(found) == 1
    return found[0]


def table_of(world: World, **spec) -> Table:
    return build(world.plan, world.rows, FakeTable(**spec))


def test_a_cell_is_the_median_and_range_of_its_seeds():
    cell = line(table_of(make_world()), weighting="max_w", p=2).cells["test_error_best"]

    assert cell.median == error_of("max_w", 0, 2, 1)
    assert (cell.low, cell.high) == (error_of("max_w", 0, 2, 0), error_of("max_w", 0, 2, 2))
    assert cell.half_range == pytest.approx(0.05)
    assert (cell.n, cell.expected, cell.marks) == (3, 3, ())


def test_rows_come_in_the_order_of_the_plan_key_by_key():
    table = table_of(make_world(), rows=("p", "weighting"))

    assert [tuple(row.keys.values()) for row in table.rows] == [
        (1, "scalar"),
        (1, "max_w"),
        (2, "scalar"),
        (2, "max_w"),
    ]


def test_a_filter_keeps_what_it_names_and_takes_lists():
    world = make_world(ps=(1, 2, 3))

    assert [row.keys["p"] for row in table_of(world, filter={"weighting": "max_w"}).rows] == [1, 2, 3]
    assert [row.keys["p"] for row in table_of(world, filter={"weighting": "max_w", "p": [1, 3.0]}).rows] == [1, 3]


def test_true_is_not_the_number_one():
    with pytest.raises(TableError, match="filter leaves none"):
        table_of(make_world(), filter={"p": True})


def test_a_search_that_three_trainings_share_counts_once():
    cell = line(table_of(make_world()), weighting="scalar", p=1).cells["search.gpu_days"]

    assert (cell.n, cell.expected, cell.median) == (1, 1, 0.8)
    assert cell.marks == ("few",)


def test_searches_and_trainings_pool_and_the_line_says_how():
    row = line(table_of(make_world(search_seeds=(0, 1))), weighting="scalar", p=1)

    assert (row.runs.n, row.runs.expected, row.runs.pooling) == (6, 6, "2 searches × 3")
    assert row.cells["test_error_best"].n == 6
    assert row.cells["search.gpu_days"].n == 2
    assert row.cells["search.gpu_days"].median == pytest.approx(0.9)


def test_one_level_of_seeds_needs_no_words():
    assert line(table_of(make_world()), weighting="scalar", p=1).runs.pooling == ""


def test_a_bare_metric_is_the_own_stages_before_the_ancestors():
    table = table_of(make_world(), columns=("gpu_days", "search_val_error_best"))

    own, inherited = table.columns
    assert (own.stage, own.own) == ("train", True)
    assert (inherited.stage, inherited.own) == ("search", False)
    assert table.rows[0].cells["gpu_days"].median == 2.5
    assert table.rows[0].cells["search_val_error_best"].median == 8.0


def test_a_table_of_a_plan_that_has_not_run_is_empty_and_expects_everything():
    table = build(make_world().plan, {}, FakeTable())

    cells = [row.cells["test_error_best"] for row in table.rows]
    assert [(cell.n, cell.expected, cell.median, cell.marks) for cell in cells] == [(0, 3, None, ("missing",))] * 4


def test_a_missing_run_is_counted_and_named():
    world = make_world()
    gone = world.find("train", **{"search.weighting": "scalar"}, p=1, seed=2)
    del world.rows[gone.trial_id]

    cell = line(table_of(world), weighting="scalar", p=1).cells["test_error_best"]
    assert (cell.n, cell.expected) == (2, 3)
    assert cell.in_state("missing") == (gone.trial_id,)
    assert cell.marks == ("few", "missing")


def test_a_failed_run_is_left_out_and_marked():
    world = make_world()
    failed = world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0)
    world.fail(failed)

    cell = line(table_of(world), weighting="scalar", p=1).cells["test_error_best"]
    assert (cell.n, cell.low) == (2, error_of("scalar", 0, 1, 1))
    assert cell.in_state("failed") == (failed.trial_id,)
    assert "failed" in cell.marks


def test_a_child_of_another_genotype_than_its_parent_records_is_never_tabulated():
    world = make_world()
    search = world.find("search", weighting="scalar", seed=0)
    world.change(search, artifacts={"genotype": {"normal": ["found", "anew"]}})

    table = table_of(world)
    cell = line(table, weighting="scalar", p=1).cells["test_error_best"]
    assert (cell.n, cell.median, len(cell.in_state("untrusted"))) == (0, None, 3)
    assert cell.marks == ("untrusted",)
    assert "another genotype" in cell.evidence[0].reason
    assert line(table, weighting="max_w", p=1).cells["test_error_best"].n == 3


def test_distrust_reaches_grandchildren():
    world = make_world(weightings=("scalar",), ps=(1,), seeds=(0,))
    child = world.find("train", p=1, seed=0)
    spec = TrialSpec(trainable="train", version=1, config={"again": 1}, seed=0, parents=(child.trial_id,))
    coordinates = {**child.coordinates, "again.seed": 0}
    ancestors = {"train": (child.trial_id,), **child.ancestors}
    grandchild = replace(child, spec=spec, stage="again", coordinates=coordinates, ancestors=ancestors)
    taken = {
        child.trial_id: {"test_error_best": artifact_digest(world.rows[child.trial_id].metrics["test_error_best"])}
    }
    row = TrialRow(
        trial_id=spec.trial_id,
        spec=spec,
        config={},
        state="done",
        metrics={"test_error_best": 1.0},
        artifacts={},
        parents=taken,
    )
    plan = FakePlan(stages=("search", "train", "again"), trials=(*world.plan.trials, grandchild))
    rows = {**world.rows, spec.trial_id: row}
    asked = FakeTable(stage="again", columns=("test_error_best", "search.gpu_days"))

    assert build(plan, rows, asked).rows[0].cells["test_error_best"].n == 1
    search_id = world.find("search", seed=0).trial_id
    rows[search_id] = replace(rows[search_id], artifacts={"genotype": {}})
    cell = build(plan, rows, asked).rows[0].cells["test_error_best"]
    assert (cell.n, cell.in_state("untrusted")) == (0, (spec.trial_id,))


def test_a_parent_without_a_row_cannot_vouch_and_the_cell_says_so():
    world = make_world()
    del world.rows[world.find("search", weighting="scalar", seed=0).trial_id]

    cell = line(table_of(world), weighting="scalar", p=1).cells["test_error_best"]
    assert (cell.n, cell.marks) == (3, ("unverified",))


@pytest.mark.parametrize(
    ("key", "value", "mark"),
    [
        ("commit", "b" * 40, "commits"),
        ("code", "c" * 64, "commits"),
        ("versions", {"torch": "2.1"}, "versions"),
        ("hardware", "another GPU", "hardware"),
        ("mixed", True, "resumed"),
    ],
)
def test_runs_made_under_different_conditions_are_marked(key, value, mark):
    world = make_world()
    trial = world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0)
    world.change(trial, provenance={**world.rows[trial.trial_id].provenance, key: value})

    table = table_of(world)
    assert line(table, weighting="scalar", p=1).cells["test_error_best"].marks == (mark,)
    assert line(table, weighting="scalar", p=2).cells["test_error_best"].marks == ()


@pytest.mark.parametrize(
    ("commit", "shown"),
    [
        ("3c08" * 10, "3c083c083c08"),
        (f"{'3c08' * 10}-dirty", "3c083c083c08-dirty"),
        ("sharptune 0.1.0", "sharptune 0.1.0"),
    ],
)
def test_a_commit_is_shortened_but_not_what_says_that_it_is_not_the_whole_truth(commit, shown):
    assert Evidence(trial_id="", label="", state="done", commit=commit).source == shown


@pytest.mark.parametrize(
    "metrics", [{}, *({"test_error_best": value} for value in (math.nan, -math.inf, 10**400, "5"))]
)
def test_a_run_that_measured_nothing_or_nothing_finite_is_no_number(metrics):
    world = make_world()
    trial = world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0)
    world.change(trial, metrics=metrics)

    cell = line(table_of(world), weighting="scalar", p=1).cells["test_error_best"]
    assert (cell.n, cell.expected) == (2, 3)
    assert "unmeasured" in cell.marks


def test_the_best_is_the_lowest_error_and_sizes_stay_medians():
    table = table_of(make_world(), statistic="best", columns=("test_error_best", "params"))

    error, size = table.columns
    row = line(table, weighting="max_w", p=1)
    assert error.value(row.cells["test_error_best"]) == error_of("max_w", 0, 1, 0)
    assert (size.best, size.value(row.cells["params"])) == (False, 3_529_270)


def test_the_best_is_the_highest_accuracy_and_the_lowest_regret():
    world = make_world()
    metrics = ("benchmark_cifar10", "benchmark_regret_cifar10")
    for seed, value in enumerate((90.0, 91.0, 89.0)):
        trial = world.find("train", **{"search.weighting": "max_w"}, p=1, seed=seed)
        world.change(trial, metrics=dict(zip(metrics, (value, 91.6 - value), strict=True)))
    table = table_of(world, statistic="best", columns=metrics)
    cells = line(table, weighting="max_w", p=1).cells

    assert [column.value(cells[column.name]) for column in table.columns] == [91.0, pytest.approx(0.6)]


def test_a_baseline_compares_rows_that_differ_in_nothing_else():
    table = table_of(make_world(), baseline={"weighting": "scalar"})

    cell = line(table, weighting="max_w", p=2).cells["test_error_best"]
    against = error_of("scalar", 0, 2, 1)
    assert cell.change == pytest.approx((error_of("max_w", 0, 2, 1) - against) / against)
    assert line(table, weighting="scalar", p=2).cells["test_error_best"].change is None


@pytest.mark.parametrize(
    ("baseline", "message"),
    [({"schedule": 1}, "not among its rows"), ({"weighting": "none"}, "no row has the baseline")],
)
def test_a_baseline_that_is_not_there_is_refused(baseline, message):
    with pytest.raises(TableError, match=message):
        table_of(make_world(), baseline=baseline)


def test_an_axis_that_is_neither_fixed_nor_a_seed_is_refused_by_name():
    with pytest.raises(TableError, match=r"train\.p \(1, 2\)"):
        table_of(make_world(), rows=("weighting",))


def test_of_several_lines_that_mix_an_axis_the_one_that_mixes_most_is_told():
    world = make_world(ps=(1, 2, 4))
    trials = tuple(
        t for t in world.plan.trials if t.coordinates != {**t.coordinates, "search.weighting": "scalar", "train.p": 4}
    )
    plan = replace(world.plan, trials=trials)

    assert len(trials) == len(world.plan.trials) - 3
    with pytest.raises(TableError, match=r"train\.p \(1, 2, 4\)"):
        build(plan, world.rows, FakeTable(rows=("weighting",)))


def test_a_key_among_the_columns_sets_its_values_side_by_side():
    table = table_of(make_world(), rows=("weighting",), columns=("p", "test_error_best"))

    assert [column.name for column in table.columns] == ["test_error_best[p=1]", "test_error_best[p=2]"]
    row = line(table, weighting="max_w")
    assert row.cells["test_error_best[p=2]"].median == error_of("max_w", 0, 2, 1)
    assert (row.runs.n, row.runs.expected, row.each) == (3, 3, True)


def test_side_by_side_settings_with_unlike_runs_are_counted_together():
    world = make_world()
    world.fail(world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0))

    row = line(table_of(world, rows=("weighting",), columns=("p", "test_error_best")), weighting="scalar")
    assert (row.runs.n, row.runs.expected, row.each) == (5, 6, False)


def test_a_column_of_an_unknown_stage_is_refused():
    with pytest.raises(TableError, match="names no stage among train, search"):
        table_of(make_world(), columns=("serch.gpu_days",))


def test_settings_alone_make_no_table():
    with pytest.raises(TableError, match="nothing measured"):
        table_of(make_world(), rows=("weighting",), columns=("p",))


def test_every_number_walks_back_to_its_trials():
    world = make_world()
    evidence = explain(table_of(world), {"weighting": "max_w", "p": 1}, "test_error_best")

    assert [one.value for one in evidence] == [error_of("max_w", 0, 1, seed) for seed in (0, 1, 2)]
    for one in evidence:
        assert world.rows[one.trial_id].metrics["test_error_best"] == one.value
    assert evidence == explain(table_of(world), 2, "test_error_best")


@pytest.mark.parametrize(("row", "column"), [(9, "params"), ({"weighting": "max_w"}, "params"), (0, "parms")])
def test_walking_back_from_nowhere_is_refused(row, column):
    with pytest.raises(TableError, match="table 'weighting' has"):
        explain(table_of(make_world()), row, column)


def test_the_best_of_several_searches_is_the_one_its_child_chose():
    world = make_world(weightings=("scalar",), search_seeds=(0, 1), ps=(1,), seeds=(0,))
    first, second = (world.find("search", seed=seed) for seed in (0, 1))
    spec = TrialSpec(trainable="train", version=1, config={}, seed=0, parents=(first.trial_id, second.trial_id))
    child = replace(
        world.find("train", p=1, seed=0, search_seed=0),
        spec=spec,
        coordinates={"train.seed": 0},
        ancestors={"search": spec.parents},
    )
    plan = FakePlan(stages=("search", "train"), trials=(first, second, child))
    asked = FakeTable(rows=(), columns=("test_error_best", "search.gpu_days"))

    unknown = build(plan, world.rows, asked).rows[0].cells["search.gpu_days"]
    assert (unknown.n, unknown.expected) == (0, 1)
    row = TrialRow(
        trial_id=spec.trial_id,
        spec=spec,
        config={},
        state="done",
        metrics={"test_error_best": 5.0},
        artifacts={"chosen": {"trial": second.trial_id}},
    )
    known = build(plan, {**world.rows, spec.trial_id: row}, asked).rows[0].cells["search.gpu_days"]
    assert (known.n, known.expected, known.trials) == (1, 1, (second.trial_id,))


def test_published_numbers_stand_beside_rows_of_their_settings_only():
    table = table_of(make_world(), paper="table4")

    assert {c: r.name for c, r in line(table, weighting="max_w", p=2).paper.items()} == {
        "test_error_best": "Max-W",
        "params": "Max-W",
        "addmult": "Max-W",
    }
    assert line(table, weighting="max_w", p=1).paper == {}
    assert line(table, weighting="max_w", p=2).cells["test_error_best"].n == 3


WORLD = make_world(search_seeds=(0, 1))
WORLD.fail(WORLD.find("train", **{"search.weighting": "scalar", "search.seed": 1}, p=1, seed=0))


@cache
def undisturbed(paper: str | None = None) -> Table:
    """Return the table that no disturbance may change."""
    return table_of(WORLD, paper=paper)


@few(15)
@given(st.permutations(sorted(WORLD.rows)))
def test_the_order_of_rows_never_changes_a_table(order):
    shuffled = {trial_id: WORLD.rows[trial_id] for trial_id in order}

    assert build(WORLD.plan, shuffled, FakeTable(paper="table4")) == undisturbed("table4")


@few(15)
@given(st.permutations(WORLD.plan.trials))
def test_the_order_of_trials_changes_no_line_of_a_table(order):
    plan = replace(WORLD.plan, trials=tuple(order))

    def lines(table: Table) -> list[TableRow]:
        return sorted(table.rows, key=lambda row: str(row.keys))

    assert lines(build(plan, WORLD.rows, FakeTable())) == lines(undisturbed())


@few(15)
@given(st.integers(10, 10**6), st.floats(0, 100), st.sampled_from(["search", "train", "another"]))
def test_a_row_of_no_trial_of_the_plan_changes_nothing(seed, error, trainable):
    spec = TrialSpec(trainable=trainable, version=1, config={}, seed=seed)
    stranger = TrialRow(
        trial_id=spec.trial_id,
        spec=spec,
        config={},
        state="done",
        metrics={"test_error_best": error, "new": 1.0},
        artifacts={},
    )

    assert build(WORLD.plan, {**WORLD.rows, spec.trial_id: stranger}, FakeTable()) == undisturbed()
