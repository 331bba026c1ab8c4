"""What NAS-Bench-201 knows, in words and as JSON: of one cell, of all of them, and which of them to read with care.

All accuracies are validation accuracies after 200 epochs, in percent; none is of a test set.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from trainables.architecture.nas_bench_201.benchmark import CELLS, DATASETS, Benchmark, Entry, benchmark, digits_XE
from trainables.architecture.nas_bench_201.cell import OPERATIONS, NasBench201Cell

WHAT = "validation accuracy after 200 epochs, in %"
PERCENTILES = (5, 50, 95)
WIDTH = 120
"""Characters of a line that lists cells."""


def cell_lines(cell: NasBench201Cell) -> Iterator[str]:
    """Yield how the benchmark writes a cell, what it computes, how well it did, and what to mind."""
    table = benchmark()
    yield f"written   {cell.to_string()}"
    others = len(table.alike(cell)) - 1
    yield f"computes  {cell.canonical}" + (f", as {others:,} other cells do" if others else "")
    yield f"NAS-Bench-201, {WHAT}:"
    rows = [("", "mean", "runs", "rank", "regret", "params")]
    rows += [_row(table.entry(cell, dataset)) for dataset in DATASETS]
    yield from _aligned(rows)
    for mark in table.marks(cell):
        yield f"note: {mark.sentence}"


def cell_json(cell: NasBench201Cell) -> dict[str, Any]:
    """Return the same as data."""
    table = benchmark()
    entries = {dataset: asdict(table.entry(cell, dataset)) for dataset in DATASETS}
    return {
        "cell": cell.digits,
        "written": cell.to_string(),
        "computes": cell.canonical,
        "alike": [other.digits for other in table.alike(cell)],
        "validation": {
            dataset: {name: value for name, value in entry.items() if name not in ("cell", "dataset")}
            for dataset, entry in entries.items()
        },
        "marks": [asdict(mark) for mark in table.marks(cell)],
    }


def summary_lines(operations: Sequence[str] = OPERATIONS) -> Iterator[str]:
    """Yield what there is of the cells that consist of these operations: the best, and one at random."""
    found = summary_json(operations)
    yield f"NAS-Bench-201, {WHAT}: {found['cells']:,} cells"
    if set(OPERATIONS) - set(operations):
        yield f"of {', '.join(name for name in OPERATIONS if name in operations)}"
    yield ""
    rows = [["", "best cell", "best", "random cell", "s.d.", *(f"{each} %" for each in PERCENTILES)]]
    for dataset, each in found["validation"].items():
        numbers = [each["best"], each["mean"], each["sd"], *each["percentiles"].values()]
        rows.append([dataset, each["best_cell"], *(f"{number:.2f}" for number in numbers)])
    yield from _aligned(rows)


def summary_json(operations: Sequence[str] = OPERATIONS) -> dict[str, Any]:
    """Return the same as data; mean, standard deviation and percentiles are of a cell that is drawn uniformly."""
    table = benchmark()
    allowed_X = np.isin(OPERATIONS, operations)[digits_XE()].all(axis=1)
    found = {}
    for column, dataset in enumerate(DATASETS):
        accuracy_X = table.mean_XD[allowed_X, column]
        best = table.best(dataset, operations)
        found[dataset] = {
            "best_cell": best.digits,
            "best": table.entry(best, dataset).accuracy,
            "mean": float(accuracy_X.mean()),
            "sd": float(accuracy_X.std()),
            "percentiles": {str(each): float(np.percentile(accuracy_X, each)) for each in PERCENTILES},
        }
    return {"cells": int(allowed_X.sum()), "operations": list(operations), "validation": found}


def marked_lines() -> Iterator[str]:
    """Yield the cells whose entries are to be read with care."""
    table = benchmark()
    groups = table.shared_entries
    cells = sum(map(len, groups))
    yield f"{cells} cells in {len(groups)} groups have their runs on CIFAR-10 in common, and compute the same:"
    for group in groups:
        yield from _listed(f"{group[0].canonical}: ", [cell.digits for cell in group])
    for excess, odd in _by_excess(table).items():
        words = f"{abs(excess):,} parameters {'more' if excess > 0 else 'less'} than their operations have"
        yield f"{len(odd)} cells have {words}, as others that compute the same:"
        yield from _listed("", odd)


def marked_json() -> dict[str, Any]:
    """Return the same as data."""
    table = benchmark()
    shared = [
        {"computes": cells[0].canonical, "cells": [cell.digits for cell in cells]} for cells in table.shared_entries
    ]
    params = [{"excess": excess, "cells": cells} for excess, cells in _by_excess(table).items()]
    return {"shared": shared, "params": params}


def _by_excess(table: Benchmark) -> dict[int, list[str]]:
    """Return the cells whose entries have other parameters than their operations, by how many more."""
    found: dict[int, list[str]] = {}
    for x in np.flatnonzero(table.params_excess_X):
        digits = "".join(map(str, digits_XE()[x]))
        found.setdefault(int(table.params_excess_X[x]), []).append(digits)
    return dict(sorted(found.items()))


def _row(entry: Entry) -> tuple[str, ...]:
    runs = " ".join(f"{run:.2f}" for run in entry.runs)
    rank = f"{entry.rank:,} of {CELLS:,}"
    return (entry.dataset, f"{entry.accuracy:.2f}", runs, rank, f"{entry.regret:.2f}", f"{entry.params:,}")


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines whose first column begins, and whose others end, under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (f"{text:>{width}}" for text, width in zip(others, widths[1:], strict=True))
        yield f"  {first:<{widths[0]}}  {'  '.join(cells)}".rstrip()


def _listed(heading: str, cells: Sequence[str]) -> list[str]:
    return textwrap.wrap(heading + ", ".join(cells), WIDTH, initial_indent="  ", subsequent_indent="    ")
