"""The site: Sphinx reads the same pages that stand in the repository, and a reference that is made from the code.

`make docs` builds it into `build/site`, offline; a warning is an error. The navigation is the links of `docs/index.md`,
under its headings; pages that it does not name come last.
"""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import generate  # noqa: E402

generate.write(ROOT / "docs" / "reference")

project = "sharptune"
author = "the authors of sharptune"
extensions = ["myst_parser"]
myst_heading_anchors = 4
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md"]
exclude_patterns = [".*", "build", "runs", "**/__pycache__"]
html_theme = "furo"
html_title = "sharptune"
html_copy_source = False
html_show_sphinx = False


def navigation(page: str, pages: set[str]) -> str:
    """Return the hidden tables of contents of the index: one for each of its headings, and one of all that is left."""
    groups, named = [], {"docs/index"}
    for part in re.split(r"^## ", page, flags=re.MULTILINE):
        title, _, body = part.partition("\n")
        links = [f"docs/{path}" for path in re.findall(r"\]\(([\w/-]+)\.md\)", body)]
        links = [link for link in dict.fromkeys(links) if link in pages and link not in named]
        named.update(links)
        groups += [(title, links)] if links else []
    groups.append(("More", sorted(pages - named)))
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "".join(f"/{link}\n" for link in links) + "```\n"
        for title, links in groups
    )


def setup(app: Any) -> None:
    """Append the navigation to the index as it is read."""

    def read(app: Any, name: str, source: list[str]) -> None:
        if name == root_doc:
            source[0] += navigation(source[0], set(app.env.found_docs))

    app.connect("source-read", read)
    app.connect("env-get-outdated", lambda *_: [root_doc])  # a page may have come, or gone
