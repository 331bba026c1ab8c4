"""Fed with the paper's own numbers, the experiments of Tables 2, 3 and 4 print the paper's figures to the digit.

The tables are transcribed here once more, cell by cell, from the paper (arXiv:1903.09900) and not from paper.yaml.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import pytest
from table_readers import READERS

from orchestrator.document.experiment import load_experiment
from orchestrator.document.spec import Line, TableSpec
from orchestrator.paper.published import Published, load_published
from orchestrator.planning.plan import Plan, PlannedTrial, expand
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.grouping import selected
from orchestrator.tables.layout import NOTHING, PUBLISHED, lay_out
from orchestrator.tables.table import Table, build
from trainables.catalog import CATALOG
from trainables.trial import TrialRow

HEADS = {
    "table2": (
        ["Architecture", "Auto Aug", "Grad Order", "SSC", "Algorithm"],
        ["Val Error CIFAR-10 (%)", "Test Error CIFAR-10.1 (%)", "Par. (M)", "+× (B)", "GPU Days"],
    ),
    "table3": (
        ["Architecture", "Search Method"],
        ["Test Error top-1 (%)", "Test Error top-5 (%)", "Params (M)", "+× (B)", "Search Cost GPU Days"],
    ),
    "table4": (["Weights/Path"], ["Par. (M)", "+× (M)", "Val Err (%)", "Test Err (%)"]),
}
"""The paper's columns: those that are no numbers, and those that are, each with its unit."""

ROWS = {
    "table2": """
ShakeShake64d        | ✗ |   | ✗ | Man       | 2.9±0.3   | 7.0±1.8 | 26.2 |       | –
AutoAugment          | ✓ |   | ✗ | AugRL+Man | 1.48      |         | 26.0 |       | –
GPipe AmoebaNet-B    | ✗ |   | ✗ | Evo+Man   | 1.0±0.05  |         | ~557 | ~50   |
NASNet-A             | ✗ |   | ✗ | RL        | 2.65      |         | 3.3  |       | 1800
NASNet-A †           | ✗ |   | ✗ | RL        | 2.83      |         | 3.8  | 0.624 | 3150
AmoebaNet-A          | ✗ |   | ✗ | Evo       | 3.34±0.06 |         | 3.2  |       | 3150
AmoebaNet-A †        | ✗ |   | ✗ | Evo       | 3.12      |         | 3.1  | 0.506 | 3150
AmoebaNet-B          | ✗ |   | ✗ | Evo       | 2.55±0.05 |         | 2.8  |       | 3150
ProgressiveNAS       | ✗ |   | ✗ | SMBO      | 3.41±0.09 |         | 3.2  |       | 225
ENAS                 | ✗ |   | ✗ | RL        | 2.89      |         | 4.6  |       | 0.5
DARTS random         | ✗ |   | ✗ | –         | 3.49      |         | 3.1  |       | –
DARTS †              | ✗ | 1 | ✗ | Grad      | 2.94      |         | 2.9  | 0.518 | 1.5
DARTS †              | ✗ | 2 | ✗ | Grad      | 2.83±0.06 |         | 3.4  | 0.547 | 4
ProxylessNAS         | ✗ | 1 | ✗ | Grad      | 2.08      |         | 5.7  |       | 4
SharpSepConvDARTS    | ✓ | 1 | ✓ | Grad      | 1.98±0.07 | 5.9±0.5 | 3.6  | 0.579 | 0.8
DARTS+SSC, no search | ✓ | 2 | ✓ | Grad      | 2.05±0.14 | 5.6±0.8 | 3.5  | 0.576 | –
sharpDARTS           | ✓ | 1 | ✓ | Grad      | 2.29±0.06 | 6.2±0.4 | 1.98 | 0.357 | 1.8
SharpSepConvDARTS    | ✗ | 1 | ✓ | Grad      | 2.45      |         | 3.6  | 0.579 | 0.8
DARTS+SSC, no search | ✗ | 2 | ✓ | Grad      | 2.55      |         | 3.5  | 0.576 | –
sharpDARTS           | ✗ | 1 | ✓ | Grad      | 2.97      |         | 1.98 | 0.357 | 1.8
""",
    "table3": """
GPipe AmoebaNet-B  | Evo+Man   | 15.7 | 3.0   | 557  | ~50   | 3150
MobileNetv2        | Man       | 28.0 | –     | 3.4  | 0.300 | –
MobileNetv2 (1.4)  | Man       | 25.3 | –     | 6.9  | 0.585 | –
NASNet-A           | RL        | 26.0 | 8.4   | 5.3  | 0.564 | 1800
NASNet-B           | RL        | 27.2 | 8.7   | 5.3  | 0.488 | 1800
AmoebaNet-B        | Evolution | 26.0 | 8.5   | 5.3  | 0.555 | 3150
AmoebaNet-C        | Evolution | 24.3 | 7.6   | 6.4  | 0.570 | 3150
ProgressiveNAS     | SMBO      | 25.8 | 8.1   | 5.1  | 0.588 | ~225
DARTS              | Grad      | 26.9 | 9.0   | 4.9  | 0.595 | 4
ProxylessNAS       | Grad      | 24.9 | 8.1   | 5.1  | 0.581 | ~8
SharpSepConvDARTS  | Grad      | 25.1 | 7.8   | 4.9  | 0.573 | 0.8
sharpDARTS cmid 96 | Grad      | 27.8 | 9.2   | 3.71 | 0.481 | 1.8
sharpDARTS cmid 32 | Grad      | 31.3 | 11.34 | 3.17 | 0.370 | 1.8
""",
    "table4": """
Scalar   | 0.8 | 23 | 8.62±0.16 | 17.2±0.8
Handmade | 1.0 | 25 | 6.50±0.18 | 13.9±0.4
Max-W    | 0.9 | 31 | 5.44±0.12 | 12.4±1.0
""",
}
BOLD = {"table2": {14, 15, 16}, "table3": {10, 11, 12}, "table4": {2}}
BLOCKS = {"table2": {0, 14, 17}, "table3": {0, 10}, "table4": set()}
MEASURED = {"table2": {4, 6, 11, 12, 14, 15, 16, 17, 18, 19}, "table3": {10, 11, 12}, "table4": {0, 1, 2}}
"""Which of the rows an experiment makes; the others are quoted."""
NAMES = tuple(ROWS)
BEST = {14: "1.93", 16: "2.27"}
"""Best runs of Table 2 that the text gives: abstract and section 4.2."""


