"""Checks what a table says of how it is shown: options that contradict each other, or mean nothing where they stand."""

from orchestrator.document.spec import ColumnSpec, TableSpec
from orchestrator.document.yaml_document import Path
from orchestrator.planning.stage_order import Report

OF_NUMBERS = ("unit", "digits", "change", "short")
"""What a column may say of its numbers; one of settings has none."""


def check_options(table: TableSpec, path: Path, report: Report) -> None:
    """Report what a table asks for that needs something else which it does not have."""
    if table.digits == "printed" and table.paper is None:
        report((*path, "digits"), "needs the published table: give the table the key paper")
    if table.details and not table.lines:
        report((*path, "details"), "only a table of lines has details")
    for index, column in enumerate(table.columns):
        if column.change and not table.baseline:
            report((*path, "columns", index, "change"), "needs the table's baseline: the row that changes are against")


def check_settings_column(column: ColumnSpec, path: Path, report: Report) -> None:
    """Report what a column of settings says of numbers, of which it has none."""
    for option in OF_NUMBERS:
        if getattr(column, option) is not None:
            report((*path, option), f"{column.metric} is no metric: its values are set side by side, above the numbers")
