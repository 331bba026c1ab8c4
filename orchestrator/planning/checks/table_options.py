"""Checks what a table says of how it is shown: options that contradict each other, or mean nothing where they stand."""

from collections.abc import Iterable, Sequence

from orchestrator.document.spec import ColumnSpec, TableSpec
from orchestrator.document.yaml_document import Path
from orchestrator.planning.grids.config_fields import SEED
from orchestrator.planning.grids.grid import StageGrid
from orchestrator.planning.grids.keys import find_name
from orchestrator.planning.grids.stage_order import Report
from trainables.errors import unknown_name

OF_NUMBERS = ("unit", "digits", "change", "short")
"""What a column may say of its numbers; one of settings has none."""


def check_options(table: TableSpec, path: Path, report: Report) -> None:
    """Report what a table asks for that needs something else which it does not have."""
    if table.digits == "printed" and table.paper is None:
        report((*path, "digits"), "needs the published table: give the table the key paper")
    if table.details and not table.lines:
        report((*path, "details"), "only a table of lines has details")
    if table.digits == "printed" and table.rounding == "spread":
        report(
            (*path, "rounding"), "contradicts digits: printed, which rounds as the paper does; leave out one of them"
        )
    for index, column in enumerate(table.columns):
        if column.change and not table.baseline:
            report((*path, "columns", index, "change"), "needs the table's baseline: the row that changes are against")


def check_settings_column(column: ColumnSpec, path: Path, report: Report) -> None:
    """Report what a column of settings says of numbers, of which it has none."""
    for option in OF_NUMBERS:
        if getattr(column, option) is not None:
            report((*path, option), f"{column.metric} is no metric: its values are set side by side, above the numbers")


def pool_of(table: TableSpec, lineage: Sequence[StageGrid]) -> dict[str, str]:
    """Return the keys of `pool` that mean an axis of these stages -> that axis, `stage.key`."""
    axes = {grid.name: grid.axis_names for grid in lineage}
    found = {key: find_name(key, axes) for key in table.pool}
    return {key: ".".join(place) for key, place in found.items() if place is not None}


def check_pool(table: TableSpec, path: Path, lineages: Sequence[Sequence[StageGrid]], report: Report) -> None:
    """Report what a table cannot pool over: no axis of any of its stages, or one that tells cells apart already."""
    if not lineages:
        return
    axes = dict.fromkeys(name for grids in lineages for grid in grids for name in grid.axis_names if name != SEED)
    apart = {*table.rows, *(column.metric for column in table.columns)}
    for index, key in enumerate(table.pool):
        places = [pool_of(table, grids).get(key) for grids in lineages]
        if key.rpartition(".")[2] == SEED:
            report((*path, "pool", index), "seeds pool by themselves")
        elif not any(places):
            report((*path, "pool", index), str(unknown_name("axis", key, axes)))
        elif key in apart or {*places} & {axis for grids in lineages for axis in _axes_of(apart, grids)}:
            report((*path, "pool", index), f"{key} tells rows or columns apart already, so no cell can pool over it")
        elif key in table.pool[:index]:
            report((*path, "pool", index), "stands twice")


def _axes_of(keys: Iterable[str], lineage: Sequence[StageGrid]) -> set[str]:
    axes = {grid.name: grid.axis_names for grid in lineage}
    return {".".join(place) for key in keys if (place := find_name(key, axes)) is not None}
