"""The pages that people read: README, CONTRIBUTING and docs/, their blocks, links and headings."""

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATHS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if path.parent.name != "reference"),
]
sys.path.append(str(ROOT / "docs"))


@dataclass(frozen=True, kw_only=True)
class Block:
    """What stands between fences."""

    page: str
    line: int
    kind: str
    text: str
    before: str
    """The paragraph before it."""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> list[Block]:
    """Return a page's blocks of code. A fence that is not closed ends with the page."""
    found = []
    for match in re.finditer(r"^( *)```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
        before = text[: match.start()]
        found.append(
            Block(
                page=page,
                line=before.count("\n") + 1,
                kind=match[2],
                text=match[3],
                before=before.rstrip("\n").rpartition("\n\n")[2],
            )
        )
    return found


@cache
def pages() -> dict[str, str]:
    """Return the text of each page, by its path in the repository."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in PATHS}


def blocks(*kinds: str) -> list[Block]:
    """Return the blocks of all pages that are of these kinds."""
    return [block for page, text in pages().items() for block in blocks_of(page, text) if block.kind in kinds]


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^( *)```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    heads = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def broken_links(page: str, text: str, generated: frozenset[str]) -> list[str]:
    """Return the links and pictures of a page that lead to no file here, or to no heading of one."""
    bare = re.sub(r"`[^`\n]*`", "code", prose(text))
    found = []
    for target in re.findall(r"\]\(([^()\s]+)\)", bare):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (ROOT / page).parent / name if name else ROOT / page
        if file.parent.name == "reference" and file.stem in generated:
            continue
        if not file.exists():
            found.append(f"{page}: {target}: there is no such file")
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            found.append(f"{page}: {target}: there is no such heading")
    return found
