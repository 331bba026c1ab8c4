"""Tables whose rows are written out one by one: any stages under one head, in blocks, beside the paper's own rows."""

import csv
import io
import json
from dataclasses import replace

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.plan import Plan, PlannedTrial, expand
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.layout import lay_out
from orchestrator.tables.table import Table, build, explain
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


DETAILED = """\
  - name: detailed
    paper: table2
    digits: printed
    heading: Architecture
    details: {Auto Aug: auto_augment, Grad Order: order, Algorithm: algorithm, By: author}
    lines:
      - {label: DARTS, stage: known, filter: {genotype: DARTS_V1}, paper: DARTS † first order}
      - {label: DARTS, stage: known, filter: {genotype: DARTS_V2}, paper: DARTS † second order}
      - {label: ours, stage: found, filter: {weighting: scalar}, details: {author: us, auto_augment: true, order: 1}}
      - {label: largest, paper: GPipe AmoebaNet-B, details: {author: them}}
    columns: [{metric: test_error_best, title: Val Error}, {metric: params, title: Par.}, search.gpu_days]
    baseline: {Architecture: ours}
"""


SINGLE = """\
  - name: single
    paper: table3
    lines: [{label: ours, stage: found, filter: {weighting: scalar}, paper: SharpSepConvDARTS}]
    columns: [test_error_best, params]
"""


def detailed(text: str = DETAILED, *, params: float = 3_169_414.0) -> Table:
    plan = plan_of(EXPERIMENT[: EXPERIMENT.index("  - name: models")] + text)
    rows = {trial.trial_id: row_of(plan, trial) for trial in plan.trials}
    rows = {key: replace(row, metrics={**row.metrics, "params": params}) for key, row in rows.items()}
    return build(plan, rows, plan.tables[0])


def entries(table: Table) -> list[list[str]]:
    return [[entry.text for entry in line] for line in lay_out(table).lines]


def test_details_come_from_the_published_row_unless_the_line_says_otherwise():
    table = detailed()

    assert table.keys == ("Architecture", "Auto Aug", "Grad Order", "Algorithm", "By")
    assert [line[:5] for line in entries(table)] == [
        ["DARTS", "✗", "1", "Grad", ""],
        ["DARTS", "✗", "2", "Grad", ""],
        ["ours", "✓", "1", "", "us"],
        ["largest", "✗", "", "Evo+Man", "them"],
    ]


def test_lines_are_compared_with_the_baseline_line_whatever_their_details():
    changes = [row.cells["test_error_best"].change for row in detailed().rows]

    assert changes == [pytest.approx(9 / 61), pytest.approx(9 / 61), None, None]


def test_printed_digits_follow_the_number_beside_a_cell_and_leave_others_as_they_are():
    """Params are printed as 2.9 M, 3.4 M and ~557 M; where nothing stands beside a cell it has its own digits."""
    table = detailed()
    place = [heading.title for heading in lay_out(table).headings].index("Par. (M)")

    assert [line[place] for line in entries(table)] == ["3.2", "3.2", "3.17", ""]
    assert [line[place + 2] for line in entries(table)] == ["2.9", "3.4", "", "~557"]


def test_without_printed_digits_the_unit_is_the_papers_and_the_digits_are_our_own():
    table = detailed(DETAILED.replace("    digits: printed\n", ""), params=25_000.0)
    place = [heading.title for heading in lay_out(table).headings].index("Par. (M)")

    assert [line[place] for line in entries(table)] == ["0.025", "0.025", "0.025", ""]
    assert [line[place + 2] for line in entries(table)] == ["2.9", "3.4", "", "~557"]


def test_fewer_than_three_runs_are_marked_unless_the_paper_has_single_runs_too():
    few = "fewer than the paper's 3 runs"

    assert few in render(detailed(), "text")
    assert few not in render(detailed(SINGLE), "text")


