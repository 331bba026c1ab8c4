"""`docs/structure.md` is true: its files are there, its walk is walked, and its worked examples work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from worked_examples import apply, blocks, commands

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "structure.md").read_text()
WALK = re.findall(r"^\| \d+ \| `([^`]+)`", PAGE, re.MULTILINE)
ENTERED = """
import inspect, itertools, sys
from orchestrator.cli.main import invoke

entered = []
def note(frame, event, argument):
    name = frame.f_code.co_filename.removeprefix(ROOT)
    if name in WALK and event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:  # no module or class body
        entered.append(name)
for command in COMMANDS:
    sys.setprofile(note)
    code = invoke(command)
    sys.setprofile(None)
    assert code == 0, command
print("ENTERED", *(name for name, _ in itertools.groupby(entered)))
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


def test_its_examples_work(tree, tmp_path, dataset_cache):
    """All of them at once, each command in one process: the experiment uses everything new."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    shown = [pair for console in blocks(PAGE, "console") for pair in commands(console)]

    assert len(shown) == 4
    for command, expected in shown:
        words = command.removeprefix("sharptune ").split()
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=400,
        )

        assert done.returncode == 0, (command, done.stderr[-2000:])
        if expected:
            assert done.stdout == expected, command


def test_the_walk_is_what_is_walked(tree, tmp_path, dataset_cache):
    """The files that the page lists are entered in this order, one after the other and others in between."""
    asked = [["run", "kernels", "--runner", "local"], ["table", "kernels", "--format", "latex"]]
    setting = f"ROOT, WALK, COMMANDS = {str(tree) + '/'!r}, {WALK!r}, {asked!r}\n"

    done = subprocess.run(
        [sys.executable, "-c", setting + ENTERED],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        timeout=400,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    [entered] = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("ENTERED")]
    left = iter(entered)
    assert len(WALK) > 12
    assert [name for name in WALK if name not in left] == []  # `in` goes on from where the one before was found
