"""What two records of the same trials differ in: the digits of their rows, the files beside them, their tables."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from orchestrator.ledger import Ledger
from trainables.errors import DamagedFile
from trainables.trial import TrialRow, canonical_json

COMPARED = ("trial_id", "spec", "config", "state", "metrics", "artifacts", "error", "parents")
"""Of a row, what is identical whatever happened to its trial; its files besides."""


def difference(row: TrialRow, reference: TrialRow) -> str:
    """Return in which fields a row is not its reference, in words; empty when it is."""
    fields = [name for name in COMPARED if not _same(getattr(row, name), getattr(reference, name))]
    digests = [{name: told["sha256"] for name, told in each.files.items()} for each in (row, reference)]
    return ", ".join([*fields, *(["files"] if digests[0] != digests[1] else [])])


def _same(value: object, other: object) -> bool:
    """Compare to the last digit; also values of which JSON makes lists out of tuples."""
    if hasattr(value, "to_json"):
        return value == other
    return canonical_json(value) == canonical_json(other)


@dataclass(kw_only=True)
class Witness:
    """Sees rows come, and remembers each as it was first seen."""

    ledger: Ledger
    seen: dict[str, TrialRow] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)

    def look(self, trial_ids: Iterable[str]) -> None:
        """Read the rows of trials that had none."""
        for trial_id in trial_ids:
            if trial_id not in self.seen and (row := self._read(trial_id)) is not None:
                self.seen[trial_id] = row

    def replaced(self) -> list[str]:
        """Return the trials whose row is another than was first seen: it was recorded twice."""
        return [trial_id for trial_id, row in self.seen.items() if self._read(trial_id) not in (None, row)]

    def gone(self) -> list[str]:
        """Return the trials whose row was there once."""
        return [trial_id for trial_id in self.seen if self._read(trial_id) is None]

    def _read(self, trial_id: str) -> TrialRow | None:
        try:
            return self.ledger.folder(trial_id).read_row()
        except DamagedFile as error:
            self.damaged[trial_id] = str(error)
            return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What became of the rows, compared with those of a run in which nothing went wrong."""

    rows: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    different: Mapping[str, str]
    """Trial -> what of its row differs."""
    tables_identical: bool

    @property
    def holds(self) -> bool:
        return not (self.lost or self.twice or self.different) and self.tables_identical


def prove(
    witness: Witness, reference: Mapping[str, TrialRow], tables: Callable[[Mapping[str, TrialRow]], str]
) -> Proof:
    """Compare all that a witness's ledger holds now with the reference.

    Args:
        tables: makes the experiment's tables of rows. What they show of time and of machines is the reference's.
    """
    witness.look(reference)
    lost = sorted({*witness.gone(), *(reference.keys() - witness.seen.keys())})
    rows = Ledger(witness.ledger.storage).rows(reference)
    different = dict(witness.damaged)
    for trial_id, row in rows.items():
        if found := difference(row, reference[trial_id]) or witness.ledger.folder(trial_id).damage(row):
            different[trial_id] = found
    timeless = {
        trial_id: replace(row, timing=reference[trial_id].timing, provenance=reference[trial_id].provenance)
        for trial_id, row in rows.items()
    }
    return Proof(
        rows=len(rows),
        lost=tuple(lost),
        twice=tuple(sorted(witness.replaced())),
        different=different,
        tables_identical=tables(timeless) == tables(reference),
    )
