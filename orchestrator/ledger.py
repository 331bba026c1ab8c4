"""What has happened so far: rows, claims and checkpoints under a storage, read as states of trials.

The files are the only truth. `done` and `failed` are rows; `running`, `resumable`, `new` and `blocked` are derived.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Literal

from orchestrator.errors import LedgerError
from orchestrator.rows import FEW, Rows, whose
from orchestrator.unread_row import MarkedRow
from orchestrator.work import Work, work_of
from trainables.record.beats import Beat, read_beats
from trainables.record.entry import origins_of
from trainables.record.storage import Storage
from trainables.record.trial_folder import ROW, TrialFolder, digest_of
from trainables.trial import Digests, TrialRow, TrialSpec

State = Literal["done", "running", "resumable", "new", "failed", "blocked"]
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
    twin: str = ""
    """The trial that is alike, and whose row it has taken over, or will: as far as `running.alike.named` has looked."""

    @property
    def recurs(self) -> bool:
        """Whether it failed, and would again in the same way: its loss is not a number, say."""
        return self.state == "failed" and self.row is not None and self.row.provenance.get("recurs") is True


class Ledger(Rows):
    """Reads and mends the record of many trials. `say` hears a sentence for everything that was not as it should be."""

    def __init__(self, storage: Storage, say: Callable[[str], None] = lambda sentence: None) -> None:
        super().__init__(storage, say)
        self._digests = Digests()

    def state(self, spec: TrialSpec) -> TrialState:
        """Return where one trial stands by itself, whatever its ancestors do."""
        return self._state(spec, self._seen(spec.trial_id))

    def _state(self, spec: TrialSpec, seen: Storage) -> TrialState:
        trial_id = spec.trial_id
        row = self.row(trial_id, seen)
        if row is not None and row.state == "failed":
            return TrialState(state="failed", reason=row.error or "failed", row=row)
        if row is not None:
            stale = self._stale_parent(row, seen)
            if stale:
                return TrialState(state="failed", reason=stale, row=row)
            return _done(row)
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
        """Return the states of all trials of a plan, ancestors' failures included: parents must come first.

        Where many are done, and none is left to do, rows that the listing of an object store knows to be done are read
        when more of them is asked for.
        """
        unique = {spec.trial_id: spec for spec in specs}
        with self._watcher.look():
            if len(unique) <= FEW:
                states = dict(zip(unique, self._each(self.state, unique.values()), strict=True))
            else:
                states = self._states(unique)
        for trial_id, spec in unique.items():
            if states[trial_id].row is not None:
                continue
            for parent in spec.parents:
                if parent in states and states[parent].state in ("failed", "blocked"):
                    reason = f"needs trial {parent}, which {_has(states[parent].state)}"
                    states[trial_id] = TrialState(state="blocked", reason=reason)
                    break
        return states

    def read(self, states: Mapping[str, TrialState]) -> None:
        """Read the rows that are not read yet, many at a time where each is a request. Raises: LedgerError."""
        unread = [state.row for state in states.values() if isinstance(state.row, MarkedRow)]
        self._each(lambda row: row.metrics, unread)

    def _states(self, specs: Mapping[str, TrialSpec]) -> dict[str, TrialState]:
        """Return the states of many trials by themselves."""
        seen = self._look(specs)
        unknown = [trial_id for trial_id in specs if trial_id not in self._done] if self.storage.remote else []
        found = self._each(lambda trial_id: self.folder(trial_id, seen).marker(), unknown)
        markers = {trial_id: marker for trial_id, marker in zip(unknown, found, strict=True) if marker is not None}
        states: dict[str, TrialState] = {}

        def look(trial_ids: Iterable[str]) -> None:
            some = [specs[trial_id] for trial_id in trial_ids]
            found = self._each(lambda spec: self._state(spec, seen), some)
            states.update(zip((spec.trial_id for spec in some), found, strict=True))

        look(trial_id for trial_id in specs if trial_id not in markers)
        if all(state.row is not None for state in states.values()):  # else one wants to know how the others went
            digest = cache(lambda trial_id: self._digest(trial_id, seen))
            for trial_id, marker in markers.items():
                if marker.origins == origins_of({parent: digest(parent) for parent in specs[trial_id].parents}):
                    row = MarkedRow.of(specs[trial_id], marker.twin, partial(self._whole, trial_id, seen))
                    states[trial_id] = _done(row)
        look(trial_id for trial_id in markers if trial_id not in states)
        return {trial_id: states[trial_id] for trial_id in specs}

    def _digest(self, trial_id: str, seen: Storage) -> str:
        """Return what closes the row of a trial; "" where it is not done."""
        if (marker := self.folder(trial_id, seen).marker()) is not None:
            return marker.digest
        row = self.row(trial_id, seen)
        return digest_of(row) if row is not None and row.state == "done" else ""

    def _whole(self, trial_id: str, seen: Storage) -> TrialRow:
        """Return a done row. Raises: LedgerError where it is no more."""
        row = self.row(trial_id, seen)
        if row is None or row.state != "done":
            raise LedgerError(f"the row of trial {trial_id} changed while it was looked at: ask once more")
        return row

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
        return self.folder(trial_id).read_asked_by() if row is None else whose(row)

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
        claims = self.folder(trial_id, self._seen(trial_id)).claims
        numbers = claims.numbers()
        return numbers[-1] if numbers and claims.live() is None else None

    def seconds_worked(self, spec: TrialSpec) -> float:
        """Return the work behind a trial's newest checkpoint; 0 where there is none to be read."""
        try:
            return self.folder(spec.trial_id).checkpoints(spec).seconds_worked()
        except OSError:
            return 0.0

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


def _failures(folder: TrialFolder) -> str:
    """Return why a trial failed before it was let run again, to follow what else is said of it."""
    failures = folder.read_failures()
    if not failures:
        return ""
    times = "it failed before" if len(failures) == 1 else f"it failed {len(failures)} times before, the last time"
    return f"; {times}: {failures[-1].error or 'failed'}"


def _done(row: TrialRow) -> TrialState:
    return TrialState(state="done", reason="its row is in the storage", row=row)


def _has(state: State) -> str:
    return "failed" if state == "failed" else "is blocked"
