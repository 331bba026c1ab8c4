"""Points of grids become trials: each stage's product, once for each parent or group of parents."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.document.yaml_document import Path
from orchestrator.planning.grids.grid import StageGrid
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.planning.grids.stage_order import Chains, Report
from orchestrator.planning.parent_groups import ParentGroup, group_parents
from orchestrator.planning.settings_read import Stored
from orchestrator.planning.stage_builder import StageBuilder

HOPELESS = 20
"""A grid this many times too large is refused without being written down."""


@dataclass(kw_only=True)
class Expansion:
    """The trials of an experiment, stage by stage; a stage must come after the one it needs."""

    chains: Chains
    grids: Mapping[str, StageGrid]
    max_trials: int
    report: Report
    stored: Stored
    trials: dict[str, tuple[PlannedTrial, ...]] = field(default_factory=dict)
    _hopeless: bool = False
    _troubled: set[str] = field(default_factory=set)
    """Stages some of whose points are wrong, and are left out."""

    def whole(self, stage: str) -> bool:
        """Say whether all of a stage's ancestors could be read."""
        ancestors = self.chains.ancestors[stage]
        return ancestors is not None and all(each in self.grids for each in ancestors)

    def lineage(self, stage: str) -> tuple[StageGrid, ...]:
        """Return a stage's grid, then those of its ancestors, nearest first."""
        return tuple(self.grids[each] for each in (stage, *(self.chains.ancestors[stage] or ())))

    def judged(self, stage: str) -> bool:
        """Say whether all trials of a stage's lineage are known, so that it can be said what matches none of them."""
        return self._troubled.isdisjoint(grid.name for grid in self.lineage(stage))

    def expand(self, stage: str) -> None:
        """Add a stage's trials, unless its parents' are not known or it is far too large."""
        lineage = self.lineage(stage)
        own, *ancestors = lineage
        if self._hopeless or (ancestors and ancestors[0].name not in self.trials):
            return
        parents = group_parents(lineage, self.trials[ancestors[0].name], self.report) if ancestors else [ParentGroup()]
        count = len(parents) * (math.prod(len(axis.choices) for axis in own.axes) + len(own.inclusions))
        if sum(map(len, self.trials.values())) + count > HOPELESS * self.max_trials:
            self._hopeless = True
            self._refuse_count((*own.path, "grid"), count)
            return
        builder = StageBuilder(lineage=lineage, report=self.report, whole=self.judged(stage), stored=self.stored)
        self.trials[stage] = builder.trials(parents)
        self._troubled |= {stage} if builder.troubled else set()

    def check_count(self) -> None:
        """Report a plan of too many trials."""
        total = sum(map(len, self.trials.values()))
        if total > self.max_trials and not self._hopeless:
            largest = max(self.trials, key=lambda stage: len(self.trials[stage]))
            self._refuse_count((*self.grids[largest].path, "grid"), total)

    def _refuse_count(self, path: Path, count: int) -> None:
        self.report(
            path, f"this makes {count} trials, more than {self.max_trials}; --max-trials {count} allows them if meant"
        )
