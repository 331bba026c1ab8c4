"""A colleague who has the rows of a storage and nothing else: what there is without the rest, and what is missing."""

import dataclasses
import shutil

import fakes
import pytest
from command_line import CHAINS

FIGURE = "figures:\n  - {name: errors, stage: child, lines: [width], panels: [error]}\n"


@pytest.fixture
def with_curves(chains, monkeypatch):
    """The experiment with a figure of what its trials say after each epoch."""
    monkeypatch.setattr(fakes, "CATALOG", {"chain": dataclasses.replace(fakes.CHAIN, curves=("error",))})
    chains.write_text(CHAINS + FIGURE)


@pytest.fixture
def rows_alone(with_curves, run, tmp_path):
    """Another storage with the rows of one in which all is done."""
    assert run().code == 0
    for row in tmp_path.glob("runs/trials/*/row.json"):
        folder = tmp_path / "rows/trials" / row.parent.name
        folder.mkdir(parents=True)
        shutil.copy(row, folder)
    return ("--storage", "rows")


def test_rows_alone_make_status_and_tables(sharptune, rows_alone, tmp_path):
    for command in (["status", "chains.yaml"], ["plan", "chains.yaml"], ["table", "chains.yaml", "--json"]):
        assert sharptune(*command, *rows_alone) == sharptune(*command)
    assert sharptune("status", *rows_alone).out.endswith("rows: 6 trials; 6 done\n")
    assert sharptune("table", "chains.yaml", "--explain", *rows_alone).out == sharptune(
        "table", "chains.yaml", "--explain"
    ).out.replace("/runs/", "/rows/")
    assert {path.name for path in tmp_path.glob("rows/trials/*/*")} == {"row.json"}


def test_a_grown_grid_goes_on_from_rows_alone(sharptune, rows_alone):
    """What a child takes from its parent stands in the parent's row."""
    grown = ("--set", "stages.child.grid.width=[1, 2, 3]")

    done = sharptune("run", "chains.yaml", *grown, "--runner", "local", *rows_alone)

    assert done.code == 0
    assert "chains: 8 trials; 6 done, 2 new" in done.out
    assert sharptune("run", "chains.yaml", *grown, "--runner", "local").code == 0
    table = ("table", "chains.yaml", *grown, "--json")
    assert sharptune(*table, *rows_alone) == sharptune(*table)


def test_what_needs_more_than_rows_says_which_file_is_missing(sharptune, rows_alone, tmp_path):
    some = sorted(path.name for path in tmp_path.glob("rows/trials/*"))[0]

    curves = sharptune("figure", "chains.yaml", "--json", *rows_alone)
    log = sharptune("logs", some, *rows_alone)

    assert (curves.code, curves.out, log.code, log.out) == (2, "", 2, "")
    assert "error: the curves need the epochs of trial " in curves.err
    assert "epochs" in curves.err
    assert curves.err.endswith("is not in its folder; copy it there too\n")
    assert log.err == f"error: there is no log.txt in the folder of trial {some}\n"
    assert sharptune("figure", "chains.yaml", "--json").code == 0
