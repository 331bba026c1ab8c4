"""Every row and every file of a record, held against its digests. Reads everything and changes nothing."""

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field

from orchestrator.errors import one_line
from orchestrator.index.check import check_index
from orchestrator.ledger import Ledger
from orchestrator.upkeep.left_out import left_out_of
from trainables.errors import DamagedFile
from trainables.record.checkpoints import decode, position
from trainables.record.claims import Claim
from trainables.record.entry import Marker
from trainables.record.storage import Storage
from trainables.record.trial_folder import ROW, SPEC, TrialFolder, marker_of, unseal
from trainables.trial import JSON, Digests, TrialRow, TrialSpec

FILE_SECONDS = 10.0
"""For how long a file is waited for that cannot be read."""
CANNOT_READ = "look after the disk, or the permission; then verify again"
RUN_AGAIN = "run its experiment again: the trial is computed anew, and this row kept under another name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wrong:
    """One thing that is not as it should be."""

    trial: str
    file: str
    """Its path in the trial's folder."""
    what: str
    means: str
    do: str


@dataclass(kw_only=True, slots=True)
class Report:
    """What was checked, and what is wrong."""

    trials: int = 0
    rows: int = 0
    files: int = 0
    checkpoints: int = 0
    claims: int = 0
    segments: int = 0
    """Of the index."""
    bytes: int = 0
    left_out: int = 0
    """Files that a bundle left out: not here, and not missing."""
    wrong: list[Wrong] = field(default_factory=list)

    def to_json(self) -> dict[str, JSON]:
        names = ("trials", "rows", "files", "checkpoints", "claims", "segments", "bytes")
        checked = {name: getattr(self, name) for name in names}
        return {"checked": checked, "left_out": self.left_out, "wrong": [asdict(wrong) for wrong in self.wrong]}


def verify(ledger: Ledger, trial_ids: Iterable[str], progress: Callable[[int], object]) -> Report:
    """Check all that the folders of these trials hold; `progress` hears of each trial, as 1.

    A file that cannot be read is wrong; a folder that cannot be listed is the storage's trouble. Raises: StorageError.
    """
    storage = ledger.storage.within(FILE_SECONDS)
    report = Report()
    rows: dict[str, TrialRow] = {}
    for trial_id in trial_ids:
        check = _Check(TrialFolder(storage, trial_id), report)
        row = check.everything()
        report.trials += 1
        if row is not None:
            rows[trial_id] = row
        progress(1)
    digests = Digests()
    for row in rows.values():
        if row.state == "done":
            _check_parents(row, rows, ledger, report, digests)
            _check_twin(row, rows, ledger, report)
    _check_index(storage, report)
    return report


