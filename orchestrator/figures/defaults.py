"""Figures that nobody asked for in an experiment's file, but that its plan allows."""

from collections.abc import Callable
from typing import Literal

from orchestrator.document.spec import FigureSpec, PanelSpec
from orchestrator.planning.checks.figures import ALPHAS, GENOTYPE
from orchestrator.planning.grids.keys import short_key
from orchestrator.planning.grids.planned_trial import identity
from orchestrator.planning.plan import Plan, PlannedTrial

SIZES = ("params", "addmult")
ERROR = "test_error_best"


def curves(plan: Plan) -> tuple[FigureSpec, ...]:
    """What each stage shows of its progress, side by side."""
    panels = [
        PanelSpec(metric=metric, stage=stage, lines=varying(plan, stage))
        for stage in plan.stages
        if (metric := plan.entries[stage].progress)
        and all(_has(plan, trial, metric, plan.entries[stage].curves) for trial in plan.of_stage(stage))
    ]
    if not panels:
        return ()
    return (FigureSpec(name="curves", title="Learning curves", stage=panels[0].stage or "", panels=panels),)


def alphas(plan: Plan) -> tuple[FigureSpec, ...]:
    """Of each stage whose trials move alphas."""
    return _of_stages(plan, "alphas", lambda trial: _has(plan, trial, ALPHAS, plan.entries[trial.stage].curves))


def cells(plan: Plan) -> tuple[FigureSpec, ...]:
    """Of each stage whose trials find a genotype, or are given one by the file: its children have the same."""

    def first_with_one(trial: PlannedTrial) -> bool:
        return not trial.parents and _has(plan, trial, GENOTYPE, plan.entries[trial.stage].artifacts)

    return _of_stages(plan, "cells", first_with_one)


def pareto(plan: Plan) -> tuple[FigureSpec, ...]:
    """Of each stage that measures both a test error and sizes."""
    stages = [stage for stage in plan.stages if {ERROR, *SIZES} <= set(plan.entries[stage].metrics)]
    return tuple(
        FigureSpec(
            name=_name("pareto", stage, stages),
            kind="pareto",
            title="Error against size" + _of(stage, stages),
            stage=stage,
            lines=varying(plan, stage),
            paper=next((table.paper for table in plan.tables if table.paper), None),
        )
        for stage in stages
    )


def timeline(plan: Plan) -> tuple[FigureSpec, ...]:
    """What ran where and when."""
    return (FigureSpec(name="timeline", kind="timeline", title="What ran where and when"),)


def dots(plan: Plan) -> tuple[FigureSpec, ...]:
    """Of each table."""
    return tuple(
        FigureSpec(name=table.name, kind="dots", title=table.title or table.name, table=table.name)
        for table in plan.tables
    )


def varying(plan: Plan, stage: str) -> list[str]:
    """Return the keys, but for seeds, whose values tell trials of a stage apart, as one would write them.

    Those of the earliest ancestor come first.
    """
    trials = list(plan.of_stage(stage))
    lineage = {each: plan.keys[each] for each in trials[0].lineage} if trials else {}
    found: list[str] = []
    axes = dict.fromkeys(axis for trial in trials for axis in trial.coordinates)
    for axis in sorted(axes, key=lambda axis: -list(lineage).index(axis.rpartition(".")[0])):
        of, _, key = axis.rpartition(".")
        if key != "seed" and len({identity(trial.coordinates.get(axis)) for trial in trials}) > 1:
            found.append(short_key(of, key, lineage))
    return found


def _of_stages(
    plan: Plan, kind: Literal["alphas", "cells"], wanted: Callable[[PlannedTrial], bool]
) -> tuple[FigureSpec, ...]:
    stages = [stage for stage in plan.stages if any(wanted(trial) for trial in plan.of_stage(stage))]
    titles = {"alphas": "Weights of each choice", "cells": "Architectures"}
    return tuple(
        FigureSpec(name=_name(kind, stage, stages), kind=kind, title=titles[kind] + _of(stage, stages), stage=stage)
        for stage in stages
    )


def _has(plan: Plan, trial: PlannedTrial, name: str, names: tuple[str, ...]) -> bool:
    entry = plan.entries[trial.stage]
    return name in names and entry.why_absent(name, trial.effective[trial.stage]) is None


def _name(kind: str, stage: str, stages: list[str]) -> str:
    return kind if len(stages) == 1 else f"{kind}-{stage}"


def _of(stage: str, stages: list[str]) -> str:
    return "" if len(stages) == 1 else f", {stage}"
