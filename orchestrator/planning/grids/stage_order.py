"""Which stage needs which: the order of the stages, and the line of each one's ancestors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.document.experiment import Experiment
from orchestrator.document.yaml_document import Path
from trainables.errors import unknown_name

Report: TypeAlias = Callable[[Path, str], None]
"""Takes note of a mistake: where it stands, and what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chains:
    """The stages of an experiment as lines of descent; a stage needs one other at most."""

    order: tuple[str, ...]
    """Every stage that can be read, after the one it needs; otherwise as in the file."""
    ancestors: Mapping[str, tuple[str, ...] | None]
    """Nearest first; None when the line leads to a stage that is missing or broken, or in a circle."""


def order_stages(experiment: Experiment, report: Report) -> Chains:
    """Return the order in which stages can be planned; report needs that lead nowhere or in a circle."""
    needed = {name: _needed(experiment, name, report) for name in experiment.stages}
    circles: set[frozenset[str]] = set()
    ancestors: dict[str, tuple[str, ...] | None] = {}
    for name in experiment.stages:
        line, circular = _line(name, needed)
        ancestors[name] = line
        if circular and frozenset(circular) not in circles:
            circles.add(frozenset(circular))
            around = " → ".join((*circular, circular[0]))
            report(("stages", circular[0], "needs"), f"the stages need each other in a circle: {around}")
    order: list[str] = []
    for name in experiment.stages:
        for each in (*reversed(ancestors[name] or ()), name):
            if each not in order:
                order.append(each)
    return Chains(order=tuple(order), ancestors=ancestors)


_BROKEN = object()


def _needed(experiment: Experiment, name: str, report: Report) -> object:
    """Return the name of the stage a stage needs; None for none; `_BROKEN` when that cannot be said."""
    needs = experiment.stages[name].needs
    if needs is None:
        written = experiment.document.get(("stages", name)).get("needs")
        return None if written is None else _BROKEN
    if needs.stage not in experiment.declared:
        others = experiment.declared - {name}
        alone = f"unknown stage {needs.stage!r}; there is no other stage"
        report(("stages", name, "needs"), str(unknown_name("stage", needs.stage, others)) if others else alone)
    if needs.best is None and needs.over is not None:
        report(("stages", name, "needs"), "'over' asks which of several is taken; say it with best: <metric>")
        return _BROKEN
    if needs.best is not None and needs.over is None:
        report(("stages", name, "needs"), "'best' needs to know of which trials; say it with over: <axis>")
        return _BROKEN
    return needs.stage if needs.stage in experiment.stages else _BROKEN


def _line(name: str, needed: Mapping[str, object]) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the ancestors of a stage, or None and the circle that its line runs into."""
    line: list[str] = [name]
    while (following := needed[line[-1]]) is not None:
        if following is _BROKEN:
            return None, ()
        if following in line:
            return None, tuple(line[line.index(str(following)) :])
        line.append(str(following))
    return tuple(line[1:]), ()
