"""What commands print, whatever others wrote into rows and logs, and whatever takes what they print."""

import io
import os
import re
import sys
from pathlib import Path
from typing import TextIO

import click
import fakes
import pytest
from command_line import CHAINS, rows

from orchestrator import load_rows
from orchestrator.cli import output
from orchestrator.cli.main import COMMANDS, invoke
from orchestrator.cli.output import turn_off

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


def printing_to(monkeypatch, stream: TextIO | None, *arguments: str) -> int:
    """Return the exit code of a command whose words go there."""
    monkeypatch.setattr(sys, "stdout", stream)
    return invoke(arguments, catalog=fakes.CATALOG)


RUN = ("run", "chains.yaml", "--runner", "local")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_takes_what_is_printed(sharptune, chains, monkeypatch, capsys, encoding):
    """`±` and lines are spelled in ASCII where there is no such character, and the exit code is the command's own."""
    chains.write_text(CHAINS + "    title: Fehler für 中 – all\n")
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    commands = [RUN, ("table", "chains.yaml"), ("table", "chains.yaml", "--explain"), ("status",), ("--help",)]

    codes = [printing_to(monkeypatch, stream, *command) for command in commands]
    stream.seek(0)
    printed = stream.read()

    assert codes == [0] * len(commands)
    assert capsys.readouterr().err == ""
    assert ("±" if encoding != "ascii" else "+-") in printed
    assert ("──" if encoding == "utf-8" else "--") in printed
    assert {
        "ascii": r"Fehler fur \u4e2d - all",
        "latin-1": r"Fehler für \u4e2d - all",
        "cp1252": r"Fehler für \u4e2d – all",
        "utf-8": "Fehler für 中 – all",
    }[encoding] in printed


LABELLED = """\
experiment: labelled
stages:
  root:
    trainable: chain
    config: {epochs: 1}
    grid: {size: [{label: "a±b × c…", width: 1}, {label: plain, width: 2}], seed: [0, 1]}
tables:
  - {name: labelled, stage: root, rows: [size], columns: [error, error_best], note: "1 – 2"}
"""


