"""The one-liners of docs/export.md run as they stand there, on the rows of an earlier version's storage."""

import json
import re
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestrator import load_rows
from orchestrator.cli.main import invoke

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "export.md").read_text().partition("## Rows")[2]
PYTHON, SQL = (
    [line for block in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    for language in ("python", "sql")
)


@pytest.fixture
def exported(tmp_path, monkeypatch) -> pd.DataFrame:
    """A working directory with a storage and what was exported from it; the rows that are done."""
    shutil.copytree(ROOT / "tests" / "data" / "earlier_storage", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    assert invoke(["export", "rows", "earlier.yaml", "--epochs"]) == 0
    return load_rows("runs").query("state == 'done'").set_index("trial_id").sort_index()


def test_the_lines_for_pandas_find_what_is_in_the_rows(exported):
    space = {"pd": pd, "json": json, "load_rows": load_rows}
    exec(PYTHON[0], space)
    by_p, curves, kinds, direct = (eval(line, space) for line in PYTHON[1:])

    assert by_p["median"].to_dict() == exported.groupby("config.p")["test_error"].median().dropna().to_dict()
    assert by_p["count"].sum() == 2
    assert (curves.index.name, len(curves)) == ("epoch", 2)
    assert kinds.to_dict() == {"cells": 2}
    assert direct.dropna().to_dict() == by_p["median"].to_dict()


def test_the_lines_for_duckdb_find_what_is_in_the_rows(exported):
    by_p, best, spent, kinds, direct = (duckdb.sql(line).fetchall() for line in SQL)
    trained = exported.dropna(subset="test_error")

    assert [row[1] for row in by_p] == list(trained.groupby("config.p")["test_error"].median())
    assert sorted(row[2] for row in best) == sorted(trained["test_error_best"])
    assert spent[0][1] == 1
    assert spent[0][0] >= exported["timing.cpu_days"].sum() > 0
    assert [trial for trial, _ in kinds] == list(exported.index)
    assert [(trial, error) for trial, _, error in direct if error is not None] == list(trained["test_error"].items())
