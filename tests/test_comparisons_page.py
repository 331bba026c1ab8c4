"""What docs/comparisons.md shows is what the commands print, of made-up rows."""

import re
import shlex
from pathlib import Path

import pytest
from made_up_rows import write_central_claim

from orchestrator.cli.main import invoke
from orchestrator.comparisons.permutation import ALPHA, fewest_runs

PAGE = (Path(__file__).parent.parent / "docs" / "comparisons.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```console\n\$ sharptune (.*)\n((?:.*\n)*?)```", PAGE)


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made_up")
    write_central_claim(folder / "runs")
    return folder


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_a_command_prints_what_the_page_shows(storage, monkeypatch, capsys, command, output):
    monkeypatch.chdir(storage)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)

    assert invoke(shlex.split(command)) == 0
    assert capsys.readouterr().out == output


def test_the_page_shows_several_commands():
    assert len(SHOWN) == 3


def test_the_pairs_that_a_table_takes_are_those_of_the_page():
    lines = re.findall(r"^\| (\d+)(?: (?:or|to) (\d+))? +\| (\d+) +\|$", PAGE, re.MULTILINE)

    assert len(lines) == 4
    for first, last, pairs in lines:
        for comparisons in range(int(first), int(last or first) + 1):
            assert fewest_runs(True, ALPHA / comparisons) == int(pairs)
    assert fewest_runs(True, ALPHA / (int(lines[-1][1]) + 1)) > int(lines[-1][2])
