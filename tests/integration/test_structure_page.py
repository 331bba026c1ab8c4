"""`docs/structure.md` is true: its files are there, its walk is walked, and its worked examples work."""

import re
import shutil
from pathlib import Path

import pytest
from worked_examples import apply, blocks

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "structure.md").read_text()
WALK = re.findall(r"^\| \d+ \| `([^`]+)`", PAGE, re.MULTILINE)
ENTERED = """
import os, sys
from orchestrator.cli.main import invoke
from orchestrator.planning.plan import expand

root, seen = os.getcwd() + "/", {}
def note(frame, event, argument):
    if event == "call":
        seen.setdefault(frame.f_code.co_filename.removeprefix(root))
for command in COMMANDS:
    sys.setprofile(note)
    code = invoke(command)
    sys.setprofile(None)
    assert code == 0, command
print("ENTERED", *(name for name in seen if not name.startswith("/")))
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
