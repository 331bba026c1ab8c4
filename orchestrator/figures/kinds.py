"""The kinds of figures: how each is built, and what is drawn of an experiment whose file asks for none of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.document.spec import FigureKind, FigureSpec
from orchestrator.figures import alphas, cells, curves, defaults, dots, pareto, timeline
from orchestrator.figures.figure import Epochs, Figure
from orchestrator.planning.plan import Plan
from trainables.trial import TrialRow

ReadEpochs: TypeAlias = Callable[[TrialRow], Epochs]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of figure."""

    build: Callable[[Plan, Mapping[str, TrialRow], FigureSpec, ReadEpochs], tuple[Figure, ...]]
    default: Callable[[Plan], tuple[FigureSpec, ...]]
    """What is drawn where the experiment does not say; nothing where its trials have nothing of the kind."""


def build(plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: ReadEpochs) -> tuple[Figure, ...]:
    """Return what one entry under `figures:` asks for: one figure, or one of each search or architecture.

    Args:
        rows: by trial id, as `Ledger.rows` has them.
        read_epochs: returns the rows of a finished trial's `epochs.parquet`.

    Raises: TableError, and what `read_epochs` does.
    """
    return KINDS[spec.kind].build(plan, rows, spec, read_epochs)


def default_figures(plan: Plan, kind: FigureKind) -> tuple[FigureSpec, ...]:
    """Return what there is to draw of a kind without the experiment's file saying how."""
    return KINDS[kind].default(plan)


KINDS: Mapping[FigureKind, Kind] = {
    "curves": Kind(build=curves.build, default=defaults.curves),
    "alphas": Kind(build=alphas.build, default=defaults.alphas),
    "cells": Kind(build=cells.build, default=defaults.cells),
    "pareto": Kind(build=pareto.build, default=defaults.pareto),
    "timeline": Kind(build=timeline.build, default=defaults.timeline),
    "dots": Kind(build=dots.build, default=defaults.dots),
}