def test_a_printed_unit_holds_and_its_digits_too_but_where_a_number_would_look_like_nothing():
    table = detailed(params=25_000.0)
    place = [heading.title for heading in lay_out(table).headings].index("Par. (M)")

    assert [line[place] for line in entries(table)] == ["0.03", "0.03", "0.03", ""]


def test_a_line_that_nothing_searched_has_a_dash_and_one_without_runs_a_blank():
    table = detailed()
    place = [heading.title for heading in lay_out(table).headings].index("search: GPU days")

    assert [line[place] for line in entries(table)] == ["–", "–", "0.50", ""]


def test_the_count_of_a_search_goes_to_a_note_only_where_the_table_prints_as_the_paper_does():
    table = detailed()
    plain = detailed(DETAILED.replace("    digits: printed\n", ""))

    assert "Numbers of a search are of that search alone, not of the n runs of a row." in lay_out(table).notes
    assert "0.50 (n=1)" in entries(plain)[2]
    assert not [note for note in lay_out(plain).notes if "of that search alone" in note]


def test_a_column_of_the_paper_that_no_line_measures_is_only_quoted():
    columns = "[{metric: params, title: Par.}, {metric: search.gpu_days, title: GPU Days}]"
    text = DETAILED[: DETAILED.index("      - {label: ours")] + f"    columns: {columns}\n"
    table = detailed(text.replace(", By: author", ""))
    place = [heading.title for heading in lay_out(table).headings].index("GPU Days")

    assert [line[place : place + 2] for line in entries(table)] == [["–", "1.5"], ["–", "4"]]


def test_json_has_details_and_printed_digits():
    rows = json.loads(render(detailed(), "json"))["rows"]

    assert rows[1]["keys"] == {
        "Architecture": "DARTS",
        "Auto Aug": "✗",
        "Grad Order": "2",
        "Algorithm": "Grad",
        "By": "",
    }
    assert rows[1]["cells"]["params"]["text"] == "3.2 (n=1)"


def test_bold_lines_are_bold_but_for_what_is_quoted():
    (bold,) = [line for line in lay_out(table_of(plan_of())).lines if line[0].bold]
    headings = lay_out(table_of(plan_of())).headings

    assert [heading.title for heading, entry in zip(headings, bold, strict=True) if entry.bold] == [
        "Weights/Path",
        "params (M)",
        "test error, best epoch (%)",
        "search: GPU days",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Grad Order: order", "Grad Order: ordre", "unknown detail 'ordre'; did you mean 'order'?"),
        ("By: author", "Architecture: author", "is the heading of the labels already"),
        ("{author: them}", "{auhtor: them}", "no column shows this"),
        ("{author: us,", "{authors: us,", "no column shows this"),
        ("paper: DARTS † second order", "paper: DARTS † first order", "the label 'DARTS' stands twice"),
        ("{Architecture: ours}", "{Architecture: DARTS}", "several lines have the label 'DARTS'"),
        ("label: largest, paper", "label: largest, filter: {p: 2}, paper", "a line without a stage has no trials"),
        ("largest, paper: GPipe AmoebaNet-B,", "largest,", "needs a stage, or the name of a published row"),
    ],
)
def test_mistakes_in_details_are_found_at_plan_time(old, new, message):
    assert DETAILED.count(old) == 1

    with pytest.raises(SpecError) as caught:
        detailed(DETAILED.replace(old, new))

    assert message in str(caught.value.problems[0])
    assert all(problem.line is not None for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("digits: printed", "needs the published table"),
        ("details: {Order: order}", "only a table of lines has details"),
    ],
)
def test_what_only_some_tables_have_is_refused_in_others(more, message):
    text = EXPERIMENT[: EXPERIMENT.index("  - name: models")]

    with pytest.raises(SpecError, match=message):
        plan_of(f"{text}  - {{name: x, stage: found, rows: [weighting], columns: [params], {more}}}\n")


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
