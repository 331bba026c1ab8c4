"""The plan: every trial of every stage, named before anything runs.

`expand` is pure: the same document, contents and trials that have begun give the same plan, in the same order. It
raises every mistake of the document at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from orchestrator.document.experiment import Experiment
from orchestrator.document.resources import Resources
from orchestrator.document.spec import FigureSpec, TableSpec
from orchestrator.document.yaml_document import Path, path_text
from orchestrator.errors import Problem, SpecError
from orchestrator.planning.checks.figures import check_figures
from orchestrator.planning.checks.tables import check_tables
from orchestrator.planning.expansion import Expansion
from orchestrator.planning.grids.config_fields import Fields
from orchestrator.planning.grids.grid import StageGrid
from orchestrator.planning.grids.grid_reader import GridReader
from orchestrator.planning.grids.keys import find_key
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.planning.grids.resolvers import RESOLVERS, Resolve
from orchestrator.planning.grids.stage_order import Chains, order_stages
from orchestrator.planning.settings_read import Stored, nothing_stored
from trainables.catalog import look_up
from trainables.errors import UnknownName
from trainables.trainable import Trainable
from trainables.trial import JSON

__all__ = ["MAX_TRIALS", "Plan", "PlannedTrial", "Resources", "expand"]

MAX_TRIALS = 1000
HOW_IT_RUNS = ("resources", "max_failures", "checkpoint_minutes", "keep_checkpoints", "time_limit", "hang_minutes")
"""Keys of a stage that determine no trial."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All trials of an experiment, parents before children, and the tables asked of them."""

    experiment: str
    source: FilePath
    stages: tuple[str, ...]
    trials: tuple[PlannedTrial, ...]
    tables: tuple[TableSpec, ...]
    """Values of `filter` and `baseline` are as `value` returns them."""
    figures: tuple[FigureSpec, ...]
    """Values of `filter` are as `value` returns them."""
    axes: Mapping[str, tuple[str, ...]]
    """Stage -> the names of its axes."""
    keys: Mapping[str, tuple[str, ...]]
    """Stage -> everything a key may name there: its labelled axes, config fields and seed."""
    entries: Mapping[str, Trainable]
    """Stage -> the kind of its trials."""

    def value(self, trial: PlannedTrial, key: str) -> JSON:
        """Return what a key is for a trial: the own stage first, then the nearest ancestor; `stage.key` always works.

        None where the trial takes the best of several that differ in it. Raises: UnknownName.
        """
        stage, name = find_key(key, {stage: self.keys[stage] for stage in trial.lineage})
        return trial.values[stage].get(name)

    def values(self, trials: Sequence[PlannedTrial], key: str) -> list[JSON]:
        """Return `value` of a key for each of these trials. Raises: UnknownName."""
        at = {trial.stage: trial for trial in trials}
        places = {stage: find_key(key, {name: self.keys[name] for name in at[stage].lineage}) for stage in at}
        if len(places) == 1:
            ((stage, name),) = places.values()
            if name in self.axes[stage]:  # the same, where the memory is that `open_axes` reads, too
                axis = f"{stage}.{name}"
                return [trial.coordinates.get(axis) for trial in trials]
            return [trial.values[stage].get(name) for trial in trials]
        return [trial.values[places[trial.stage][0]].get(places[trial.stage][1]) for trial in trials]

    def of_stage(self, stage: str) -> Iterator[PlannedTrial]:
        """Yield the trials of one stage, in the plan's order."""
        return (trial for trial in self.trials if trial.stage == stage)


def and_what_needs(trial_ids: Iterable[str], trials: Iterable[PlannedTrial]) -> frozenset[str]:
    """Return these, and those of some trials that cannot start without them; parents come before children."""
    found = {*trial_ids}
    for trial in trials:
        if not found.isdisjoint(trial.parents):
            found.add(trial.trial_id)
    return frozenset(found)


