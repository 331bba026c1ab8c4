"""The weights of a search's choices over the epochs: a panel for each edge of a cell, or for each layer of a path.

A search's `epochs.parquet` has its alphas after every epoch; drawn are the weights after the softmax, and the moments
at which another choice took the lead.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from orchestrator.document.spec import FigureSpec
from orchestrator.figures.figure import Epochs, Figure, Line, what_is_missing
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.tables.evidence import Record
from orchestrator.tables.grouping import selected
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.nas_bench_201.cell import EDGES
from trainables.architecture.spaces import (
    NONE,
    MultiChannelSpace,
    NasBench201Space,
    SearchSpace,
    Space,
    known_space,
)
from trainables.trial import JSON, TrialRow

INPUTS = ("k−2", "k−1")
"""The inputs of a cell k: the outputs of the two cells before it."""
CELLS = {"alphas_normal": "normal", "alphas_reduce": "reduction"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """What one operation weighs after each epoch, from 0 to 1."""

    label: str
    values: tuple[float, ...]
    leads: bool
    """Whether it has the largest weight at some time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """A moment at which another operation has the largest weight than after the epoch before."""

    epoch: int
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class EdgePanel:
    """The weights of one edge or layer, which share a softmax."""

    title: str
    part: str
    """What of the architecture it belongs to: a cell, or nothing of a path."""
    epochs: tuple[int, ...]
    weights: tuple[Weight, ...]
    flips: tuple[Flip, ...]
    chosen: str
    """What has the largest weight at the end of all that can be chosen: `none` only in NAS-Bench-201."""

    def to_json(self) -> dict[str, JSON]:
        """Return all that is drawn."""
        return asdict(self)

    def lines(self) -> Iterator[Line]:
        """Yield each weight after each epoch; `flip` is the operation that takes the lead there."""
        flips = {flip.epoch: flip.after for flip in self.flips}
        for weight in self.weights:
            for epoch, value in zip(self.epochs, weight.values, strict=True):
                flip = weight.label if flips.get(epoch) == weight.label else ""
                yield {"line": weight.label, "epoch": epoch, "weight": value, "flip": flip}

    def words(self) -> str:
        """Return what is chosen at the end, and when the lead changed."""
        flips = ", ".join(f"epoch {flip.epoch}: {flip.before} to {flip.after}" for flip in self.flips)
        return f"{self.chosen} in the end" + (f"; the lead changed at {flips}" if flips else ", from the beginning")


def build(
    plan: Plan, rows: Mapping[str, TrialRow], spec: FigureSpec, read_epochs: Callable[[TrialRow], Epochs]
) -> tuple[Figure, ...]:
    """Return a figure for each search that is done; one without panels where none is."""
    record = Record(rows, plan.entries)
    trials = selected(plan, spec.stage, spec.filter)
    missing = what_is_missing(trials, rows, record)
    notes: list[str] = []
    figures: list[Figure] = []
    for trial in trials:
        row = rows.get(trial.trial_id)
        if row is None or row.state != "done" or record.distrust(trial.trial_id):
            continue
        panels = edges_of(row, read_epochs(row))
        if not panels:
            notes.append(f"trial {trial.trial_id} ({trial.label}) has no alphas in its epochs, and is left out")
            continue
        figures.append(_figure(spec, trial, panels, single=len(trials) == 1))
    empty = Figure(name=spec.name, title=spec.title or spec.name, kind="alphas", panels=())
    first, *others = figures or [empty]
    return (
        Figure(
            name=first.name, title=first.title, kind="alphas", panels=first.panels, notes=tuple(notes), missing=missing
        ),
        *others,
    )


def _figure(spec: FigureSpec, trial: PlannedTrial, panels: Sequence[EdgePanel], *, single: bool) -> Figure:
    title = spec.title or spec.name
    return Figure(
        name=spec.name if single else f"{spec.name}-{trial.trial_id}",
        title=title if single else f"{title}: {trial.label}",
        kind="alphas",
        panels=tuple(panels),
    )


