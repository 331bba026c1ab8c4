"""The command that holds a paper's numbers against the rows."""

from pathlib import Path

import click

from orchestrator.cli.options import Catalog, json_option, load_plan, open_ledger, pass_catalog
from orchestrator.cli.output import say, say_json
from orchestrator.cli.table import of_version, tables_of
from orchestrator.manuscript.check import Report
from orchestrator.manuscript.check import check_paper as check
from orchestrator.manuscript.tex_files import read_paper
from orchestrator.tables.formats.comments import TableRecord
from orchestrator.tables.table import Table
from orchestrator.words import shown_line


@click.command("check-paper")
@click.argument("paper", type=click.Path(path_type=Path), metavar="PAPER.TEX")
@click.option("--storage", help="Where the rows are, whatever the comments say.")
@json_option
@pass_catalog
def check_paper(catalog: Catalog, paper: Path, storage: str | None, as_json: bool) -> int:
    """Hold the numbers of a paper's LaTeX, which carry our comments, against the rows of today.

    Macros (`table --macros`) and tables (`table --format latex`) are looked for in PAPER.TEX and in all that it inputs
    from its folder. Exit code 1 when a number is not what the rows say, or its runs, rows or storage are gone; 2 when
    the paper cannot be read.
    """

    def load(record: TableRecord) -> Table:
        ledger = open_ledger(storage or _beside(paper, record.storage), to_read=True)
        made_by = of_version(catalog, record.version) if record.version else catalog
        plan = load_plan(_beside(paper, record.experiment), made_by, record.set, ledger)
        (table,) = tables_of(plan, ledger, record.table)
        return table

    report = check(read_paper(paper), load, storage)
    if as_json:
        say_json({"paper": str(paper), **report.to_json()})
    else:
        _say_report(paper, report)
    return int(bool(report.findings))


def _beside(paper: Path, name: str) -> str:
    """Return a name as it is meant: of a file or folder here, or beside the paper where none is here."""
    there = paper.parent / name
    return str(there) if not Path(name).exists() and there.exists() else name


def _say_report(paper: Path, report: Report) -> None:
    for note in report.notes:
        say(shown_line(f"note: {note}"), err=True)
    for finding in report.findings:
        say(shown_line(str(finding)))
    for sentence in report.bare:
        say(shown_line(f"note: {sentence}"), err=True)
    if not report.checked and not report.findings:
        wanted = "sharptune table --macros and --format latex write them"
        say(shown_line(f"{paper}: no number here carries a comment of sharptune's; {wanted}"))
        return
    wrong = len({(each.file, each.line, each.called) for each in report.findings if each.called or each.kind != "gone"})
    tables = f"table {next(iter(report.tables))}" if len(report.tables) == 1 else f"{len(report.tables)} tables"
    ends = [f"{wrong or 'none'} not as the rows have it"] if wrong or report.not_judged < report.checked else []
    ends += [f"{report.not_judged} could not be held against any row"] if report.not_judged else []
    say(shown_line(f"{paper}: {report.checked} numbers of {tables} looked at; {'; '.join(ends)}"))
