"""Every row of the index, held against the `row.json` that it is a copy of."""

from dataclasses import dataclass, field

from orchestrator.index.index import INDEX, Index
from orchestrator.index.segment import same
from orchestrator.index.standing import entry_of, row_path
from trainables.errors import DamagedFile
from trainables.record.storage import Storage
from trainables.record.trial_folder import unseal
from trainables.trial import JSON


@dataclass(kw_only=True, slots=True)
class Checked:
    """What was found in the index."""

    segments: int = 0
    """Those that can be read, and say of no row what is not so."""
    rows: int = 0
    old: int = 0
    """Rows of files that are no more, or others now: nobody takes them from the index."""
    wrong: list[tuple[str, str]] = field(default_factory=list)
    """The segments that are not as they should be, and what is wrong with each."""

    def to_json(self) -> dict[str, JSON]:
        wrong = [{"file": file, "what": what} for file, what in self.wrong]
        return {"segments": self.segments, "rows": self.rows, "old": self.old, "wrong": wrong}


def check_index(storage: Storage) -> Checked:
    """Read all segments, and every row.json that they have a copy of. Raises: OSError, StorageError."""
    found = Checked()
    index = Index(lambda sentence: found.wrong.append((f"{INDEX}/", sentence)))
    for name in index.names(storage):
        try:
            rows, old = _check(index, storage, name)
        except FileNotFoundError:  # it became part of a larger one
            continue
        except DamagedFile as error:
            found.wrong.append((f"{INDEX}/{name}", str(error)))
            continue
        found.segments, found.rows, found.old = found.segments + 1, found.rows + rows, found.old + old
    return found


def _check(index: Index, storage: Storage, name: str) -> tuple[int, int]:
    """Return how many rows a segment has, and how many of them are old. Raises: DamagedFile, FileNotFoundError."""
    rows = old = 0
    for indexed in index.read(storage, name, lambda trial_id, entry: True):
        row = indexed.unpacked()
        rows += 1
        if not same(indexed.entry, entry_of(storage, indexed.trial_id)):
            old += 1
        elif unseal(storage.read(row_path(indexed.trial_id)), indexed.trial_id) != row:
            raise DamagedFile(f"its row of trial {indexed.trial_id} is not that of the trial")
    return rows, old
