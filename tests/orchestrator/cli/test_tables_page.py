"""What docs/tables.md shows of papers and single numbers is what the commands print, on a quickstart that ran once."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from doc_pages import blocks
from quickstart_rows import write_quickstart

from orchestrator.cli.main import invoke

PAGE = (Path(__file__).parents[3] / "docs" / "tables.md").read_text()
SESSIONS = re.findall(
    r"```console\n\$ sharptune (.*)\n((?:.*\n)*?)```", PAGE[PAGE.index("## Before anything has run") :]
)


@pytest.fixture
def in_a_paper(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_quickstart(Path("runs"))
    Path("paper.tex").write_text("\\input{numbers}\n")


def test_the_page_shows_what_is_printed(in_a_paper, capsys):
    assert len(SESSIONS) == sum(block.page == "docs/tables.md" for block in blocks("console")) == 5
    for command, shown in SESSIONS:
        if "is missing" in shown:
            shutil.rmtree("runs/trials/ccc26744e1ff")
        code = invoke(shlex.split(command))
        printed = capsys.readouterr().out
        pattern = re.escape(shown).replace("…", "(?s:.*)")

        assert re.fullmatch(pattern, printed), printed
        assert code == ("is missing" in shown)


def test_the_macro_that_the_page_uses_is_one(in_a_paper, capsys):
    invoke(["table", "quickstart", "--macros", "numbers.tex"])
    macros = set(re.findall(r"\\weighting\w+", PAGE))

    assert len(macros) == 2
    assert all(f"\\newcommand{{{macro}}}" in Path("numbers.tex").read_text() for macro in macros)