def edges_of(row: TrialRow, epochs: Epochs) -> list[EdgePanel]:
    """Return the panels of one search; none where its epochs have no alphas that fit its space."""
    space = known_space(row.config.get("space"))
    if space is None:
        return []
    panels: list[EdgePanel] = []
    labels = _labels(space)
    able = [label for label in labels if label != NONE or isinstance(space, NasBench201Space)]
    for name in CELLS if isinstance(space, SearchSpace) else ("alphas",):
        where = _titles(space, name)
        by_epoch = ((each.get("epoch"), _rows_of(space, len(where), each.get(name))) for each in epochs)
        series = [(epoch, alphas) for epoch, alphas in by_epoch if isinstance(epoch, int) and alphas is not None]
        if not series:
            return []
        for edge, title in enumerate(where):
            of_edge = {epoch: alphas[edge] for epoch, alphas in series}
            panels.append(_panel(title, CELLS.get(name, ""), labels, able, of_edge))
    return panels


def _panel(
    title: str, part: str, labels: Sequence[str], able: Sequence[str], alphas: Mapping[int, Sequence[float]]
) -> EdgePanel:
    epochs = tuple(sorted(alphas))
    weights = [softmax(alphas[epoch]) for epoch in epochs]
    leaders = [_leader(each, labels, able) for each in weights]
    flips = [
        Flip(epoch=epoch, before=before, after=after)
        for epoch, before, after in zip(epochs[1:], leaders, leaders[1:], strict=False)
        if before != after
    ]
    return EdgePanel(
        title=title,
        part=part,
        epochs=epochs,
        weights=tuple(
            Weight(label=label, values=tuple(each[place] for each in weights), leads=label in leaders)
            for place, label in enumerate(labels)
        ),
        flips=tuple(flips),
        chosen=leaders[-1],
    )


def softmax(alphas: Sequence[float]) -> list[float]:
    """Return weights that are positive and have the sum 1."""
    largest = max(alphas)
    exponentials = [math.exp(alpha - largest) for alpha in alphas]
    total = math.fsum(exponentials)
    return [exponential / total for exponential in exponentials]


def _leader(weights: Sequence[float], labels: Sequence[str], able: Sequence[str]) -> str:
    """Return what would be chosen: the largest weight of those that can be; the first of equals."""
    return max(able, key=lambda label: weights[labels.index(label)])


def _labels(space: Space) -> list[str]:
    if not isinstance(space, MultiChannelSpace):
        return list(space.primitives)
    cuboid = multichannel_cuboid(space)
    return [f"{c['primitive']} {c['channels_in']}→{c['channels_out']}" for c in cuboid.candidates(0)]


def _titles(space: Space, name: str) -> list[str]:
    match space:
        case SearchSpace():
            states = [*INPUTS, *map(str, range(4))]
            return [f"{CELLS[name]} {states[source]}→{node}" for node in range(4) for source in range(node + 2)]
        case MultiChannelSpace():
            return [f"block {layer['block']} layer {layer['layer']}" for layer in multichannel_cuboid(space).layers]
        case NasBench201Space():
            return [f"node {source}→{target}" for target, source in EDGES]


def _rows_of(space: Space, rows: int, value: JSON) -> list[list[float]] | None:
    """Return the alphas of an epoch, a row for each edge or layer; None for anything else."""
    numbers = _flat(value)
    if numbers is None or not all(map(math.isfinite, numbers)):
        return None
    if isinstance(space, MultiChannelSpace):
        places = multichannel_cuboid(space).indices_LK.tolist()
    else:
        columns = len(space.primitives)
        places = [[row * columns + column for column in range(columns)] for row in range(rows)]
    if len(numbers) != sum(map(len, places)):
        return None
    return [[numbers[place] for place in each] for each in places]


def _flat(value: JSON) -> list[float] | None:
    """Return the numbers of nested lists in their order; None where there is anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [float(value)]
    if not isinstance(value, list | tuple):
        return None
    parts = [_flat(each) for each in value]
    return None if None in parts else [number for part in parts if part is not None for number in part]
