"""Find a genotype by whatever a person calls it: a published name, a file, or the trial that found it."""

from pathlib import Path

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from trainables.architecture.genotype import Genotype, read_genotype
from trainables.errors import UnknownName
from trainables.storage import open_storage

DEFAULT_OPERATIONS = "ssc"


def find_genotype(what: str, storage: str) -> tuple[Genotype, str]:
    """Return a genotype and the operations it goes with. Raises: UnknownName, InvalidGenotype, LedgerError."""
    try:
        return read_genotype(what, base=Path.cwd()), DEFAULT_OPERATIONS
    except UnknownName:
        ledger = Ledger(open_storage(storage))
        if not any(name.startswith(what) for name in ledger.storage.names("trials")):
            raise
    trial_id = ledger.find(what)
    row = ledger.row(trial_id)
    if row is None or "genotype" not in row.artifacts:
        raise LedgerError(f"trial {trial_id} has found no genotype")
    artifact = row.artifacts["genotype"]
    return Genotype.from_json(artifact), str(artifact.get("operations", DEFAULT_OPERATIONS))
