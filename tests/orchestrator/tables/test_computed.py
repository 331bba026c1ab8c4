"""Sizes stand in a table before anything has run, visibly so, and are never taken for what was measured."""

from dataclasses import replace

import pytest
from plans import plan
from quickstart_rows import quickstart
from table_readers import READERS

from orchestrator.cli.explain import cell_json, cell_text, explanation
from orchestrator.comparisons.arms import arms_of
from orchestrator.document.spec import ColumnSpec, FigureSpec, TableSpec
from orchestrator.figures.kinds import build as figures
from orchestrator.ledger import Ledger
from orchestrator.tables.cells import COMPUTED, MARKS
from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.tables.formats.data import json_value
from orchestrator.tables.layout import lay_out
from orchestrator.tables.table import Table, build
from trainables.architecture import final_networks
from trainables.kinds.sizes import SIZES
from trainables.record.storage import open_storage

SPEC = TableSpec(name="sizes", stage="train", rows=["weighting", "p"], columns=["test_error", *SIZES])


def searched() -> dict:
    """Return the rows of the quickstart's two searches: no training has run."""
    return {trial: row for trial, row in quickstart()[1].items() if row.spec.trainable == "search"}


def table_of(rows: dict, spec: TableSpec = SPEC) -> Table:
    return build(quickstart()[0], rows, spec)


def trained(weighting: str, p: int, seed: int) -> str:
    wanted = {"search.weighting": weighting, "train.p": p, "train.seed": seed}
    (found,) = (t for t in quickstart()[0].of_stage("train") if wanted.items() <= t.coordinates.items())
    return found.trial_id


def test_what_is_computed_is_to_the_digit_what_the_rows_will_say():
    before, after = table_of(searched()), table_of(quickstart()[1])

    assert len(before.rows) == len(after.rows) == 4
    for early, late in zip(before.rows, after.rows, strict=True):
        for size in SIZES:
            assert early.cells[size].median == late.cells[size].median
            assert (early.cells[size].n, late.cells[size].n, late.cells[size].computed) == (0, 3, {})
            assert set(early.cells[size].computed) == set(late.cells[size].trials)
            assert early.cells[size].marks == ("missing", COMPUTED)
        assert early.cells["test_error"].median is None
        assert COMPUTED not in early.cells["test_error"].marks


def test_nothing_is_computed_of_architectures_that_are_not_found_yet():
    _, second = searched()
    table = table_of({second: searched()[second]})

    assert sorted(row.cells["params"].median is None for row in table.rows) == [False, False, True, True]


@pytest.mark.parametrize("change", ["failed", "untrusted"])
def test_a_search_that_failed_or_was_made_from_something_else_gives_no_size(change):
    first, second = searched()
    rows = searched()
    failed = replace(rows[second], state="failed", error="loss is nan")
    untrusted = replace(rows[second], parents={first: {"genotype": "0" * 64}})
    rows[second] = failed if change == "failed" else untrusted

    assert sorted(row.cells["params"].median is None for row in table_of(rows).rows) == [False, False, True, True]


@pytest.mark.parametrize("genotype", [{}, [], "path", {"kind": "cells"}, {"kind": ["x"]}, {"operations": "\x1b[2J"}])
def test_an_artifact_that_is_no_architecture_gives_no_size(genotype):
    rows = {trial: replace(row, artifacts={"genotype": genotype}) for trial, row in searched().items()}

    assert {row.cells["params"].median for row in table_of(rows).rows} == {None}


def test_where_one_run_is_in_rows_count_as_ever():
    done = trained("scalar", 1, 0)
    rows = {**searched(), done: replace(quickstart()[1][done], metrics={"params": 7.0})}
    cell = table_of(rows).rows[0].cells["params"]

    assert (cell.median, cell.n, cell.expected, cell.computed) == (7.0, 1, 3, {})
    assert table_of(rows).rows[0].cells["macs"].median is None  # it did not measure this


def test_where_a_run_failed_that_is_what_the_cell_says():
    lost = trained("scalar", 1, 0)
    rows = {**searched(), lost: replace(quickstart()[1][lost], state="failed", metrics={}, error="loss is nan")}
    cell = table_of(rows).rows[0].cells["params"]

    assert (cell.median, cell.marks) == (None, ("missing", "failed"))


POOLED = SPEC.model_copy(update={"rows": ["p"], "pool": ["weighting"]})


def test_several_architectures_of_one_cell_are_their_median_and_range_as_rows_would_be():
    early, late = (table_of(rows, POOLED).rows[0].cells["params"] for rows in (searched(), quickstart()[1]))
    layout = lay_out(table_of(searched(), POOLED))
    place = [heading.column for heading in layout.headings].index("params")

    assert early.low < early.high
    assert (early.median, early.low, early.high) == (late.median, late.low, late.high)
    assert layout.lines[0][place].text == "13.8±1.0"
    assert "Computed numbers are median ± (max − min)/2 over the architectures of a row." in layout.notes


