"""What the children of a stage start from: one parent trial, or a group of which the best will be taken."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.planning.grids.grid import Condition, Reference, StageGrid, keys_of
from orchestrator.planning.grids.keys import find_key
from orchestrator.planning.grids.planned_trial import PlannedTrial
from orchestrator.planning.grids.stage_order import Report
from trainables.trial import JSON, canonical_json


@dataclass(frozen=True, kw_only=True, slots=True)
class ParentGroup:
    """What the children of one parent, or of one group of candidates, have in common."""

    parents: tuple[str, ...] = ()
    """The parent's id; the sorted ids of all candidates."""
    coordinates: Mapping[str, JSON] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    effective: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    ancestors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inherited_settings: Mapping[str, JSON] = field(default_factory=dict)
    """What children take over of what they inherit."""

    def meets(self, conditions: Iterable[Condition]) -> bool:
        """Say whether the group fulfils conditions on its stages."""
        return all(each.is_met(self.effective) for each in conditions)


def group_parents(lineage: Sequence[StageGrid], parents: Sequence[PlannedTrial], report: Report) -> list[ParentGroup]:
    """Return the parent groups of a stage, in the order of their first parents.

    Args:
        lineage: the stage's grid, then those of its ancestors, nearest first.
        parents: all trials of the stage that it needs.
    """
    needs = lineage[0].stage.needs
    if needs is None or needs.best is None:
        return [_group([parent], lineage) for parent in parents]
    over = {".".join(find_key(key, keys_of(lineage[1:]))) for key in needs.over or []}
    groups: dict[str, list[PlannedTrial]] = {}
    for parent in parents:
        fixed = {key: value for key, value in parent.coordinates.items() if key not in over}
        groups.setdefault(canonical_json(fixed), []).append(parent)
    found = [_group(group, lineage) for group in groups.values()]
    for group, candidates in zip(found, groups.values(), strict=True):
        _refuse_mixed(lineage, group, candidates, report)
        _refuse_unmeasured(lineage, needs.best, candidates, report)
    if not any(isinstance(given.value, Reference) for given in lineage[0].field_values()):
        report((*lineage[0].path, "needs"), "the best is taken, but nothing of it is used: no setting refers to it")
    return found


def _group(candidates: Sequence[PlannedTrial], lineage: Sequence[StageGrid]) -> ParentGroup:
    first = candidates[0]
    inherited = [_inherited_settings(candidate, lineage) for candidate in candidates]
    return ParentGroup(
        parents=tuple(sorted({candidate.trial_id for candidate in candidates})),
        coordinates=_common([candidate.coordinates for candidate in candidates]),
        values={stage: _common([each.values[stage] for each in candidates]) for stage in first.values},
        effective={stage: _common([each.effective[stage] for each in candidates]) for stage in first.effective},
        ancestors={
            first.stage: tuple(sorted({each.trial_id for each in candidates})),
            **{
                stage: tuple(sorted({trial for each in candidates for trial in each.ancestors[stage]}))
                for stage in first.ancestors
            },
        },
        inherited_settings=_common(inherited),
    )


def _inherited_settings(trial: PlannedTrial, lineage: Sequence[StageGrid]) -> dict[str, JSON]:
    """Return what children of a trial take over: from its own config, else from its nearest ancestor's."""
    child, *ancestors = (grid.entry for grid in lineage)
    left: dict[str, JSON] = {}
    for entry, values in zip(ancestors, trial.effective.values(), strict=True):
        left = {**entry.left_to(child, values), **left}
    return left


def _common(mappings: Sequence[Mapping]) -> dict:
    """Return the entries in which all the mappings agree."""
    first, *others = mappings
    return {key: value for key, value in first.items() if all(each.get(key, ...) == value for each in others)}


def _refuse_mixed(
    lineage: Sequence[StageGrid], group: ParentGroup, candidates: Sequence[PlannedTrial], report: Report
) -> None:
    for name in {key for candidate in candidates for key in _inherited_settings(candidate, lineage)} - set(
        group.inherited_settings
    ):
        path = (*lineage[0].path, "needs", "over")
        report(path, f"the candidates differ in {name}, so it cannot be taken over from them")


def _refuse_unmeasured(
    lineage: Sequence[StageGrid], metric: str, candidates: Sequence[PlannedTrial], report: Report
) -> None:
    """Report a criterion that a candidate will not have: no best can be among these."""
    child, parent = lineage[:2]
    if metric in parent.entry.rising:
        report((*child.path, "needs", "best"), f"the lowest is taken, and of {metric} the highest is the best")
        return
    for candidate in candidates:
        if sentence := parent.entry.why_absent(metric, candidate.effective[parent.name]):
            report((*child.path, "needs", "best"), f"not every candidate will have it: {sentence}")
            return
