"""What docs/triage.md shows is one session on a copy of an earlier version's storage: each command is given again."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from doc_commands import matches, shown
from doc_pages import ROOT, blocks

from orchestrator.cli.main import invoke

SESSION = [pair for block in blocks("console") if block.page == "docs/triage.md" for pair in shown(block)]
WRONG = re.compile(r"\b\d+ (thing is|things are) wrong$|\b\d+ failed$")
"""How the output of a command ends that exits with 1."""
ZIPPED = r"(?<= files, )\d+\.\d kB"
"""The size of a bundle hangs on the versions that it names, and on zlib's."""


def in_a_shell(line: str) -> None:
    """Do what the page's few other lines do."""
    match shlex.split(line):
        case ["cp", "-r", source, target]:
            shutil.copytree(source, target)
        case ["echo", ">>", file]:
            Path(file).write_bytes(Path(file).read_bytes() + b"\n")
        case ["grep", "-vE", pattern, source, ">", target]:
            lines = Path(source).read_text().splitlines(keepends=True)
            Path(target).write_text("".join(line for line in lines if not re.search(pattern, line)))
        case _:
            raise AssertionError(f"this test does not know {line!r}")


def as_shown(text: str, home: Path) -> str:
    """Return an output with the reader's folder for ours, and without what hangs on versions."""
    text = text.replace(str(home), "/home/me")
    return re.sub(ZIPPED, "… kB", text) if ".zip: " in text else text


@pytest.fixture
def session(tmp_path, monkeypatch, capsys) -> list[tuple[str, str, str, int]]:
    """Each line of the page, what it shows, what is printed, and the exit code; the first line makes the folder."""
    assert SESSION[0] == ("cp -r tests/data/earlier_storage ../earlier && cd ../earlier", "")
    shutil.copytree(ROOT / "tests" / "data" / "earlier_storage", tmp_path / "earlier")
    monkeypatch.chdir(tmp_path / "earlier")
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    found = []
    for line, output in SESSION[1:]:
        if line.startswith("sharptune "):
            code = invoke(shlex.split(line)[1:])
            found.append((line, as_shown(output, tmp_path), as_shown(capsys.readouterr().out, tmp_path), code))
        else:
            in_a_shell(line)
    return found


def test_every_command_of_the_page_prints_what_the_page_shows(session):
    assert len(session) > 10
    assert [(line, printed) for line, output, printed, _ in session if not matches(output, printed)] == []
    assert {code for _, _, printed, code in session if WRONG.search(printed.rstrip())} == {1}
    assert {code for _, _, printed, code in session if not WRONG.search(printed.rstrip())} == {0}


def test_the_page_shows_each_command_of_its_table_but_those_that_change_things_or_run():
    named = re.findall(r"^\| .* \| `sharptune (\w+)", (ROOT / "docs" / "triage.md").read_text(), re.MULTILINE)
    given = {line.split()[1] for line, _ in SESSION if line.startswith("sharptune ")}

    assert len(named) > 5
    assert set(named) - given == set()
