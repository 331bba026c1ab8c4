"""The lines of docs/export.md for R run as they stand there, in a real R, on rows of an earlier version."""

import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from orchestrator import load_rows
from orchestrator.cli.main import invoke

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "export.md").read_text()
COPIES = re.findall(r"`(COPY .*?)`", PAGE)
LINES = re.findall(r"```r\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_the_lines_for_r_find_what_is_in_the_rows(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "tests" / "data" / "earlier_storage", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    assert invoke(["export", "rows", "earlier.yaml"]) == 0
    expected = load_rows("runs").query("state == 'done'").groupby("config.p")["test_error"].median().dropna()
    (copy,), (lines,) = COPIES, LINES
    duckdb.execute(copy)
    rows = pd.read_csv("rows.csv")
    three = [rows.assign(test_error=rows["test_error"] + more) for more in (0, 1, 5)]  # a median is neither end
    pd.concat(three).to_csv("rows.csv", index=False)

    done = subprocess.run(["Rscript", "--vanilla", "-e", lines], capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stderr
    head, *found = [line.split() for line in done.stdout.splitlines()]
    assert head == ["config.p", "test_error"]
    assert {float(p): float(error) for _, p, error in found} == (expected + 1).to_dict()
    assert found
