"""What pdflatex makes of tables: every packaged one fits where it may stand, and no text in one is a command.

All of them are compiled in one run, which may also start programs: whoever got out of a table could.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from packaged_tables import packaged_tables
from table_worlds import FakeTable, gappy_world, make_world

from orchestrator.tables.formats.comments import Source
from orchestrator.tables.formats.latex import latex, too_wide
from orchestrator.tables.formats.macros import macros_of, macros_text
from orchestrator.tables.table import Table, build

HEAD = r"""\documentclass{article}
\usepackage{array,booktabs,rotating,graphicx}
\makeatletter
\newcommand{\column}{\setlength{\columnwidth}{229.5pt}}
\begin{document}
"""
"""A column is as wide as the two of `article`."""
PRINTABLE = "".join(map(chr, range(32, 127)))
HOSTILE = (
    r"\input{secret}",
    r"\immediate\write18{touch got-out}",
    r"100% of \end{tabular}\end{table*}\input{secret}",
    r"^^5cinput{secret}",
    "[1cm] and *",
    "*",
    r"\\[2cm] & \\ & }{ $$ \(",
    "a\n\n\\par\r\\input{secret}",
    "\x00\x07\x1b[31m\x7f\u202e\u2028",
    "?` !` -- --- '' ,, << >> fi",
    "é ň ø ß ± × − Δ α † “x” … 重 🙂 e\u0301 ½ ² °",
    "x" * 300,
    PRINTABLE,
)


def columns() -> Iterator[Table]:
    """Yield tables that are asked to fit into a column."""
    world = make_world(weightings=("scalar", "max_w", "a label of many words that goes on below"))
    for metrics in (("test_error_best",), ("test_error_best", "params", "addmult")):
        yield build(world.plan, world.rows, FakeTable(columns=metrics, width="column"))


def hostile() -> Iterator[Table]:
    for words in HOSTILE:
        world = make_world(weightings=("max_w", words), ps=(1,))
        trial = world.find("train", **{"search.weighting": "max_w"}, p=1, seed=0)
        world.fail(trial)
        yield build(world.plan, world.rows, FakeTable(title=words, note=words, columns=("params", "test_error_best")))
    yield build(gappy_world().plan, gappy_world().rows, FakeTable(paper="table4", baseline={"weighting": "scalar"}))


def macros(table: Table, source: Source) -> str:
    """Return a file of macros, and each of them in text and in a formula."""
    found = macros_of([table])
    return macros_text([table], found, source) + " ".join(f"\\{each.name}, $x=\\{each.name}$" for each in found)


def document(parts: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a document whose log says which table is set when, each on pages of its own."""
    body = [
        f"\\typeout{{PART {part}-{index}}}\n{table}\\clearpage\n\\typeout{{PART none}}"
        for part, tables in parts
        for index, table in enumerate(tables)
    ]
    return HEAD + "\n".join(body) + "\n\\end{document}\n"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_table_compiles_and_fits_where_it_may_stand(tmp_path):
    made = list(packaged_tables())
    packaged = [table for _, table in made]
    in_a_column = [replace(table, width="column") for _, table in made if not too_wide(replace(table, width="column"))]
    narrow = [*columns(), *in_a_column]
    source = Source(experiment="\\input{secret}\n\\input{secret}", storage="%\r\\input{secret}", overrides=("a=]}",))
    parts = {
        "packaged": [latex(table, source=source) for table in packaged],
        "sideways": [latex(replace(table, width="sideways")) for table in packaged[:3]],
        "column": [rf"{{\column\hsize=\columnwidth{latex(table)}}}" for table in narrow],
        "hostile": [latex(table, source=source) for table in hostile()],
        "macros": [macros(replace(table, name=f"numbers-{index}"), source) for index, table in enumerate(hostile())],
    }
    (tmp_path / "secret.tex").write_text("\\typeout{GOT OUT}\\immediate\\write18{touch got-out}\n")
    (tmp_path / "tables.tex").write_text(document(list(parts.items())), encoding="ascii")
    command = ["pdflatex", "-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    log = (tmp_path / "tables.log").read_text(errors="replace")

    assert done.returncode == 0, log[-2000:]
    assert "Missing character" not in log
    assert "GOT OUT" not in log
    assert not (tmp_path / "got-out").exists()
    assert len(packaged) > 40
    assert not [table.name for table in columns() if too_wide(table)]
    assert "quickstart" in {name for name, table in made if not too_wide(replace(table, width="column"))}
    assert overfull(log) == []
    assert "U+" not in "".join(parts["packaged"])


def overfull(log: str) -> list[str]:
    """Return `part: points` of all boxes that are more than a point too wide."""
    found = []
    for part in re.split(r"PART (?=\w)", log)[1:]:
        name = part.split()[0]
        wide = [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", part)]
        found += [f"{name}: {points}" for points in wide if points > 1]
    return found


@pytest.mark.parametrize(("words", "points"), [("PART a-1\nOverfull \\hbox (400.9pt too wide) in", 400.9)])
def test_a_box_that_is_too_wide_is_found(words, points):
    assert overfull(f"PART none\n{words}\nPART none") == [f"a-1: {points}"]
