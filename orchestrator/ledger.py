"""What has happened so far: rows, claims and checkpoints under a storage, read as states of trials.

The files are the only truth. `done` and `failed` are rows; `running`, `resumable`, `new` and `blocked` are derived.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from orchestrator.errors import LedgerError, one_line
from orchestrator.index.index import Index
from orchestrator.work import Work, work_of
from trainables.data.catalog import cache_root
from trainables.errors import DamagedFile
from trainables.record.beats import Beat, BeatWatcher, read_beats
from trainables.record.listing import Listed
from trainables.record.storage import Storage, open_storage
from trainables.record.trial_folder import ROW, TRIALS, TrialFolder
from trainables.trial import Digests, TrialRow, TrialSpec

if TYPE_CHECKING:
    from pandas import DataFrame

State = Literal["done", "running", "resumable", "new", "failed", "blocked"]
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
PROVENANCE = ("provenance.commit", "provenance.hardware", "provenance.gpus", "provenance.versions")
"""Columns that every frame of rows has, also one of no rows."""
STATES: tuple[State, ...] = ("done", "running", "resumable", "new", "failed", "blocked")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialState:
    """Where a trial stands, and why, in words."""

    state: State
    reason: str
    row: TrialRow | None = None
    epoch: int = 0
    """Whole epochs that a resumable or running trial has behind it."""
    work: Work | None = None
    """Of a running trial."""

    @property
    def recurs(self) -> bool:
        """Whether it failed, and would again in the same way: its loss is not a number, say."""
        return self.row is not None and self.row.provenance.get("recurs") is True


class Ledger:
    """Reads and mends the record of many trials. `say` hears a sentence for everything that was not as it should be."""

    def __init__(self, storage: Storage, say: Callable[[str], None] = lambda sentence: None) -> None:
        self.storage = storage
        self._say = say
        self._said: set[str] = set()
        self._watcher = BeatWatcher()
        self._done: dict[str, TrialRow] = {}
        self._digests = Digests()
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

    def state(self, spec: TrialSpec) -> TrialState:
        """Return where one trial stands by itself, whatever its ancestors do."""
        return self._state(spec, self._seen(f"{TRIALS}/{spec.trial_id}", [spec.trial_id]))

    def _state(self, spec: TrialSpec, seen: Storage) -> TrialState:
        trial_id = spec.trial_id
        row = self.row(trial_id, seen)
        if row is not None and row.state == "failed":
            return TrialState(state="failed", reason=row.error or "failed", row=row)
        if row is not None:
            stale = self._stale_parent(row, seen)
            if stale:
                return TrialState(state="failed", reason=stale, row=row)
            return TrialState(state="done", reason="its row is in the storage", row=row)
        folder = self.folder(trial_id, seen)
        claim = folder.claims.live()
        for problem in folder.claims.problems:
            self._mention(f"trial {trial_id}: {problem}")
        positions = folder.checkpoints(spec).positions()
        epoch, step = positions[-1] if positions else (0, 0)
        after = f"epoch {epoch}" + (f", step {step}" if step else "")
        if claim is not None:
            where = f", after {after}" if positions else ""
            work = work_of(trial_id, claim, self._watcher, folder)
            reason = work.words(where) + _failures(folder)
            return TrialState(state="running", reason=reason, epoch=epoch, work=work)
        if positions:
            reason = f"interrupted after {after}" + _failures(folder)
            return TrialState(state="resumable", reason=reason, epoch=epoch)
        if folder.claims.numbers():
            return TrialState(state="new", reason="never finished an epoch" + _failures(folder))
        return TrialState(state="new", reason="never started" + self._before(spec, seen))

    def states(self, specs: Iterable[TrialSpec]) -> dict[str, TrialState]:
        """Return the states of all trials of a plan, ancestors' failures included: parents must come first."""
        unique = {spec.trial_id: spec for spec in specs}
        with self._watcher.look():
            seen = None if len(unique) <= FEW else self._seen(TRIALS, unique)
            if seen is not None:
                self._take_indexed(unique, seen)
            look = self.state if seen is None else lambda spec: self._state(spec, seen)
            states = dict(zip(unique, self._each(look, unique.values()), strict=True))
        for trial_id, spec in unique.items():
            if states[trial_id].row is not None:
                continue
            for parent in spec.parents:
                if parent in states and states[parent].state in ("failed", "blocked"):
                    reason = f"needs trial {parent}, which {_has(states[parent].state)}"
                    states[trial_id] = TrialState(state="blocked", reason=reason)
                    break
        return states

    def rows(self, trial_ids: Iterable[str] | None = None) -> dict[str, TrialRow]:
        """Return every row of these trials that can be trusted; of all in the storage by default."""
        ids = self.ids() if trial_ids is None else dict.fromkeys(trial_ids)
        seen = self.storage if trial_ids is not None and len(ids) <= FEW else self._seen(TRIALS, ids)
        self._take_indexed(ids, seen)
        return {row.trial_id: row for row in self._each(lambda each: self.row(each, seen), ids) if row is not None}

    def ids(self, prefix: str = "") -> list[str]:
        """Return the ids of the trials in the storage that begin so, sorted."""
        return [name for name in self.storage.names(TRIALS) if name.startswith(prefix) and _ID.fullmatch(name)]

    def spec(self, trial_id: str) -> TrialSpec:
        """Return the spec that a trial's folder holds. Raises: LedgerError."""
        row = self.row(trial_id)
        if row is not None:
            return row.spec
        if (spec := self.folder(trial_id).read_spec()) is not None:
            return spec
        raise LedgerError(f"there is no trial {trial_id!r} in {self.storage.uri}")

    def asked_by(self, trial_id: str) -> Mapping[str, str]:
        """Return whose trial it is: `experiment`, `stage` and `label` that ran it; nothing where nobody wrote that."""
        row = self.row(trial_id)
        return self.folder(trial_id).read_asked_by() if row is None else _asked_by(row)

    def find(self, prefix: str) -> str:
        """Return the id of the one trial that begins so. Raises: LedgerError."""
        ids = self.ids(prefix)
        if len(ids) == 1:
            return ids[0]
        what = f"{len(ids)} trials begin with" if ids else "there is no trial"
        raise LedgerError(f"{what} {prefix!r} in {self.storage.uri}")

    def retry(self, trial_id: str) -> str:
        """Set the row of a failed trial aside, so that the next run takes it up; return the name it is kept under.

        Its checkpoints stay: a trial that died goes on where it was, and checkpoints made from another parent's result
        are passed over. So is the row of a trial that is done but whose files are missing or damaged, which is said.
        Raises: LedgerError.
        """
        row = self.row(trial_id)
        if row is None:
            raise LedgerError(f"trial {trial_id} has no row: nothing failed there")
        if self.state(row.spec).state != "failed":
            if not (damage := self.folder(trial_id).damage(row)):
                raise LedgerError(f"trial {trial_id} is done; a finished trial is never run again")
            self._mention(f"trial {trial_id} is done, but {damage}; it is computed anew")
            return self._set_aside(trial_id, "damaged")
        return self._set_aside(trial_id, "failed" if row.state == "failed" else "stale")

    def drivers(self) -> dict[str, Beat]:
        """Return what drivers tell that may be at work, by their tokens."""
        return read_beats(self.storage)

    def silent_seconds(self, driver: str) -> float:
        """Return for how long a driver's beat has not moved, as far as this ledger saw."""
        return self._watcher.silent_seconds(self.storage, driver)

    def stale_claim(self, trial_id: str) -> int | None:
        """Return the number of a trial's last claim when it holds no more; None when it holds, or there is none."""
        claims = self.folder(trial_id, self._seen(f"{TRIALS}/{trial_id}", [trial_id])).claims
        numbers = claims.numbers()
        return numbers[-1] if numbers and claims.live() is None else None

    def seconds_worked(self, spec: TrialSpec) -> float:
        """Return the work behind a trial's newest checkpoint; 0 where there is none to be read."""
        try:
            return self.folder(spec.trial_id).checkpoints(spec).seconds_worked()
        except OSError:
            return 0.0

    def index(self, trial_ids: Iterable[str], least: int = 1) -> int:
        """Add the done rows of these trials to the index, if it lacks so many; return how many were added.

        A storage that does not answer is not waited for. Raises: OSError, StorageError.
        """
        lacking = [trial_id for trial_id in trial_ids if trial_id not in self._index.given]
        if len(lacking) < least:
            return 0
        storage = self.storage.within(0)
        return self._index.add(lacking, self._listed(storage, TRIALS) if storage.remote else storage)

    def _take_indexed(self, trial_ids: Iterable[str], seen: Storage) -> None:
        """Take the rows from the index that are to be had there, if they are not few; it is no matter if none are."""
        wanted = [trial_id for trial_id in trial_ids if trial_id not in self._done]
        if len(wanted) > self.many:
            try:
                self._done |= self._index.rows(wanted, seen)
            except OSError as error:
                self._mention(f"the index is not used: {one_line(error)}")

    def _seen(self, folder: str, trial_ids: Iterable[str]) -> Storage:
        """Return the storage as one look shows it: an object store is asked once, instead of for each file.

        What is in its rows and claims this machine keeps, so that each is fetched once. It is asked for `trial_ids`.
        """
        if not self.storage.remote or all(trial_id in self._done for trial_id in trial_ids):
            return self.storage
        return self._listed(self.storage, folder)

    def _listed(self, storage: Storage, folder: str) -> Storage:
        return Listed(storage, folder, kept=open_storage(cache_root() / "rows").within(0))

    def _set_aside(self, trial_id: str, why: str) -> str:
        self._done.pop(trial_id, None)
        return self.folder(trial_id).set_aside(ROW, why)

    def _before(self, spec: TrialSpec, seen: Storage) -> str:
        """Return which trial of an earlier version there is in a new one's place, to follow what else is said of it.

        Only of trials without parents: with those, the parents' own reason says it.
        """
        for version in () if spec.parents else range(spec.version - 1, 0, -1):
            trial_id = replace(spec, version=version).trial_id
            if self.folder(trial_id, seen).exists():
                here = f"{trial_id} is the same of version {version}, whose results differ"
                return f"; {here} (sharptune table --trial-version {version})"
        return ""

    def _stale_parent(self, row: TrialRow, seen: Storage) -> str:
        """Return a sentence when a row was made from something its parent's row no longer says."""
        for parent_id in row.parents:
            parent = self.row(parent_id, seen)  # one that is not done will be run again and then found equal, or not
            if parent is not None and parent.state == "done" and (stale := row.contradiction(parent, self._digests)):
                return stale
        return ""

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


def _failures(folder: TrialFolder) -> str:
    """Return why a trial failed before it was let run again, to follow what else is said of it."""
    failures = folder.read_failures()
    if not failures:
        return ""
    times = "it failed before" if len(failures) == 1 else f"it failed {len(failures)} times before, the last time"
    return f"; {times}: {failures[-1].error or 'failed'}"


def _has(state: State) -> str:
    return "failed" if state == "failed" else "is blocked"


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

    ledger = Ledger(open_storage(storage) if isinstance(storage, str) else storage)
    ledger.must_exist()
    rows = [flat(row) for row in ledger.rows().values()]
    return DataFrame(rows, columns=None if rows else [*COLUMNS, *PROVENANCE, "parents"])


def _asked_by(row: TrialRow) -> Mapping[str, str]:
    return asked_by if isinstance(asked_by := row.provenance.get("asked_by"), Mapping) else {}


def flat(row: TrialRow) -> dict[str, object]:
    """Return one line of `load_rows`: its columns by name."""
    return {
        "trial_id": row.trial_id,
        **{name: _asked_by(row).get(name) for name in ASKED_BY},
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
