"""Tables whose rows are written out one by one: any stages under one head, in blocks, beside the paper's own rows."""

import csv
import io
import json

import pytest

from orchestrator.errors import SpecError
from orchestrator.plan import Plan, PlannedTrial, expand
from orchestrator.render import render
from orchestrator.spec import parse_experiment
from orchestrator.tables import Table, build, explain
from trainables.catalog import CATALOG
from trainables.trial import TrialRow

EXPERIMENT = """\
experiment: models
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini, epochs: 3, warmup_epochs: 0}
    grid: {weighting: [scalar, max_w], seed: [0]}
  found:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}", epochs: 2, warmup_epochs: 0}
    grid: {seed: [0, 1, 2]}
  known:
    trainable: train
    config: {dataset: cifar10-mini, epochs: 2, warmup_epochs: 0}
    grid: {genotype: [DARTS_V1, DARTS_V2], seed: [0]}
tables:
  - name: models
    title: All models
    paper: table4
    heading: Weights/Path
    lines:
      - {label: Scalar, block: found by search, stage: found, filter: {weighting: scalar}, paper: Scalar}
      - {label: Max-W, stage: found, filter: {weighting: max_w}, paper: Max-W, bold: true}
      - {label: By hand, block: known before, stage: known, filter: {genotype: DARTS}, paper: Handmade}
      - {label: Someone else's, paper: Handmade}
    columns: [params, test_error_best, search.gpu_days]
    baseline: {Weights/Path: Scalar}
"""


def plan_of(text: str = EXPERIMENT) -> Plan:
    return expand(parse_experiment(text, file="e.yaml"), CATALOG)


def row_of(plan: Plan, trial: PlannedTrial) -> TrialRow:
    found = trial.stage == "found"
    error = {"search": 50.0, "known": 70.0, "found": 60.0}[trial.stage] + trial.spec.seed
    if found and plan.value(trial, "weighting") == "max_w":
        error -= 10
    return TrialRow(
        trial_id=trial.trial_id,
        spec=trial.spec,
        config={},
        state="done",
        metrics={"test_error_best": error, "params": 25_000.0},
        artifacts={"genotype": {}},
        timing={"gpu_days": 0.5},
    )


def table_of(plan: Plan, *, done: bool = True) -> Table:
    rows = {trial.trial_id: row_of(plan, trial) for trial in plan.trials} if done else {}
    (spec,) = plan.tables
    return build(plan, rows, spec)


def test_lines_of_any_stages_stand_in_the_order_written():
    table = table_of(plan_of())

    assert table.keys == ("Weights/Path",)
    assert [row.keys["Weights/Path"] for row in table.rows] == ["Scalar", "Max-W", "By hand", "Someone else's"]
    errors = [row.cells["test_error_best"] for row in table.rows]
    assert [(cell.median, cell.half_range, cell.n) for cell in errors] == [
        (61.0, 1.0, 3),
        (51.0, 1.0, 3),
        (70.0, 0.0, 1),
        (None, None, 0),
    ]


def test_a_line_has_only_the_columns_that_its_stage_or_an_ancestor_measures():
    table = table_of(plan_of())

    assert [row.cells["search.gpu_days"].expected for row in table.rows] == [1, 1, 0, 0]


def test_a_bare_metric_that_only_other_lines_have_leaves_a_line_blank():
    text = EXPERIMENT.replace("search.gpu_days]", "search_val_error_best]")
    table = table_of(plan_of(text))

    assert [row.cells["search_val_error_best"].expected for row in table.rows] == [1, 1, 0, 0]


def test_each_line_stands_beside_the_published_row_it_names_and_is_compared_with_the_baseline():
    table = table_of(plan_of())

    assert [row.paper["test_error_best"].name for row in table.rows] == ["Scalar", "Max-W", "Handmade", "Handmade"]
    assert table.rows[1].cells["test_error_best"].change == pytest.approx(-10 / 61)
    assert [one.trial_id for one in explain(table, {"Weights/Path": "By hand"}, "params")] == [
        trial.trial_id for trial in plan_of().trials if trial.stage == "known"
    ][1:]


def test_blocks_and_bold_rows_reach_every_format():
    table = table_of(plan_of())
    text, markdown, latex = (render(table, form) for form in ("text", "markdown", "latex"))

    lines = [line.split("  ")[0].strip() for line in text.splitlines()]
    assert lines.index("found by search") + 1 == lines.index("Scalar")
    assert lines.index("known before") + 1 == lines.index("By hand")
    assert "| *known before* | " in markdown
    assert "| **Max-W**" in markdown
    assert r"\multicolumn{10}{l}{\textit{known before}} \\" in latex
    assert r"\textbf{Max-W}" in latex
    assert [row.get("block") for row in json.loads(render(table, "json"))["rows"]] == [
        "found by search",
        None,
        "known before",
        None,
    ]
    assert [row["Weights/Path"] for row in csv.DictReader(io.StringIO(render(table, "csv")))][1] == "Max-W"


def test_a_column_may_show_the_best_run_under_a_title_of_its_own():
    columns = "[{metric: test_error_best, title: Val Err}, {metric: test_error_best, statistic: best, title: Best}]"
    table = table_of(plan_of(EXPERIMENT.replace("[params, test_error_best, search.gpu_days]", columns)))

    assert [column.name for column in table.columns] == ["test_error_best", "test_error_best:best"]
    head, *_ = [line for line in render(table, "markdown").splitlines() if line.startswith("| Weights")]
    assert [part.strip() for part in head.split("|")[2:7]] == ["Val Err (%)", "Δ", "paper", "Best (%)", "Δ"]
    best = table.rows[1].cells["test_error_best:best"]
    assert table.columns[1].value(best) == 50.0


def test_before_anything_has_run_every_line_expects_its_runs():
    table = table_of(plan_of(), done=False)

    assert [(row.runs.n, row.runs.expected) for row in table.rows] == [(0, 3), (0, 3), (0, 1), (0, 0)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("stage: known, filter", "stage: knwon, filter", "unknown stage 'knwon'; did you mean 'known'?"),
        ("filter: {weighting: max_w}", "filter: {weighting: maxw}", "did you mean 'max_w'?"),
        (", filter: {weighting: max_w}", "", "a cell would mix weighting = 'scalar', 'max_w'"),
        ("paper: Max-W", "paper: MaxW", "unknown published row 'MaxW'; did you mean 'Max-W'?"),
        ("label: Max-W", "label: Scalar", "the label 'Scalar' stands twice"),
        ("columns: [params", "columns: [parms", "unknown column 'parms'; did you mean 'params'?"),
        ("    paper: table4\n", "", "needs the published table"),
        ("{Weights/Path: Scalar}", "{Weights/Path: Scaler}", "unknown label 'Scaler'; did you mean 'Scalar'?"),
        ("{Weights/Path: Scalar}", "{weighting: scalar}", "must be 'Weights/Path'"),
        ("    heading:", "    rows: [weighting]\n    heading:", "a table has either rows or lines"),
    ],
)
def test_mistakes_are_found_at_plan_time(old, new, message):
    assert EXPERIMENT.count(old) == 1

    with pytest.raises(SpecError) as caught:
        plan_of(EXPERIMENT.replace(old, new))

    assert message in str(caught.value.problems[0])
    assert all(problem.line is not None for problem in caught.value.problems)


def test_a_table_needs_a_stage_or_lines():
    text = EXPERIMENT[: EXPERIMENT.index("tables:")] + "tables:\n  - {name: models, columns: [params]}\n"

    with pytest.raises(SpecError, match="needs the key 'stage', or 'lines'"):
        plan_of(text)
