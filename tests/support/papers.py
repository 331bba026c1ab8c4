"""Papers as their lines, and where the numbers in them are from."""

from orchestrator.manuscript.tex_files import TexLine, TexPaper
from orchestrator.tables.formats.comments import Source

SOURCE = Source(experiment="small.yaml", storage="runs")


def paper_of(text: str) -> TexPaper:
    """Return the paper that is one file of this text."""
    return TexPaper(lines=[TexLine(file="p.tex", number=n, text=t) for n, t in enumerate(text.splitlines(), start=1)])
