"""A paper's sizes that were computed before anything had run are held against the rows that came later."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from papers import SOURCE, paper_of
from quickstart_rows import quickstart

from orchestrator.document.spec import TableSpec
from orchestrator.manuscript.check import check_paper
from orchestrator.tables.formats.comments import TableRecord
from orchestrator.tables.formats.latex import latex
from orchestrator.tables.formats.macros import macros_of, macros_text
from orchestrator.tables.table import Table, build


def sizes_with(kept: int, **metrics: float) -> Callable[[TableRecord | None], Table]:
    """Return what loads a table of sizes from the quickstart's searches and so many trainings of each line."""
    plan, rows = quickstart()
    spec = TableSpec(name="weighting", stage="train", rows=["weighting", "p"], columns=["params"])
    trained = {trial: replace(row, metrics={**row.metrics, **metrics}) for trial, row in rows.items()}
    here = {
        trial.trial_id: rows[trial.trial_id] if trial.stage == "search" else trained[trial.trial_id]
        for trial in plan.trials
        if trial.stage == "search" or trial.spec.seed < kept
    }
    return lambda record: build(plan, here, spec)


def written(kept: int) -> str:
    table = sizes_with(kept)(None)
    return macros_text([table], macros_of([table]), SOURCE)


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (0, sizes_with(0), []),
        (0, sizes_with(3), []),
        (0, sizes_with(1), []),
        (0, sizes_with(3, params=15000.0), ["stale"] * 4),
        (3, sizes_with(0), ["gone"]),
    ],
    ids=["nothing has run", "all have run", "some have run", "runs say something else", "runs were taken back"],
)
def test_a_macro_of_a_computed_size_is_held_against_the_rows_that_came_later(before, now, found):
    report = check_paper(paper_of(written(before)), now)

    assert ('"computed": true' in written(before)) is (before == 0)
    assert [finding.kind for finding in report.findings] == found


def test_a_table_of_computed_sizes_is_stale_once_runs_are_in_since_it_says_that_none_is():
    load = sizes_with(0)
    text = latex(load(None), source=SOURCE)

    assert check_paper(paper_of(text), load).findings == []
    found = check_paper(paper_of(text), sizes_with(3)).findings
    assert {(one.kind, "n was 0 of 3 and is 3 of 3" in one.sentence) for one in found} == {("stale", True)}