@dataclass(slots=True)
class _Check:
    """The check of one trial."""

    folder: TrialFolder
    report: Report

    def everything(self) -> TrialRow | None:
        """Check all files of the trial; return its row, if that can be trusted."""
        names = self.folder.storage.names(self.folder.path)
        row = self._row(ROW, "the trial counts as not run, and no table has it", RUN_AGAIN) if ROW in names else None
        if row is not None:
            for name in row.files:
                self._beside(row, name)
        if ROW in names:
            self._markers(row, names)
        if SPEC in names:
            self._spec(finished=row is not None)
        for name in names:
            if name.startswith((f"{ROW}.failed-", f"{ROW}.stale-")):
                self._row(name, "what was found before it ran again cannot be read", self._delete(name))
        done = row is not None and row.state == "done"
        self._inner("claims", lambda name: name.endswith(".json"), self._claim)
        self._inner("checkpoints", lambda name: position(name) is not None, lambda n: self._checkpoint(n, done=done))
        return row

    def _row(self, name: str, means: str, do: str) -> TrialRow | None:
        try:
            if (content := self._read(name)) is None:
                return None
            self.report.rows += 1
            return unseal(content, self.folder.trial_id)
        except DamagedFile as error:
            self._wrong(name, str(error), means, do)
        return None

    def _beside(self, row: TrialRow, name: str) -> None:
        path = str(row.files[name].get("path", name))
        try:
            self.report.bytes += len(self.folder.read_file(row, name))
            self.report.files += 1
            return
        except FileNotFoundError:
            if name in left_out_of(self.folder):
                self.report.left_out += 1
                return
            what = "it is missing"
        except DamagedFile:
            what = "it is not the file its row was written with"
        except OSError as error:
            what = f"it cannot be read: {one_line(error)}"
        means = "the row's numbers stand, but what is made of this file does not"
        self._wrong(path, what, means, f"sharptune retry {row.trial_id}, and run: it is computed anew")

    def _markers(self, row: TrialRow | None, names: Iterable[str]) -> None:
        """Hold what the name of a file says of the row that is here against it; those of other rows say nothing."""
        for marker in filter(None, map(Marker.named, names)):
            with contextlib.suppress(FileNotFoundError):
                entry = self.folder.storage.entry(f"{self.folder.path}/{ROW}")
                right = None if row is None else marker_of(row, entry.version, marker.origins)
                if marker.is_of(entry) and marker != right:
                    means = "states of many trials go by it; no number does"
                    self._wrong(
                        marker.name, "the row does not say what its name says", means, self._delete(marker.name)
                    )

    def _spec(self, *, finished: bool) -> None:
        content = self._read(SPEC)
        if content is None or self.folder.read_spec() is not None:
            return
        try:
            what = f"it is that of trial {TrialSpec.from_json(json.loads(content)).trial_id}"
        except (ValueError, KeyError, TypeError, RecursionError):
            what = "it is cut short or garbled"
        means = "the row says the same" if finished else "status without an EXPERIMENT does not show the trial"
        self._wrong(SPEC, what, means, self._delete(SPEC) + ("" if finished else "; run writes it anew"))

    def _inner(self, folder: str, wanted: Callable[[str], bool], check: Callable[[str], None]) -> None:
        for name in self.folder.storage.names(f"{self.folder.path}/{folder}"):
            if wanted(name):
                check(f"{folder}/{name}")

    def _claim(self, name: str) -> None:
        if (content := self._read(name)) is None:
            return
        self.report.claims += 1
        try:
            claim = Claim.from_json(content)
            if f"claims/{claim.number:04d}.json" == name:
                return
            what = f"it is that of attempt {claim.number}"
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            what = "it is cut short or garbled"
        means = "who worked on the trial then cannot be told; the next attempt takes over"
        self._wrong(name, what, means, self._delete(name))

    def _checkpoint(self, name: str, *, done: bool) -> None:
        if (content := self._read(name)) is None:
            return
        self.report.checkpoints += 1
        try:
            found = decode(content)
            if found.spec.trial_id != self.folder.trial_id:
                raise DamagedFile(f"it belongs to trial {found.spec.trial_id}")
            if (found.epoch, found.step) != position(name.rpartition("/")[2]):
                raise DamagedFile(f"it was made after epoch {found.epoch}, step {found.step}")
        except (DamagedFile, KeyError, TypeError) as error:
            means = "the trial is done and needs it no more" if done else "run passes it over and goes on from another"
            self._wrong(name, one_line(error), means, "sharptune prune" if done else self._delete(name))

    def _read(self, name: str) -> bytes | None:
        """Return a file, and count it; None for one that is gone by now, or cannot be read, which is noted."""
        try:
            content = self.folder.storage.read(f"{self.folder.path}/{name}")
        except FileNotFoundError:
            return None
        except (DamagedFile, OSError) as error:
            self._wrong(name, f"it cannot be read: {one_line(error)}", "nobody can say what it holds", CANNOT_READ)
            return None
        self.report.bytes += len(content)
        return content

    def _delete(self, name: str) -> str:
        return f"delete {_place(self.folder.storage, self.folder.path, name)}"

    def _wrong(self, file: str, what: str, means: str, do: str) -> None:
        self.report.wrong.append(Wrong(trial=self.folder.trial_id, file=file, what=what, means=means, do=do))


def _place(storage: Storage, *parts: str) -> str:
    uri, mark, query = storage.uri.partition("?")
    return "/".join((uri.rstrip("/"), *parts)) + mark + query


def _check_index(storage: Storage, report: Report) -> None:
    """Hold the rows in the index against their `row.json`: all of them, whichever trials are asked for."""
    found = check_index(storage)
    report.segments += found.segments
    for file, what in found.wrong:
        folder, _, name = file.partition("/")
        do = f"delete {_place(storage, file)}; run, or sharptune index, writes it anew"
        means = "it is a copy, and no row is lost: they are read one by one"
        report.wrong.append(Wrong(trial=folder, file=name, what=what, means=means, do=do))


def _check_parents(
    row: TrialRow, rows: Mapping[str, TrialRow], ledger: Ledger, report: Report, digests: Digests
) -> None:
    """Hold what a row says that it took from its parents against their rows."""
    damaged = {wrong.trial for wrong in report.wrong if wrong.file == ROW}
    for parent_id in row.parents:
        parent = rows.get(parent_id) or ledger.row(parent_id)
        if parent is None or parent.state != "done":
            if parent_id in damaged:
                continue
            what = f"its parent {parent_id} has no row here that says done"
            means = "what it took from there cannot be checked; tables mark it"
            do = f"run its experiment again: {parent_id} is computed anew, and the two are compared"
        elif what := row.contradiction(parent, digests):
            means, do = "no table has it", f"sharptune retry {row.trial_id}, and run: it is computed anew"
        else:
            continue
        report.wrong.append(Wrong(trial=row.trial_id, file=ROW, what=what, means=means, do=do))


def _check_twin(row: TrialRow, rows: Mapping[str, TrialRow], ledger: Ledger, report: Report) -> None:
    """Hold a row that was taken over against the one it is a copy of; where that is gone, it stands for itself."""
    twin = (rows.get(row.adopted_from) or ledger.row(row.adopted_from)) if row.adopted_from else None
    if twin is None or twin.state != "done" or twin.metrics == row.metrics:
        return
    what = f"it was taken over from {twin.trial_id}, which is alike and has other numbers now"
    means = "of two equal trials one is not what was computed before"
    do = "run both in another storage with --no-adopt, and compare"
    report.wrong.append(Wrong(trial=row.trial_id, file=ROW, what=what, means=means, do=do))