def printed(name: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in ROWS[name].strip().splitlines()]


@cache
def plan_of(name: str) -> Plan:
    return expand(load_experiment(name), CATALOG)


def spec_of(name: str) -> TableSpec:
    return next(spec for spec in plan_of(name).tables if spec.name == name)


@cache
def table_of(name: str) -> Table:
    return build(plan_of(name), paper_rows(name), spec_of(name))


def paper_rows(name: str) -> dict[str, TrialRow]:
    """Return rows whose metrics are the paper's printed numbers, for the trials of the lines that measure."""
    plan, spec = plan_of(name), spec_of(name)
    rows: dict[str, TrialRow] = {}
    for line in spec.lines:
        if line.stage:
            trials = selected(plan, line.stage, line.filter)
            for trial, values in zip(trials, runs_of(name, line), strict=False):
                days = values.pop("search.gpu_days", 0.0)
                rows[trial.trial_id] = row_of(trial, metrics=values)
                for parent in (each for each in plan.trials if each.trial_id in trial.parents):
                    rows[parent.trial_id] = row_of(parent, timing={"gpu_days": days})
    return rows


def runs_of(name: str, line: Line) -> Iterator[dict[str, float]]:
    """Yield what each run measured: one where the paper prints no range, else three that have its median and range."""
    published = load_published().table(name)
    assert line.paper is not None
    row = published.row(line.paper)
    numbers = {column: number for column in row.cells if (number := published.number(row, column)) is not None}
    count = 3 if any(number.half_range is not None for number in numbers.values()) else 1
    for index in range(count):
        yield {
            column: run_of(number, published.number(row, f"{column}:best"), index)
            for column, number in numbers.items()
            if number.value is not None
        }


def run_of(number: Published, best: Published | None, index: int) -> float:
    assert number.value is not None
    if number.half_range is None:
        return number.value
    half = float(number.half_range)
    lowest = best.value if best and best.value is not None else number.value - half
    return (number.value, lowest, lowest + 2 * half)[index]


def row_of(trial: PlannedTrial, **values: Mapping[str, float]) -> TrialRow:
    whole = {"config": {}, "state": "done", "metrics": {}, "artifacts": {}, **values}
    return TrialRow(trial_id=trial.trial_id, spec=trial.spec, **whole)


