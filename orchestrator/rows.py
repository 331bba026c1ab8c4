"""The rows of a storage: read one by one, or many at once from the index; each that is done is kept in mind.

`row.json` is the only truth; see `index` for what is taken from elsewhere, and when.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from orchestrator.errors import LedgerError, one_line
from orchestrator.index.index import Index
from trainables.data.catalog import cache_root
from trainables.errors import DamagedFile
from trainables.record.beats import BeatWatcher
from trainables.record.listing import Listed, ListedOnDemand
from trainables.record.storage import Storage, open_storage
from trainables.record.trial_folder import TRIALS, TrialFolder
from trainables.trial import TrialRow

if TYPE_CHECKING:
    from pandas import DataFrame

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
_ID = re.compile("[0-9a-f]{12}")
ASKED_BY = ("experiment", "stage", "label")
"""What is remembered of who asked for a trial."""
COLUMNS = ("trial_id", *ASKED_BY, "trainable", "version", "seed", "state", "error")
FEW = 20
"""Up to so many trials are looked at one by one: there may be thousands of others in the same storage."""
MANY = 500
"""Up to so many rows on a disk are read one by one sooner than the library is loaded that reads the index."""
TRIALS_A_PAGE = 100
"""Of so many an answer of an object store tells all files: of a thousand, ten each."""
FEW_PAGES = 10
"""In so many every file is looked at, also where the index would do with less."""
PROVENANCE = ("provenance.commit", "provenance.hardware", "provenance.gpus", "provenance.versions")
"""Columns that every frame of rows has, also one of no rows."""


class Rows:
    """Reads rows. `say` hears a sentence, once, for everything that was not as it should be."""

    def __init__(self, storage: Storage, say: Callable[[str], None] = lambda sentence: None) -> None:
        self.storage = storage
        self._say = say
        self._said: set[str] = set()
        self._watcher = BeatWatcher()
        self._done: dict[str, TrialRow] = {}
        self._index = Index(self._mention)

    @property
    def many(self) -> int:
        """More rows than this are worth an index."""
        return FEW if self.storage.remote else MANY

    def folder(self, trial_id: str, seen: Storage | None = None) -> TrialFolder:
        return TrialFolder(seen or self.storage, trial_id, self._watcher)

    def must_exist(self) -> None:
        """Raises: LedgerError where there is no such storage: a table of nothing would look like one of no results."""
        if not self.storage.exists(""):
            raise LedgerError(f"there is no storage {self.storage.uri}: nothing has been run there yet")

    def row(self, trial_id: str, seen: Storage | None = None) -> TrialRow | None:
        """Return a trial's row; a damaged one counts as none, and is said. A done row is read once and kept in mind.

        `seen` is the storage as it was listed before, where it was.
        """
        if trial_id in self._done:
            return self._done[trial_id]
        try:
            row = self.folder(trial_id, seen).read_row()
        except DamagedFile as error:
            self._mention(f"trial {trial_id}: row.json is not trusted: {error}; the trial runs again")
            return None
        if row is not None and row.state == "done":
            self._done[trial_id] = row
        return row

    def forget(self, trial_ids: Iterable[str]) -> None:
        """Read these rows anew the next time they are asked for."""
        for trial_id in trial_ids:
            self._done.pop(trial_id, None)

    def rows(self, trial_ids: Iterable[str] | None = None) -> dict[str, TrialRow]:
        """Return every row of these trials that can be trusted; of all in the storage by default."""
        ids = self.ids() if trial_ids is None else dict.fromkeys(trial_ids)
        seen = self.storage if trial_ids is not None and len(ids) <= FEW else self._look(ids)
        return {row.trial_id: row for row in self._each(lambda each: self.row(each, seen), ids) if row is not None}

    def indexed(self, trial_ids: Iterable[str]) -> dict[str, TrialRow]:
        """Return the rows of these trials that are in mind or in the index; no other one is read, nor looked for."""
        ids = dict.fromkeys(trial_ids)
        if self.storage.remote:
            self._take_indexed(ids, lambda: self._of_thousands(ids, set()))
        else:
            self._look(ids)
        return {trial_id: self._done[trial_id] for trial_id in ids if trial_id in self._done}

    def ids(self, prefix: str = "") -> list[str]:
        """Return the ids of the trials in the storage that begin so, sorted."""
        return [name for name in self.storage.names(TRIALS) if name.startswith(prefix) and _ID.fullmatch(name)]

    def find(self, prefix: str) -> str:
        """Return the id of the one trial that begins so. Raises: LedgerError."""
        ids = self.ids(prefix)
        if len(ids) == 1:
            return ids[0]
        what = f"{len(ids)} trials begin with" if ids else "there is no trial"
        raise LedgerError(f"{what} {prefix!r} in {self.storage.uri}")

    def index(self, trial_ids: Iterable[str], least: int = 1) -> int:
        """Add the done rows of these trials to the index, if it lacks so many; return how many were added.

        A storage that does not answer is not waited for. Raises: OSError, StorageError.
        """
        lacking = [trial_id for trial_id in trial_ids if trial_id not in self._index.given]
        if len(lacking) < least:
            return 0
        storage = self.storage.within(0)
        return self._index.add(lacking, self._listed(storage, TRIALS) if storage.remote else storage)

    def _look(self, trial_ids: Iterable[str]) -> Storage:
        """Take what the index has of many trials, and return the storage as one look shows it, for the others."""
        wanted = [trial_id for trial_id in trial_ids if trial_id not in self._done]
        if not self.storage.remote:
            self._take_indexed(wanted, lambda: self._index.rows(wanted, self.storage))
            return self.storage
        if not wanted:
            return self.storage
        there = set[str]()
        self._take_indexed(wanted, lambda: self._of_thousands(wanted, there))
        most = len(there) // TRIALS_A_PAGE
        if sum(trial_id in there and trial_id not in self._done for trial_id in wanted) < most:
            return ListedOnDemand(self.storage, TRIALS, there, most, self._kept())
        seen = self._listed(self.storage, TRIALS)
        self._take_indexed(wanted, lambda: self._index.rows(wanted, seen))
        return seen

    def _of_thousands(self, wanted: Collection[str], there: set[str]) -> Mapping[str, TrialRow]:
        """Return what the index has of these trials, if there are thousands, and note which trials are `there`."""
        if not self.storage.exclusive or not self._index.names(self.storage):
            return {}
        names = self.ids()
        if len(names) <= FEW_PAGES * TRIALS_A_PAGE:
            return {}
        there.update(names)
        return self._index.rows_not_withdrawn(wanted, self.storage, there)

    def _take_indexed(self, wanted: Collection[str], rows: Callable[[], Mapping[str, TrialRow]]) -> None:
        """Take rows from the index, if those wanted are not few; it is no matter if none are to be had."""
        if len(wanted) > self.many:
            try:
                self._done |= rows()
            except OSError as error:
                self._mention(f"the index is not used: {one_line(error)}")

    def _seen(self, trial_id: str) -> Storage:
        """Return the storage as one look shows it of a trial: an object store is asked once, not for each file."""
        if not self.storage.remote or trial_id in self._done:
            return self.storage
        return self._listed(self.storage, f"{TRIALS}/{trial_id}")

    def _listed(self, storage: Storage, folder: str) -> Storage:
        return Listed(storage, folder, self._kept())

    def _kept(self) -> Storage:
        """Return where this machine keeps what is in rows and claims, so that each is fetched once."""
        return open_storage(cache_root() / "rows").within(0)

    def _each(self, ask: Callable[[Asked], Answer], items: Iterable[Asked]) -> list[Answer]:
        """Return the answer for each item; those of an object store come many at a time."""
        if not self.storage.remote:
            return [ask(item) for item in items]
        with ThreadPoolExecutor(16) as pool:
            return list(pool.map(ask, items))

    def _mention(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


def load_rows(storage: str | Storage) -> "DataFrame":
    """Return every trustworthy row under a storage URI, one line per trial.

    Columns: `trial_id`, `experiment`, `stage`, `label` (of the run that made it; None in rows that do not say),
    `trainable`, `version`, `seed`, `state`, `error`, then `config.<field>`, each metric by its name (as
    `metric.<name>` where that is another column's), each timing as `timing.<name>`, `provenance.commit`,
    `provenance.hardware`, `provenance.gpus` (the shares it held), `provenance.versions` and `parents` (ids). Nested
    values stay Python objects. Without a row there are the columns that all rows have.

    Raises: LedgerError where there is no such storage.
    """
    from pandas import DataFrame  # takes longer to load than a plan to make

    record = Rows(open_storage(storage) if isinstance(storage, str) else storage)
    record.must_exist()
    rows = [flat(row) for row in record.rows().values()]
    return DataFrame(rows, columns=None if rows else [*COLUMNS, *PROVENANCE, "parents"])


def whose(row: TrialRow) -> Mapping[str, str]:
    """Return who asked for a row: `experiment`, `stage` and `label`; nothing where it does not say."""
    return asked_by if isinstance(asked_by := row.provenance.get("asked_by"), Mapping) else {}


def flat(row: TrialRow) -> dict[str, object]:
    """Return one line of `load_rows`: its columns by name."""
    return {
        "trial_id": row.trial_id,
        **{name: whose(row).get(name) for name in ASKED_BY},
        "trainable": row.spec.trainable,
        "version": row.spec.version,
        "seed": row.spec.seed,
        "state": row.state,
        "error": row.error,
        **{f"config.{name}": value for name, value in row.config.items()},
        **{f"metric.{name}" if name in (*COLUMNS, "parents") else name: value for name, value in row.metrics.items()},
        **{f"timing.{name}": value for name, value in row.timing.items()},
        **{name: row.provenance.get(name.partition(".")[2]) for name in PROVENANCE},
        "parents": list(row.spec.parents),
    }
