"""How `cost --paper` prints our sizes beside the paper's: text, Markdown and JSON."""

import json
from collections.abc import Callable, Mapping, Sequence

from orchestrator.cli.options import terminal_width
from orchestrator.cli.output import spelled
from orchestrator.paper.published import load_published
from orchestrator.paper.sizes import AGREES, CUT, DIFFERS, QUOTED, SizeRow, SizeTable, size_tables, tally
from orchestrator.tables.formats.markdown import PIPES
from orchestrator.tables.formats.text import TextStyle, text_lines
from orchestrator.tables.formats.widths import Frame, natural_widths
from orchestrator.tables.layout import Entry, Heading, Layout

USUAL_WIDTH = 160
"""Characters of a line of text where the output is no terminal."""
_WIDE = TextStyle(
    line=Frame(left="  ", between="   ", right="  "), rule=Frame(left=" ─", between="───", right="─ "), hyphens=False
)
_RULE = Frame(left="|-", between="-|-", right="-|")


def markdown(rows: Sequence[SizeRow]) -> str:
    """Return the page `docs/sizes.md`."""
    of = tally(rows)
    page = [
        _HEAD.format(
            source=load_published().source, agree=of[AGREES], cut=of[CUT], differ=of[DIFFERS], quoted=of[QUOTED]
        )
    ]
    page += [f"## {table.title}\n\nOurs: {table.network}.\n\n{_piped(table)}" for table in size_tables(rows)]
    return "\n".join(page)


def text(rows: Sequence[SizeRow]) -> str:
    """Return the tables as aligned lines."""
    width = terminal_width() or USUAL_WIDTH
    tables = (
        (table, text_lines(_layout(table), width=width, style=_WIDE, spelled=spelled)) for table in size_tables(rows)
    )
    return "\n".join("".join(f"{line}\n" for line in (table.title, *lines)) for table, lines in tables)


def json_text(rows: Sequence[SizeRow]) -> str:
    """Return a list with an object for each row."""
    return json.dumps([row.to_json() for row in rows], indent=1) + "\n"


def _piped(table: SizeTable) -> str:
    """Return the lines of one table, each ending in a newline."""
    widths = natural_widths(zip(table.headings, *table.lines, strict=True))
    head, *lines = (PIPES.line(line, widths, table.numeric) for line in (table.headings, *table.lines))
    rule = _RULE.line(["-" * width for width in widths], widths, table.numeric)
    return "".join(f"{line}\n" for line in (head, rule, *lines))


def _layout(table: SizeTable) -> Layout:
    return Layout(
        title=table.title,
        headings=tuple(Heading(title=t, numeric=n) for t, n in zip(table.headings, table.numeric, strict=True)),
        lines=tuple(tuple(Entry(text=words) for words in line) for line in table.lines),
        blocks={},
        footnotes=(),
        notes=(),
    )


FORMATS: Mapping[str, Callable[[Sequence[SizeRow]], str]] = {"text": text, "markdown": markdown, "json": json_text}

_HEAD = """\
# Sizes: ours beside the paper's

Made by `sharptune cost --paper --format markdown`; a test holds this page to what the command prints.

The paper is {source}.
Par. (in Table 3 Params) counts all parameters but those of the auxiliary head; +× the multiply-accumulates of
convolutions and linear layers, the outputs of ReLUs, the inputs of pools, and two for each input of a batch norm, of
one image. Ours are exact counts of the networks that final training builds.

- **ok**: ours rounds to what is printed ({agree} numbers).
- **ok, cut**: what is printed is ours with further digits cut off ({cut}).
- **differs**: neither ({differ}); the last column says why.
- **quoted**: of a cited work whose network is not among the published architectures, so nothing is counted ({quoted}).
"""
