"""Tables of real plans: what an experiment file asks for is what its table shows."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.planning.plan import Plan, PlannedTrial, expand
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.table import Table, build
from trainables.catalog import CATALOG
from trainables.trial import TrialRow, artifact_digest

EXPERIMENT = """
experiment: ablation
stages:
  search:
    trainable: search
    config: {space: darts_ssc, dataset: cifar10-mini, epochs: 3, warmup_epochs: 0}
    grid: {weighting: [scalar, max_w], seed: [0, 1]}
  train:
    trainable: train
    needs: NEEDS
    config: {genotype: "${search.genotype}", epochs: 2, warmup_epochs: 0}
    grid:
      schedule: [{label: "p=1", p: 1}, {label: "p=2", p: 2}]
      seed: [0, 1, 2]
tables:
  - {name: weighting, stage: train, rows: [weighting, schedule], paper: table4, baseline: {weighting: scalar},
     columns: [test_error_best, params, search_val_error_best, search.gpu_days]}
  - {name: quoted, stage: train, rows: [weighting], filter: {p: 2}, paper: table2, columns: [test_error_best]}
  - {name: side, stage: train, rows: [search.weighting], columns: [schedule, test_error_best]}
"""


def plan_of(needs: str = "search") -> Plan:
    return expand(parse_experiment(EXPERIMENT.replace("NEEDS", needs)), CATALOG)


def rows_of(plan: Plan, chosen: Callable[[PlannedTrial], dict] = lambda trial: {}) -> dict[str, TrialRow]:
    """Return a done row for each trial; errors tell the trials apart."""
    rows: dict[str, TrialRow] = {}
    for trial in plan.trials:
        seed = trial.spec.seed
        parents = {
            parent: {"genotype": artifact_digest(rows[parent].artifacts["genotype"])} for parent in trial.parents
        }
        rows[trial.trial_id] = TrialRow(
            trial_id=trial.trial_id,
            spec=trial.spec,
            config={},
            state="done",
            metrics={"search_val_error_best": 50.0 + seed}
            if trial.stage == "search"
            else {"test_error_best": 60.0 + seed + (plan.value(trial, "p") == 2), "params": 25_000.0},
            artifacts={"genotype": {"of": trial.trial_id}, **chosen(trial)},
            parents=parents,
            timing={"gpu_days": 0.01 * (1 + seed)},
        )
    return rows


def tables_of(plan: Plan, rows: dict[str, TrialRow]) -> dict[str, Table]:
    return {spec.name: build(plan, rows, spec) for spec in plan.tables}


def test_a_two_stage_grid_becomes_the_table_its_file_asks_for():
    plan = plan_of()
    table = tables_of(plan, rows_of(plan))["weighting"]

    keys = [tuple(row.keys.values()) for row in table.rows]
    assert keys == [("scalar", "p=1"), ("scalar", "p=2"), ("max_w", "p=1"), ("max_w", "p=2")]
    row = table.rows[3]
    error = row.cells["test_error_best"]
    assert (error.median, error.half_range, error.n) == (62.0, 1.0, 6)
    assert row.runs.pooling == "2 searches × 3"
    assert [row.cells[name].n for name in ("search_val_error_best", "search.gpu_days")] == [2, 2]
    assert error.change == 0
    assert row.paper["test_error_best"].name == "Max-W"
    assert table.rows[2].paper == {}


def test_published_rows_are_found_by_settings_of_any_stage():
    plan = plan_of()
    table = tables_of(plan, rows_of(plan))["quoted"]

    assert [row.paper and row.paper["test_error_best"].name for row in table.rows] == ["SharpSepConvDARTS", {}]


def test_labels_stand_side_by_side():
    plan = plan_of()
    table = tables_of(plan, rows_of(plan))["side"]

    assert [column.name for column in table.columns] == [
        "test_error_best[schedule=p=1]",
        "test_error_best[schedule=p=2]",
    ]


def test_before_anything_has_run_every_cell_expects_its_runs():
    tables = tables_of(plan_of(), {})

    runs = {name: {(c.n, c.expected) for row in t.rows for c in row.cells.values()} for name, t in tables.items()}

    assert runs == {"weighting": {(0, 6), (0, 2)}, "quoted": {(0, 6)}, "side": {(0, 6)}}
    assert all("n=0/6" in render(tables[name], "text") for name in runs)


def test_the_best_of_several_searches_is_one_search_for_its_trainings():
    plan = plan_of("{stage: search, over: seed, best: search_val_error_best}")
    winners = {parent for trial in plan.trials for parent in trial.parents}
    winner = {trial.trial_id for trial in plan.trials if trial.trial_id in winners and trial.spec.seed == 1}

    def chosen(trial: PlannedTrial) -> dict:
        return {"chosen": {"trial": next(iter(winner & set(trial.parents)))}} if trial.parents else {}

    row = tables_of(plan, rows_of(plan, chosen))["weighting"].rows[0]
    assert (row.cells["test_error_best"].n, row.runs.pooling) == (3, "")
    assert (row.cells["search.gpu_days"].n, row.cells["search.gpu_days"].expected) == (1, 1)
    assert row.cells["search.gpu_days"].median == 0.02


def done(plan: Plan, artifacts: Mapping[str, dict] = MappingProxyType({})) -> dict[str, TrialRow]:
    """Return a done row for each trial; errors and days tell stages and seeds apart."""
    return {
        trial.trial_id: TrialRow(
            trial_id=trial.trial_id,
            spec=trial.spec,
            config={},
            state="done",
            metrics={"test_error": 10.0 * (1 + plan.stages.index(trial.stage)) + trial.spec.seed},
            artifacts=artifacts.get(trial.trial_id, {}),
            timing={"gpu_days": 10.0 * (1 + plan.stages.index(trial.stage)) + trial.spec.seed},
        )
        for trial in plan.trials
    }


CHAIN = """
experiment: chain
stages:
  search:
    trainable: search
    config: {space: darts_ssc, dataset: cifar10-mini, epochs: 3, warmup_epochs: 0}
    grid: {seed: [0, 1]}
  first:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}", epochs: 2, warmup_epochs: 0}
  second:
    trainable: train
    needs: NEEDS
    config: {CONFIG, warmup_epochs: 0}