def test_columns_stay_aligned_where_characters_are_spelled_in_ascii(sharptune, monkeypatch):
    Path("labelled.yaml").write_text(LABELLED)
    assert sharptune("run", "labelled.yaml", "--runner", "local").code == 0
    printed = {}
    for command in ("table", "compare", "plan", "status"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        assert printing_to(monkeypatch, stream, command, "labelled.yaml") == 0
        stream.seek(0)
        printed[command] = stream.read().splitlines()

    for command in ("table", "compare"):
        (rule,) = [place for place, line in enumerate(printed[command]) if re.fullmatch("-+(  -+)+", line)]
        lines = [printed[command][rule - 1], *printed[command][rule : rule + 2]]
        gaps = [place for place, character in enumerate(lines[1]) if character == " "]
        assert any("+-" in line for line in lines)
        assert [line for line in lines if any(line[place : place + 1].strip() for place in gaps)] == []
    for command in ("plan", "status"):
        lines = [line for line in printed[command] if " done " in line]
        assert any("a+-b x c..." in line for line in lines)
        assert len({line.index(" done ") for line in lines}) == 1


def test_the_picture_of_a_run_takes_any_encoding_too(chains, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    assert printing_to(monkeypatch, stream, *RUN) == 0
    stream.seek(0)
    assert "all 6 trials are done" in stream.read()


@pytest.fixture
def unread():
    """A pipe whose other end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        yield stream
        turn_off(stream)


@pytest.fixture
def full():
    """A device that takes nothing."""
    with Path("/dev/full").open("w") as stream:
        yield stream
        turn_off(stream)


def test_a_run_goes_on_when_nobody_reads_of_it(monkeypatch, chains, unread, capsys):
    assert printing_to(monkeypatch, unread, *RUN) == 0
    assert capsys.readouterr().err == "note: nobody reads what is printed here any more; the run goes on all the same\n"
    assert {row[1] for row in rows().values()} == {"done"}
    assert len(rows()) == 6


def test_its_exit_code_is_its_own_then_too(monkeypatch, chains, unread):
    assert printing_to(monkeypatch, unread, *RUN, "--set", "stages.root.config.nan_at=1") == 1
    assert printing_to(monkeypatch, unread, *RUN, "--json") == 0


@pytest.mark.parametrize("command", [("plan", "chains.yaml"), ("run", "chains.yaml", "--dry-run"), ("--help",)])
def test_other_commands_end_quietly_when_nobody_reads_them(monkeypatch, chains, unread, capsys, command):
    assert printing_to(monkeypatch, unread, *command) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", [("plan", "chains.yaml"), RUN, ("plan", "chains.yaml", "--json")])
def test_what_cannot_be_written_is_said_before_any_work(monkeypatch, chains, full, capsys, command):
    assert printing_to(monkeypatch, full, *command) == 1
    assert capsys.readouterr().err == "error: what is printed cannot be written (No space left on device)\n"
    assert not Path("runs").exists()


def test_a_disk_that_fills_up_with_words_does_not_end_a_run(monkeypatch, chains, capsys):
    class Filling(io.StringIO):
        def write(self, text):
            if "starts" in self.getvalue():
                raise OSError(28, "No space left on device")
            return super().write(text)

    assert printing_to(monkeypatch, Filling(), *RUN) == 1
    assert "No space left on device); the run goes on all the same" in capsys.readouterr().err
    assert len(rows()) == 6


def test_no_output_at_all_is_a_sentence(monkeypatch, chains, capsys):
    assert printing_to(monkeypatch, None, *RUN) == 1
    assert capsys.readouterr().err.startswith("error: the standard output is closed")
    assert not Path("runs").exists()


def test_closed_errors_are_nobodys_trouble(monkeypatch, chains, capsys):
    monkeypatch.setattr(sys, "stderr", None)

    assert invoke(["plan", "nowhere"], catalog=fakes.CATALOG) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("listed", COMMANDS, ids=lambda command: command.name)
def test_help_is_in_ascii(listed):
    """click writes it as UTF-8 wherever it goes."""
    itself = listed.load()
    parts = [itself, *itself.commands.values()] if isinstance(itself, click.Group) else [itself]

    assert [part.name for part in parts if not part.get_help(click.Context(part)).isascii()] == []


class Terminal(io.StringIO):
    """Where a terminal is."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("xterm", "\x1b[H\x1b[2J12:00\nlong\ner\nb\\x1b\n"), ("dumb", "12:00\nfirst\nlonger\nb\\x1b\n\n")],
)
def test_what_is_watched_stands_in_its_place_and_fits_a_terminal_that_can_redraw(monkeypatch, kind, shown):
    monkeypatch.setenv("TERM", kind)
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((4, 5)))

    output.redraw("12:00", ["first", "longer", "b\x1b"])

    assert sys.stdout.getvalue() == shown  # type: ignore[attr-defined]


WRITERS = {
    "report": ("report", "chains.yaml", "-o", "link.html"),
    "figure": ("figure", "chains.yaml", "--kind", "timeline", "-o", "link.svg"),
    "data": ("figure", "chains.yaml", "--kind", "timeline", "-o", "x.svg", "--data", "link.csv"),
    "macros": ("table", "chains.yaml", "--macros", "link.tex"),
}


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_a_link_stays_one_and_what_it_leads_to_is_written(sharptune, run, words):
    run()
    link = Path(words[-1])
    link.symlink_to("there")

    assert sharptune(*words).code == 0
    assert link.is_symlink()
    assert Path("there").stat().st_size > 0


def test_what_is_no_file_is_written_into_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        output.replace_file(pipe, b"a report")
        assert (pipe.is_fifo(), os.read(reader, 100)) == (True, b"a report")
    finally:
        os.close(reader)


@pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS)
def test_a_file_that_cannot_be_written_is_called_by_its_name_and_stays_as_it_was(sharptune, run, monkeypatch, words):
    run()
    Path(words[-1]).write_text("what there was")
    before = sorted(Path().iterdir())

    def full(self, target):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr("pathlib.Path.replace", full)
    done = sharptune(*words)

    assert (done.code, done.err) == (1, f"error: {words[-1]}: No space left on device\n")
    assert (Path(words[-1]).read_text(), sorted(Path().iterdir())) == ("what there was", before)
