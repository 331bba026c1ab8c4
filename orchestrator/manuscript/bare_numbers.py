"""Numbers in the text of a paper that equal a tabulated one: perhaps a macro should stand there. Nothing is judged."""

import re
from collections.abc import Iterable, Iterator

from orchestrator.manuscript.tex_files import TexLine
from orchestrator.tables.formats.comments import line_records
from orchestrator.tables.table import Table

_PM = re.compile(r"\\ensuremath\s*\{\\pm\}|\$?\s*\\pm(?![A-Za-z])\s*\$?|\s*±\s*")
_NUMBER = re.compile(r"(?<![\w.\\-])\d+\.\d+(?:±\d+\.\d+)?(?!\w|\.\d)")
FEWEST_DIGITS = 3
"""A number of fewer digits says too little of where it is from."""


def bare_numbers(lines: Iterable[TexLine], tables: Iterable[Table]) -> Iterator[str]:
    """Yield a sentence for each number of at least three digits that equals one of the tables', or its median."""
    known = _known(tables)
    if not known:
        return
    for line in lines:
        for found in _NUMBER.findall(_PM.sub("±", line.code)):
            if found in known:
                first, *others = known[found]
                more = f", and {len(others)} more" if others else ""
                yield f"{line.place}: {found} stands here without a macro; it equals {first}{more}"


def _known(tables: Iterable[Table]) -> dict[str, list[str]]:
    """Return where each printed number stands in the tables."""
    known: dict[str, dict[str, None]] = {}
    for table in tables:
        for line in line_records(table):
            for column, cell in line.cells.items():
                for words in {cell.text, cell.text.partition("±")[0]}:
                    if sum(map(str.isdigit, words)) >= FEWEST_DIGITS and "." in words:
                        place = f"{table.name}: {' '.join([*line.keys.values(), column])}"
                        known.setdefault(words, {})[place] = None
    return {words: list(found) for words, found in known.items()}