def shown(name: str) -> list[dict[str, str]]:
    """Return each row's entries by heading; quoted numbers under `paper: <heading of the column before>`."""
    layout = lay_out(table_of(name))
    heads = []
    for heading in layout.headings:
        heads.append(f"{PUBLISHED}: {heads[-1]}" if heading.quoted else heading.title)
    return [{head: entry.text for head, entry in zip(heads, line, strict=True)} for line in layout.lines]


def numbers_of(name: str, row: int) -> dict[str, str]:
    """Return a printed row's numbers by our headings."""
    texts, numbers = HEADS[name]
    return dict(zip(numbers, printed(name)[row][len(texts) :], strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_rows_stand_in_the_papers_order_with_its_words_blocks_and_bold_lines(name):
    layout, lines = lay_out(table_of(name)), shown(name)
    texts, _ = HEADS[name]

    assert [[line[head] for head in texts] for line in lines] == [row[: len(texts)] for row in printed(name)]
    assert {index for index, row in enumerate(table_of(name).rows) if row.bold} == BOLD[name]
    assert all(line[0].bold == (index in BOLD[name]) for index, line in enumerate(layout.lines))
    assert set(layout.blocks) == BLOCKS[name]


@pytest.mark.parametrize("name", NAMES)
def test_columns_have_the_papers_titles_units_and_order(name):
    own = [heading.title for heading in lay_out(table_of(name)).headings if heading.numeric and not heading.quoted]

    assert [title for title in own if title != "best run (%)"] == HEADS[name][1]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_measured_is_printed_as_the_paper_prints_it(name):
    def ours(index: int, head: str, number: str) -> str:
        if "GPU Days" in head and (name, index) not in SEARCHED:
            return NOTHING
        return number or NOTHING  # where the paper is silent, these runs measured no such thing

    found = {
        index: {head: line[head] for head in HEADS[name][1]} for index, line in enumerate(shown(name)) if line["runs"]
    }
    assert found == {
        index: {head: ours(index, head, number) for head, number in numbers_of(name, index).items()}
        for index in MEASURED[name]
    }


SEARCHED = {("table2", index) for index in (14, 16, 17, 19)}
"""Rows whose genotype an experiment searches for. The others' GPU Days are those of whoever published the genotype."""


@pytest.mark.parametrize("name", NAMES)
def test_quoted_numbers_stand_in_their_place_and_never_as_measured(name):
    lines = shown(name)
    for index, line in enumerate(lines):
        for head, number in numbers_of(name, index).items():
            assert line[f"{PUBLISHED}: {head}"] == number, (index, head)
            if index not in MEASURED[name]:
                assert line[head] == "", (index, head)
        assert bool(line["runs"]) == (index in MEASURED[name])
    assert any("are quoted, not measured" in note for note in lay_out(table_of(name)).notes)


def test_the_best_run_stands_beside_the_median_and_beside_what_the_text_says_of_it():
    lines = shown("table2")

    assert {index: lines[index]["best run (%)"] for index in BEST} == BEST
    assert {i: line[f"{PUBLISHED}: best run (%)"] for i, line in enumerate(lines)} == {
        i: BEST.get(i, "") for i in range(len(lines))
    }


def test_section_4_2_comes_out_as_changes_against_darts():
    """10 % and 13 % in validation error, 5 % more operations: arXiv:1903.09900, section 4.2."""
    plan = plan_of("table2")
    table = build(plan, paper_rows("table2"), next(spec for spec in plan.tables if spec.name == "changes"))
    changes = {row.keys["Architecture"]: row.cells for row in table.rows}

    assert changes["DARTS † second order"]["test_error_best"].change is None
    assert changes["DARTS+SSC, no search"]["test_error_best"].change == pytest.approx(-0.10, abs=0.005)
    assert changes["DARTS+SSC, no search"]["addmult"].change == pytest.approx(0.05, abs=0.005)
    assert changes["SharpSepConvDARTS"]["test_error_best"].change == pytest.approx(-0.13, abs=0.005)
    assert "−13.4%" in render(table, "text")


@pytest.mark.parametrize("form", sorted(READERS))
@pytest.mark.parametrize("name", NAMES)
def test_every_format_says_the_same_words(name, form):
    expected = [[entry.text for entry in line] for line in lay_out(table_of(name)).lines]
    found = READERS[form](render(table_of(name), form))

    if form == "text":  # where blanks cannot be told from gaps
        expected = [[word for word in line if word] for line in expected]
    assert found == expected
