"""`${stage.key}`: a config value that is taken from what an ancestor's trial finds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.planning.grids.grid import Reference, StageGrid
from trainables.architecture.budget import budget_of_key
from trainables.errors import SharptuneError, unknown_name
from trainables.trial import JSON

_WHOLE = re.compile(r"\$\{\s*([^{}.\s]+)\s*\.\s*([^{}\s]+)\s*\}")


class InvalidReference(SharptuneError):
    """A reference that refers to nothing."""


def mentions_reference(value: JSON) -> bool:
    """Say whether `${` stands anywhere in a value."""
    if isinstance(value, Mapping):
        return any(map(mentions_reference, value.values()))
    if isinstance(value, list):
        return any(map(mentions_reference, value))
    return isinstance(value, str) and "${" in value


def read_reference(value: JSON, *, reader: str, lineage: Sequence[StageGrid]) -> Reference:
    """Return the reference that a value is.

    Args:
        reader: the stage in which it stands.
        lineage: that stage's own grid first, then those of its ancestors, nearest first.

    Raises: InvalidReference, InvalidBudget, UnknownName.
    """
    match = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidReference('a reference must be the whole value, as in "${search.genotype}"')
    reference = Reference(stage=match[1], key=match[2])
    own, ancestors = lineage[0], lineage[1:]
    if not ancestors:
        raise InvalidReference(f"stage {reader!r} needs no other stage, so there is nothing to refer to; say needs: …")
    by_name = {grid.name: position for position, grid in enumerate(ancestors)}
    if reference.stage not in by_name:
        raise unknown_name("stage to refer to:", reference.stage, by_name)
    position = by_name[reference.stage]
    _refuse_undetermined(reference, position, [own, *ancestors])
    entry = ancestors[position].entry
    if (budget := budget_of_key(reference.key)) is not None:
        if not entry.alphas:
            raise InvalidReference(f"stage {reference.stage!r} records no alphas to derive from; only searches do")
        return replace(reference, key=budget.key)
    found = (*entry.artifacts, *entry.files, *entry.metrics)
    if reference.key not in found:
        raise unknown_name(f"result of stage {reference.stage!r}:", reference.key, found)
    return reference


def _refuse_undetermined(reference: Reference, position: int, lineage: Sequence[StageGrid]) -> None:
    """Beyond a stage that takes the best of several trials, nobody knows yet which trial is meant."""
    for grid in lineage[: position + 1]:
        chooses = grid.stage.needs is not None and grid.stage.needs.best is not None
        if chooses and position > 0:
            sentence = (
                f"which trial of {reference.stage!r} is meant is not known, as {grid.name!r} takes the best of several"
            )
            raise InvalidReference(sentence)


def point_to(
    references: Mapping[str, Reference],
    lineage: Sequence[StageGrid],
    parents: Sequence[str],
    ancestors: Mapping[str, tuple[str, ...]],
) -> tuple[tuple[str, ...], dict[str, JSON]]:
    """Return the ids of all trials that a trial takes something from, and what its references are in its spec.

    Args:
        references: by the fields whose values they are.
        lineage: as for `read_reference`.
        parents: the ids of its parent, or of all that may be.
        ancestors: stage -> the trials there that it comes from.
    """
    found = list(parents)
    pointers: dict[str, JSON] = {}
    needs = lineage[0].stage.needs
    for distance, ancestor in enumerate(lineage[1:], start=1):
        for name, reference in references.items():
            if reference.stage != ancestor.name:
                continue
            if needs is not None and needs.best is not None:
                parent: JSON = {"best": needs.best}
            elif distance == 1:
                parent = 0
            else:
                (ancestor_id,) = ancestors[ancestor.name]
                found += [ancestor_id] if ancestor_id not in found else []
                parent = found.index(ancestor_id)
            pointers[name] = {"parent": parent, "key": ancestor.entry.files.get(reference.key, reference.key)}
    return tuple(found), pointers