tables:
  - {name: t, stage: second, rows: [search.seed], columns: [test_error, first.gpu_days, search.gpu_days]}
"""


def test_a_number_of_the_stage_between_is_found_also_where_a_setting_is_taken_from_beyond_it():
    text = CHAIN.replace("NEEDS", "first").replace("CONFIG", 'genotype: "${search.genotype}", epochs: 4')
    plan = expand(parse_experiment(text), CATALOG)
    rows = tables_of(plan, done(plan))["t"].rows

    assert all(len(trial.parents) == 2 for trial in plan.of_stage("second"))
    found = [[cell.median for cell in row.cells.values()] for row in rows]
    assert found == [[30.0, 20.0, 10.0], [30.0, 20.0, 11.0]]


def test_what_stands_behind_the_best_of_several_is_known_once_the_best_is():
    """Each of the candidates comes from a search of its own."""
    text = CHAIN.replace("NEEDS", "{stage: first, over: [search.seed], best: test_error}")
    text = text.replace("CONFIG", 'genotype: "${first.genotype}", epochs: 4').replace("rows: [search.seed], ", "")
    plan = expand(parse_experiment(text), CATALOG)
    (last,) = plan.of_stage("second")
    winner = last.parents[1]
    (search,) = next(trial for trial in plan.of_stage("first") if trial.trial_id == winner).ancestors["search"]

    before, after = (
        tables_of(plan, done(plan, artifacts))["t"].rows[0].cells["search.gpu_days"]
        for artifacts in ({}, {last.trial_id: {"chosen": {"trial": winner}}})
    )
    assert (before.n, before.expected) == (0, 1)
    assert (after.n, after.expected, after.trials) == (1, 1, (search,))


@pytest.mark.parametrize(
    ("stage", "sentence"),
    [
        ("second", "Trial {last}, which takes the best of 2, failed."),
        ("first", "There is no best of 2 trials for {last}, as {failed} failed."),
        ("search", "There is no best of 2 trials for {last}, as {failed} failed."),
    ],
)
def test_where_no_best_can_be_the_table_says_why(stage, sentence):
    text = CHAIN.replace("NEEDS", "{stage: first, over: [search.seed], best: test_error}")
    text = text.replace("CONFIG", 'genotype: "${first.genotype}", epochs: 4').replace("rows: [search.seed], ", "")
    plan = expand(parse_experiment(text), CATALOG)
    (last,) = plan.of_stage("second")
    failed = next(plan.of_stage(stage)).trial_id
    rows = done(plan)
    rows[failed] = replace(rows[failed], state="failed", metrics={}, error="loss is nan")
    reached = ["search", "first", "second"].index(stage)
    for trial in plan.trials:  # what needs a failed trial never has a row
        if plan.stages.index(trial.stage) > reached and failed in (*trial.parents, *trial.ancestors["search"]):
            del rows[trial.trial_id]

    table = tables_of(plan, rows)["t"]

    assert sentence.format(last=last.trial_id, failed=failed) in " ".join(render(table, "text").split())
    assert table.rows[0].cells["search.gpu_days"].in_state("failed")


def test_a_best_that_may_yet_be_is_not_said_to_be_none():
    text = CHAIN.replace("NEEDS", "{stage: first, over: [search.seed], best: test_error}")
    text = text.replace("CONFIG", 'genotype: "${first.genotype}", epochs: 4').replace("rows: [search.seed], ", "")

    assert "best of" not in render(tables_of(expand(parse_experiment(text), CATALOG), {})["t"], "text")


def test_a_trial_that_two_stages_share_is_an_ancestor_in_the_stage_that_is_needed():
    search = EXPERIMENT.partition("  train:")[0].partition("  search:")[2]
    text = f"""
experiment: shared
stages:
  one: {search}
  two: {search}
  train:
    trainable: train
    needs: two
    config: {{genotype: "${{two.genotype}}", epochs: 2, warmup_epochs: 0}}
tables:
  - {{name: t, stage: train, rows: [weighting], columns: [test_error, two.gpu_days]}}
"""
    plan = expand(parse_experiment(text), CATALOG)
    rows = tables_of(plan, done(plan))["t"].rows

    assert [(row.runs.n, row.runs.pooling, row.cells["two.gpu_days"].n) for row in rows] == [(2, "2 twos × 1", 2)] * 2
