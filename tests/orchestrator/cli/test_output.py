"""What commands print, whatever others wrote into rows and logs, and whatever takes what they print."""

import re
from pathlib import Path

import fakes
import pytest

from orchestrator import load_rows
from orchestrator.cli import output

HOSTILE = "\x1b[2J\x1b]0;owned\x07 done\r\x08 \x9b31m \u202egnp.exe \u2028end\x00"


def is_harmless(text: str) -> bool:
    """Whether a terminal would only show it."""
    return text.replace("\n", "").replace("\t", "").isprintable()


@pytest.fixture
def hostile(monkeypatch, run):
    """A run whose roots fail with words that a terminal would act on; returns its result."""

    def fail(self):
        raise ValueError(HOSTILE)

    monkeypatch.setattr(fakes.ChainRun, "_misbehave", fail)
    return run()


def test_what_others_wrote_cannot_repaint_the_terminal(sharptune, hostile):
    ids = [path.name for path in Path("runs/trials").iterdir()]
    commands = [
        ["status"],
        ["status", "chains.yaml"],
        ["plan", "chains.yaml"],
        ["run", "chains.yaml", "--runner", "local"],
        ["table", "chains.yaml", "--explain"],
        ["table", "chains.yaml", "--format", "csv"],
        ["logs", ids[0]],
    ]
    results = [hostile, *(sharptune(*command) for command in commands)]

    assert all(is_harmless(result.out) and is_harmless(result.err) for result in results)
    assert [r"\x1b[2J\x1b]0;owned\x07 done" in result.out for result in results] == [True] * 5 + [False, False, True]


def test_programs_get_the_words_as_they_are(sharptune, hostile):
    status = sharptune("status", "--json")
    reason = f"ValueError: {' '.join(HOSTILE.split())}"

    assert {trial["reason"] for trial in status.json["trials"]} == {reason}
    assert status.out.isascii()
    assert set(load_rows("runs").error) == {reason}


def test_a_mistake_is_said_without_its_escapes(sharptune):
    for arguments in (["pl\x1b[2Jan"], ["plan", "no\x1b[2Jwhere"], ["plan", "chains.yaml", "--set", "a\x1b[2J=1"]):
        result = sharptune(*arguments)
        assert result.code == 2
        assert is_harmless(result.err)


def test_a_line_stays_a_line(sharptune, run):
    """An id is followed by what is said of that trial, and no reason begins a line of its own."""
    run("--set", "stages.root.config.raise_at=1")
    for path in Path("runs/trials").glob("*/claims/*.json"):
        text = path.read_text()
        path.write_text(text.replace('"host": "', '"host": "node\\nforged'))
        next(path.parent.glob("*.released")).unlink()
        path.parent.parent.joinpath("row.json").unlink()

    lines = sharptune("status").out.splitlines()

    assert len(lines) == 3
    assert r"on node\nforged" in lines[0]


def test_every_command_prints_in_one_place():
    cli = Path(output.__file__).parent
    printing = {path.name for path in cli.glob("*.py") if re.search(r"\b(echo|print|secho)\(", path.read_text())}

    assert printing == {"output.py"}
