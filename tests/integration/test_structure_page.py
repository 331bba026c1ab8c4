"""`docs/structure.md` is true: its files are there, its walk is walked, and its worked examples work."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doc_commands import matches
from worked_examples import apply, blocks, commands

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "structure.md").read_text()
WALK = re.findall(r"^\| \d+ \| `([^`]+)`", PAGE, re.MULTILINE)
COMMANDS = [pair for console in blocks(PAGE, "console") for pair in commands(console)]
LATEX = "sharptune table kernels --format latex"
"""Where the walk ends."""
FOLLOW = """
import contextlib, inspect, io, itertools, json, sys
import torch._dynamo, trainables.loops.search, trainables.loops.training  # long to import, and longer with a listener
from orchestrator.cli.main import invoke

entered, printed = [], []
def note(frame, event, argument):
    name = frame.f_code.co_filename.removeprefix(ROOT)
    if name in WALK and event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # no module or class body
        entered.append(name)
for command in COMMANDS:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        sys.settrace(note)  # calls of Python functions alone, where a profile also hears of returns and of C
        code = invoke(command.split()[1:])
        sys.settrace(None)
    printed.append([code, out.getvalue()])
print(json.dumps([printed, [name for name, _ in itertools.groupby(entered)]]))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the source in which all of the page's examples have been followed, in its order."""
    root = tmp_path_factory.mktemp("tree")
    for top in ("orchestrator", "trainables", "experiments"):
        shutil.copytree(ROOT / top, root / top, ignore=shutil.ignore_patterns("__pycache__"))
    for diff in blocks(PAGE, "diff"):
        apply(diff, root)
    return root


def test_every_file_and_folder_it_names_is_there():
    named = re.findall(r"`((?:orchestrator|trainables|experiments|tests)/[\w/.]*)`", PAGE)

    assert len(named) > 30
    assert [name for name in named if not (ROOT / name).exists()] == []
    folders = {path.parent for top in ("orchestrator", "trainables") for path in (ROOT / top).rglob("__init__.py")}
    assert [path.name for path in folders if f"{path.name}/" not in PAGE] == []


@pytest.fixture(scope="module")
def followed(tree, tmp_path_factory, dataset_cache):
    """What the page's commands printed there, with exit codes, and which of the walk's files they went through."""
    asked = [*(command for command, _ in COMMANDS), LATEX]
    setting = f"ROOT, WALK, COMMANDS = {str(tree) + '/'!r}, {WALK!r}, {asked!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", setting + FOLLOW],
        cwd=tmp_path_factory.mktemp("here"),
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_its_examples_work(followed):
    """All of them at once: the experiment uses everything new."""
    printed, _ = followed

    assert len(COMMANDS) == 5
    assert [code for code, _ in printed] == [0] * 6, printed
    for (command, shown), (_, out) in zip(COMMANDS, printed, strict=False):
        assert not shown or matches(shown, out), (command, out)


def test_the_walk_is_what_is_walked(followed):
    """The files that the page lists are entered in this order, one after the other and others in between."""
    _, entered = followed
    left = iter(entered)

    assert len(WALK) > 12
    assert [name for name in WALK if name not in left] == []  # `in` goes on from where the one before was found
