"""`sharptune table`: every format, and the way back from a number to its runs."""

import json
import sys
from pathlib import Path

import pytest
from command_line import CHAINS, rows
from table_worlds import FakeTable, gappy_world, make_world

from orchestrator.cli.table import explanation
from orchestrator.ledger import Ledger
from orchestrator.tables.table import build
from trainables.record.storage import open_storage


def test_a_table_as_json_has_numbers_and_the_trials_behind_them(sharptune, run):
    run()
    data = sharptune("table", "chains.yaml", "widths", "--format", "json").json
    cell = data["rows"][0]["cells"]["error"]

    assert {"median", "low", "high", "n", "trials"} <= set(cell)
    assert cell["n"] == len(cell["trials"]) == 2
    found = sorted(rows()[trial][2]["error"] for trial in cell["trials"])
    assert (cell["low"], cell["high"]) == (found[0], found[1])
    assert cell["median"] == pytest.approx(sum(found) / 2)
    assert sharptune("table", "chains.yaml", "--json").json == data


@pytest.fixture
def nothing_ran(chains):
    """A storage without a trial."""
    chains.with_name("runs").mkdir()


def test_several_tables_are_one_json_document(sharptune, chains, nothing_ran):
    chains.write_text(CHAINS + "  - {name: again, stage: root, rows: [], columns: [error]}\n")

    assert [table["name"] for table in sharptune("table", "chains.yaml", "--json").json] == ["widths", "again"]


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "csv", "json"])
def test_a_table_has_every_format_also_before_anything_ran(sharptune, nothing_ran, form):
    result = sharptune("table", "chains.yaml", "--format", form)

    assert (result.code, result.err) == (0, "")
    assert "error_best" in result.out.replace("\\_", "_")


def test_a_number_can_be_walked_back_to_its_runs(sharptune, run):
    run()
    cell = sharptune("table", "chains.yaml", "--json").json["rows"][1]["cells"]["error"]

    result = sharptune("table", "chains.yaml", "--explain")
    block = next(b for b in result.out.split("\n\n") if b.startswith(f"width=2  error  median {cell['median']:.10g}"))

    assert len(block.splitlines()) == 3
    for trial in cell["trials"]:
        line = next(line for line in block.splitlines() if trial in line)
        assert f"{cell['values'][trial]:.10g}" in line
        assert "seed 0" in line
        folder = Path(line.split()[-1])
        assert (folder.name, json.loads((folder / "row.json").read_text())["trial_id"]) == (trial, trial)


def test_what_is_walked_back_is_the_number_that_stands_in_the_table_unrounded(tmp_path):
    world = make_world()
    table = build(world.plan, world.rows, FakeTable(columns=("test_error_best", "params"), statistic="best"))
    heads = [block.splitlines()[0] for block in explanation(table, Ledger(open_storage(str(tmp_path)))).split("\n\n")]

    assert "weighting=scalar p=1  test_error_best  best 6.1" in heads
    assert "weighting=scalar p=1  params  median 3529270" in heads


def test_a_missing_run_is_explained_too(sharptune, nothing_ran):
    assert sharptune("table", "chains.yaml", "--explain").out.count("missing: it has no row yet") == 8


def test_each_planned_run_of_a_number_is_one_line_with_its_value_or_why_it_has_none(tmp_path):
    world = gappy_world()
    table = build(world.plan, world.rows, FakeTable())
    blocks = explanation(table, Ledger(open_storage(str(tmp_path)))).split("\n\n")
    _, *lines = next(b for b in blocks if b.startswith("weighting=scalar p=1  test_error_best  ")).splitlines()

    assert len(lines) == 6
    assert sum("failed: loss is nan in epoch 3, step 17" in line for line in lines) == 1
    assert sum("missing: it has no row yet" in line for line in lines) == 1


def test_a_table_fits_the_terminal(sharptune, nothing_ran, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")

    assert max(map(len, sharptune("table", "chains.yaml").out.splitlines())) <= 40
