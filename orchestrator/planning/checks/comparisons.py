"""Checks what a table asks to be compared: that it is one of its columns, and that there are two arms."""

from collections.abc import Collection, Mapping

from orchestrator.document.spec import TableSpec
from orchestrator.document.yaml_document import Path
from orchestrator.planning.grids.stage_order import Report
from trainables.catalog import TIMING
from trainables.errors import unknown_name
from trainables.trial import JSON

SIZES = ("params", "params_with_auxiliary", "addmult", "macs")
"""Metrics of an architecture that need no training, and so no test."""


def check_metric(table: TableSpec, path: Path, keys: Collection[str], report: Report) -> None:
    """Report a metric to compare that is no measured column, and a table none of whose columns tells arms apart.

    Args:
        keys: those of its columns that are settings, set side by side.
    """
    asked = table.compare
    if asked is None:
        return
    names = [column.name for column in table.columns if column.metric not in keys]
    if asked.metric is not None and asked.metric not in names:
        report((*path, "compare", "metric"), str(unknown_name("column", asked.metric, names)))
    bare = [name.rpartition(".")[2].partition(":")[0] for name in names]
    if asked.metric is None and all(name in SIZES or name in TIMING for name in bare):
        report((*path, "compare"), f"the table has no error to compare; name a metric: {', '.join(names)}")


def check_arms(arms: int, table: TableSpec, path: Path, report: Report) -> None:
    """Report a comparison of fewer than two arms: lines that stand for trials, or settings side by side."""
    if table.compare is not None and arms < 2:
        report((*path, "compare"), "there is nothing to compare: it takes two lines that stand for trials")


def check_labels(table: TableSpec, path: Path, report: Report) -> None:
    """Report what a table of lines is to be held against, unless it is the label of one line that has trials."""
    against: Mapping[str, JSON] = (table.compare and table.compare.against) or {}
    labels = [line.label for line in table.lines if line.stage or table.stage]
    for key, value in against.items():
        place = (*path, "compare", "against", key)
        if key != table.heading:
            report(place, f"must be {table.heading!r}, over the labels of the lines")
        elif value not in labels:
            report(place, str(unknown_name("label", value, labels)))
        elif labels.count(str(value)) > 1:
            report(place, f"several lines have the label {value!r}")