def expand(
    experiment: Experiment,
    catalog: Mapping[str, Trainable],
    *,
    max_trials: int = MAX_TRIALS,
    resolvers: Mapping[str, Resolve] = RESOLVERS,
    stored: Stored = nothing_stored,
) -> Plan:
    """Return the plan of an experiment.

    Args:
        resolvers: how names of datasets and genotypes are replaced by their content; the defaults read files.
        stored: which trials have begun before, so that they keep their ids.

    Raises: SpecError with everything that is wrong with the experiment.
    """
    mistakes = _Mistakes(experiment)
    chains = order_stages(experiment, mistakes.report)
    grids = _read_grids(experiment, catalog, chains, resolvers, mistakes)
    expansion = Expansion(chains=chains, grids=grids, max_trials=max_trials, report=mistakes.report, stored=stored)
    for name in chains.order:
        ancestors = chains.ancestors[name]
        lineage = (name, *(ancestors or ()))
        if ancestors is not None and all(each in grids and _sound(experiment, grids[each]) for each in lineage):
            expansion.expand(name)
    expansion.check_count()
    lineages = {name: expansion.lineage(name) for name in grids if expansion.whole(name)}
    known = {name: trials for name, trials in expansion.trials.items() if expansion.judged(name)}
    tables = check_tables(experiment, lineages, known, resolvers, mistakes.report)
    figures = check_figures(experiment, lineages, known, resolvers, mistakes.report)
    if mistakes.problems:
        raise SpecError(mistakes.sorted())
    trials = tuple(trial for name in chains.order for trial in expansion.trials[name])
    return Plan(
        experiment=experiment.name,
        source=experiment.source,
        stages=chains.order,
        trials=trials,
        tables=tables,
        figures=figures,
        axes={name: grid.axis_names for name, grid in grids.items()},
        keys={name: grid.keys for name, grid in grids.items()},
        entries={name: grid.entry for name, grid in grids.items()},
    )


class _Mistakes:
    """Collects problems, each once."""

    def __init__(self, experiment: Experiment) -> None:
        self._document = experiment.document
        self.problems: list[Problem] = list(experiment.problems)

    def report(self, path: Path, message: str) -> None:
        problem = self._document.problem(path, message)
        if problem not in self.problems:
            self.problems.append(problem)

    def sorted(self) -> list[Problem]:
        """Return the problems in the order of the file; those of overrides first."""
        return sorted(self.problems, key=lambda problem: problem.line or 0)


def _sound(experiment: Experiment, grid: StageGrid) -> bool:
    """Say whether nothing is wrong with what makes a stage's points."""
    here = path_text(grid.path)
    harmless = tuple(f"{here}.{part}" for part in HOW_IT_RUNS)
    paths = [problem.path for problem in experiment.problems]
    mine = [path for path in paths if path == here or path.startswith((f"{here}.", f"{here}["))]
    return grid.readable and all(path.startswith(harmless) for path in mine)


def _read_grids(
    experiment: Experiment,
    catalog: Mapping[str, Trainable],
    chains: Chains,
    resolvers: Mapping[str, Resolve],
    mistakes: _Mistakes,
) -> dict[str, StageGrid]:
    grids: dict[str, StageGrid] = {}
    for name in chains.order:
        stage = experiment.stages[name]
        try:
            entry = look_up(catalog, stage.trainable)
        except UnknownName as error:
            mistakes.report(("stages", name, "trainable"), str(error))
            continue
        fields = Fields(entry.config_class())
        grid = StageGrid(name=name, stage=stage, entry=entry, fields=fields, base={}, axes=())
        ancestors = chains.ancestors[name]
        cut = ancestors is None or any(each not in grids for each in ancestors)
        lineage = [grid, *(grids[each] for each in ancestors or () if each in grids)]
        GridReader(experiment=experiment, lineage=lineage, cut=cut, resolvers=resolvers, report=mistakes.report).read()
        grids[name] = grid
    return grids
