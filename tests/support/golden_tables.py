"""The quickstart's table in every format, as files that a change has to be looked at in. As a program: writes them."""

from pathlib import Path

from quickstart_rows import quickstart_table

from orchestrator.tables.formats.catalog import FORMATS, render
from orchestrator.tables.formats.comments import Source
from orchestrator.tables.formats.macros import macros_of, macros_text

GOLDEN = Path(__file__).parents[1] / "data" / "quickstart"
SOURCE = Source(experiment="quickstart", storage="runs")


def golden_tables() -> dict[str, str]:
    """Return the content of each file by its name."""
    table = quickstart_table()
    rendered = {f"table.{form}": render(table, form, source=SOURCE) for form in FORMATS}
    return {**rendered, "numbers.tex": macros_text([table], macros_of([table]), SOURCE)}


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, content in golden_tables().items():
        (GOLDEN / name).write_text(content)
