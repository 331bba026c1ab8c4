"""What docs/architectures.md shows of budgets is what the command prints of a search whose alphas are written down."""

import shlex

import pytest
from doc_commands import matches, shown
from doc_pages import blocks
from made_searches import made_search

from orchestrator.cli.main import invoke

PAGE = "docs/architectures.md"
SHOWN = [
    pair
    for block in blocks("console")
    if block.page == PAGE
    for pair in shown(block)
    if pair[0].startswith("sharptune genotype derive")
]


@pytest.mark.parametrize(("line", "output"), SHOWN)
def test_the_command_prints_what_the_page_shows(line, output, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    trial = made_search(tmp_path / "runs", "sharpdarts")
    assert trial.startswith(shlex.split(line)[3])
    assert invoke(shlex.split(line)[1:]) == 0
    assert matches(output, capsys.readouterr().out)


def test_the_page_shows_it_once():
    assert len(SHOWN) == 1
