"""The worked examples of `docs/structure.md`: changes to the source, and commands with what they print.

A change is a `diff` block: `+++ file` begins a file, which is new when all of its lines are added; a hunk is a run of
lines whose unchanged and removed ones stand in the file exactly once.
"""

import re
from pathlib import Path


def blocks(page: str, kind: str) -> list[str]:
    """Return what stands in the page's code blocks of that kind, in their order."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def apply(diff: str, root: Path) -> None:
    """Change the files under `root` as a block says. Raises: AssertionError where it does not fit."""
    for part in re.split(r"^\+\+\+ ", diff, flags=re.MULTILINE)[1:]:
        name, _, body = part.partition("\n")
        file = root / name.strip()
        for hunk in re.split(r"^\.\.\.\n", body, flags=re.MULTILINE):
            lines = [line or " " for line in hunk.rstrip("\n").split("\n")]
            before = "".join(f"{line[1:]}\n" for line in lines if line[0] in " -")
            after = "".join(f"{line[1:]}\n" for line in lines if line[0] in " +")
            if before:
                text = file.read_text()
                assert text.count(before) == 1, f"{name} has this {text.count(before)} times:\n{before}"
                file.write_text(text.replace(before, after))
            else:
                assert not file.exists(), f"{name} is there already"
                file.write_text(after)


def commands(console: str) -> list[tuple[str, str]]:
    """Return (command, what it prints) of a `console` block."""
    parts = re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]
