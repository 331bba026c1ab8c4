"""Find an architecture by whatever a person calls it: a published name, a file, or the trial that found it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.planning.grids.resolvers import genotype_content
from trainables.architecture.genotype import Architecture, declared, read_architecture
from trainables.data.datasets import describe
from trainables.errors import UnknownName, unknown_name
from trainables.record.storage import open_storage
from trainables.trial import TrialRow

DEFAULT_OPERATIONS = "ssc"
DEFAULT_ARTIFACT = "genotype"


def find_genotype(what: str, storage: str) -> tuple[Architecture, str]:
    """Return an architecture and the operations it goes with.

    Args:
        what: a name, a file (or `LOG:EPOCH`, `MODULE.py:NAME`), or the beginning of a trial's id. A trial that has
            found several says with a colon which one is meant, as in `0123456789ab:genotype_top_down`.
        storage: where the trials are.

    Raises: UnknownName, InvalidGenotype, LedgerError.
    """
    architecture, operations, _ = _find(what, storage)
    return architecture, operations


def find_network(what: str, storage: str) -> tuple[Architecture, dict[str, Any]]:
    """Return an architecture as `find_genotype` does, and how its network is built, by names of `architecture_cost`.

    A training's is the one that it trained; of all others only the operations are known.

    Raises: DataError, where the dataset that a training was on is not known here; and as `find_genotype` does.
    """
    architecture, operations, row = _find(what, storage)
    config = row.config if row is not None else {}
    if "network" not in config:
        return architecture, {"operations": operations}
    kinds = {**_OF_NETWORKS, "dataset": str, "image_size": int | None}
    if wrong := [name for name, kind in kinds.items() if name in config and not _is_of(kind, config[name])]:
        raise LedgerError(f"the row of trial {row.trial_id if row else what} does not say what it trained: {wrong[0]}")
    sizes = {name: config[name] for name in _OF_NETWORKS if name in config}
    images = describe(config.get("dataset", ""))
    return architecture, {
        **sizes,
        "classes": images.classes,
        "image_size": config.get("image_size") or images.image_size,
    }


def _is_of(kind: Any, value: object) -> bool:
    """Say whether a setting is of a kind, and a size one that a network can have."""
    return isinstance(value, kind) and (not isinstance(value, int) or 0 < value <= LARGEST)


LARGEST = 100_000
"""Layers, channels or pixels that are counted of a trial's network: whatever a stranger's row says, it is soon done."""
_OF_NETWORKS = {"network": str, "operations": str, "channels": int, "layers": int, "mid_channels": int}


def _find(what: str, storage: str) -> tuple[Architecture, str, TrialRow | None]:
    """Return an architecture, its operations, and the row of the trial that found or trained it, if it is a trial's."""
    try:
        content = genotype_content(what, base=Path.cwd())
        return read_architecture(content.value), str(content.declares.get("operations", DEFAULT_OPERATIONS)), None
    except UnknownName:
        prefix, _, key = what.partition(":")
        ledger = Ledger(open_storage(storage))
        if not prefix or not ledger.ids(prefix):
            raise
    trial_id = ledger.find(prefix)
    row = ledger.row(trial_id)
    artifact = _artifact(row, trial_id, key or DEFAULT_ARTIFACT)
    return read_architecture(artifact), operations_of(artifact), row


def operations_of(artifact: Mapping[str, Any]) -> str:
    """Return the operations that an artifact of a search goes with; DEFAULT_OPERATIONS where it says none."""
    return str(declared(artifact).get("operations", DEFAULT_OPERATIONS))


def _artifact(row: TrialRow | None, trial_id: str, key: str) -> dict:
    found = {} if row is None else {name: value for name, value in row.artifacts.items() if name.startswith("genotype")}
    if not found:
        raise LedgerError(f"trial {trial_id} has found no genotype")
    if key not in found:
        raise unknown_name(f"genotype of trial {trial_id}:", key, found)
    return found[key]
