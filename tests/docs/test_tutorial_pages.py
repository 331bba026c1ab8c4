"""What README and the tutorial show of the quickstart's table is what the commands print.

The numbers of the first run are of one kind of processor, so they cannot be made here: the rows are made up to have
them, and all else, from the heading's units to the last digit's rounding, is printed.
"""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from doc_commands import matches, shown
from doc_pages import blocks
from quickstart_rows import quickstart, write_quickstart

from orchestrator.cli.main import invoke
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow

[PRINTED] = [block.text for block in blocks("") if block.page == "docs/tutorial/first_run.md"]
LINES = {
    (words[0], int(words[1])): words[2:7]
    for words in map(str.split, PRINTED.splitlines())
    if words[:1] in (["scalar"], ["max_w"])
}
"""Weighting and p -> what their line says: both errors, parameters (k), +× (M), CPU days."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)


def one_of_three(cell: str, seed: int, unit: float = 1.0) -> float:
    """Return a value of a seed of 0, 1, 2, whose median and (max − min)/2 are a cell's."""
    median, _, half = cell.partition("±")
    return (float(median) + (seed - 1) * float(half or 0)) * unit


def as_printed(row: TrialRow, line: list[str]) -> TrialRow:
    """Return a training's row with the numbers of a line of the page."""
    last, best, params, addmult, days = line
    found = {
        "test_error": one_of_three(last, row.spec.seed),
        "test_error_best": one_of_three(best, row.spec.seed),
        "params": one_of_three(params, row.spec.seed, 1e3),
        "addmult": one_of_three(addmult, row.spec.seed, 1e6),
    }
    timing = {**row.timing, "cpu_days_total": one_of_three(days, row.spec.seed)}
    return replace(row, metrics={**row.metrics, **found}, timing=timing)


def test_a_run_of_which_all_is_done_prints_what_the_first_run_shows(capsys):
    plan, rows = quickstart()
    write_quickstart(Path("runs"))
    for trial in plan.trials:
        if trial.stage == "train":
            line = LINES[str(plan.value(trial, "search.weighting")), int(plan.value(trial, "p"))]
            row = as_printed(rows[trial.trial_id], line)
            Path("runs/trials", trial.trial_id, "row.json").write_bytes(seal(row))

    assert len(LINES) == 4
    assert invoke(["run", "quickstart"]) == 0
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == PRINTED.splitlines()


def test_the_runs_of_each_cell_are_printed_as_the_tutorial_shows(capsys):
    write_quickstart(Path("runs"))
    consoles = [block for block in blocks("console") if block.page == "docs/tutorial/read_the_table.md"]
    [(line, output)] = [pair for block in consoles for pair in shown(block) if re.search(r"--explain$", pair[0])]

    assert invoke(shlex.split(line)[1:]) == 0
    assert matches(output, capsys.readouterr().out)