def test_a_cell_is_empty_until_each_of_its_architectures_is_known():
    first, _ = searched()
    cell = table_of({first: searched()[first]}, POOLED).rows[0].cells["params"]

    assert (cell.median, cell.marks) == (None, ("missing",))


BEST = """\
experiment: best
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini, space: darts_ssc}
    grid: {seed: [0, 1]}
  train:
    trainable: train
    needs: {stage: search, best: search_val_error, over: seed}
    config: {genotype: "${search.genotype}", channels: 4, layers: 4, auxiliary: false}
    grid: {seed: [0]}
"""


def test_of_the_best_of_several_searches_it_is_that_of_the_one_that_will_be_taken():
    several = plan(BEST)
    searches = several.of_stage("search")
    rows = {
        trial.trial_id: replace(row, trial_id=trial.trial_id, spec=trial.spec, parents={})
        for trial, row in zip(searches, searched().values(), strict=True)
    }
    spec = TableSpec(name="best", stage="train", rows=[], columns=["params"])
    worst = max(rows.values(), key=lambda row: row.metrics["search_val_error"])
    one = {worst.trial_id: worst}

    assert build(several, rows, spec).rows[0].cells["params"].median == 12854  # of 86.25 %; the other has 90 %
    assert build(several, one, spec).rows[0].cells["params"].median is None


def test_each_network_is_counted_once_whatever_the_table_asks(monkeypatch):
    counted = []
    count = final_networks.count_unbuilt
    monkeypatch.setattr(final_networks, "count_unbuilt", lambda *given: counted.append(given) or count(*given))
    final_networks._count.cache_clear()
    table_of(searched())

    assert len(counted) == 2  # of 12 trainings, for four columns


def test_a_table_whose_runs_are_in_asks_for_nothing_to_be_computed():
    whole, rows = quickstart()
    blind = {stage: replace(entry, computed="no_such_module:nothing") for stage, entry in whole.entries.items()}
    blind_plan = replace(whole, entries=blind)

    assert build(blind_plan, rows, SPEC) == build(whole, rows, SPEC)
    with pytest.raises(ModuleNotFoundError):
        build(blind_plan, searched(), SPEC)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_marks_what_is_computed(form):
    table = table_of(searched())
    text = render(table, form)
    cells = json_value(table)["rows"][0]["cells"]

    assert COMPUTED in text
    if form in READERS:
        assert MARKS[COMPUTED] in " ".join(text.split())
    assert ("14.8" if form not in ("csv", "json") else "14822.0") in text
    assert cells["params"]["text"] == "14.8 (computed, n=0/3)"
    assert set(cells["params"]["computed"].values()) == {14822.0}
    assert "computed" not in cells["test_error"]


def test_an_explanation_says_that_no_run_stands_behind_it(tmp_path):
    table, ledger = table_of(searched()), Ledger(open_storage(str(tmp_path)))
    params = next(column for column in table.columns if column.asked == "params")
    said = cell_text(table, 0, params, ledger)

    assert "computed from the architecture; no run stands behind it: 0 of 3 planned runs" in said.splitlines()
    assert cell_json(table, 0, params, ledger)["computed"].keys() == table.rows[0].cells["params"].computed.keys()
    assert "params  computed 14822; no run stands behind it" in explanation(table, ledger)
    pooled = cell_text(table_of(searched(), POOLED), 0, params, ledger)
    assert "the median of 12854, 12854, 12854, 14822, 14822, 14822 is 13838; ± is" in pooled
    assert "computed from the architecture; no run stands behind it: 0 of 6 planned runs" in pooled


def test_no_comparison_and_no_figure_takes_what_is_computed_for_runs():
    table = table_of(searched())
    params = next(column for column in table.columns if column.asked == "params")
    whole = replace(quickstart()[0], tables=(SPEC,))
    dots = FigureSpec(name="dots", kind="dots", table="sizes", columns=["params"])
    pareto = FigureSpec(name="pareto", kind="pareto", stage="train", metric="test_error", lines=["weighting", "p"])
    drawn = [figure for spec in (dots, pareto) for figure in figures(whole, searched(), spec, list)]
    words = [panel.words() for figure in drawn for panel in figure.panels]

    assert [arm.values for arm in arms_of(whole, table, params) if arm is not None] == [{}] * 4
    assert words[0].count("no run yet") == 4
    assert all(each == "no point yet" for each in words[1:])


def test_a_change_against_a_computed_size_is_that_of_the_sizes():
    spec = SPEC.model_copy(update={"baseline": {"weighting": "scalar"}, "columns": [ColumnSpec(metric="params")]})
    early, late = table_of(searched(), spec), table_of(quickstart()[1], spec)

    assert [row.cells["params"].change for row in early.rows] == [row.cells["params"].change for row in late.rows]
