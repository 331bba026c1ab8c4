"""One record taken over into another: whole trials, every byte of them held against its digest on the way.

What a row stands for is written before it, and the row last and by `create`. So whoever is killed meanwhile leaves only
whole trials, and the same command goes on from there.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestrator.ledger import Ledger
from orchestrator.upkeep.family import Family
from orchestrator.upkeep.left_out import LEFT_OUT, left_out_json, left_out_of
from trainables.errors import DamagedFile
from trainables.record.checkpoints import decode, position
from trainables.record.entry import origins_of
from trainables.record.log import LOG
from trainables.record.trial_folder import ROW, SPEC, TrialFolder, digest_of, unseal
from trainables.trial import JSON, TrialRow

Verdict = Literal["taken", "replaced", "completed", "same", "kept", "unfinished", "running", "conflict", "damaged"]
BAD: tuple[Verdict, ...] = ("conflict", "damaged")
"""Those of which a person must hear, and decide."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """What became of one trial.

    `taken`: it is here now. `replaced`: so it is, and the failed or damaged row that was here is set aside.
    `completed`: it was here, and files that it lacked are, too. `same`: it was here. `kept`: what is here counts.
    `unfinished`: it has no row there. `running`: somebody works on it. `conflict`: both are done, and differ; neither
    is touched. `damaged`: what is there cannot be trusted, and is not taken.
    """

    trial: str
    verdict: Verdict
    reason: str = ""


def merge(source: Ledger, target: Ledger, *, checkpoints: bool = False, dry_run: bool = False) -> Iterator[Merged]:
    """Take the trials of one record over into another, parents first; yield what becomes of each.

    Args:
        checkpoints: take also those of trials that are not done, so that they go on here.
        dry_run: write nothing, and say what would be.
    """
    for trial_id in Family(source).parents_first(source.ids()):
        yield _Trial(source.folder(trial_id), target.folder(trial_id), target, checkpoints, dry_run).merge()


@dataclass(slots=True)
class _Trial:
    there: TrialFolder
    here: TrialFolder
    target: Ledger
    checkpoints: bool
    dry_run: bool

    def merge(self) -> Merged:
        try:
            theirs = self.there.read_row()
        except DamagedFile as error:
            return self._ends("damaged", f"row.json: {error}")
        try:
            ours, spoilt = self.here.read_row(), False
        except DamagedFile:
            ours, spoilt = None, True
        try:
            if theirs is None:
                return self._unfinished(ours)
            if ours is not None and (ours.state == "done" or theirs.state == "failed"):
                return self._of_two(theirs, ours)
            return self._take(theirs, ours, spoilt=spoilt)
        except DamagedFile as error:
            return self._ends("damaged", str(error))

    def _of_two(self, theirs: TrialRow, ours: TrialRow) -> Merged:
        """Keep the row that is here, and give it the files that it lacks. Raises: DamagedFile."""
        if theirs.state == "failed":
            return self._ends("same" if ours.state == "failed" else "kept", f"it failed there and is {ours.state} here")
        if what := difference(theirs, ours):
            return self._ends("conflict", f"{what}; neither is replaced")
        lacking = [name for name, told in ours.files.items() if not self._has(name, told)]
        wanted = {name: told for name, told in theirs.files.items() if ours.files.get(name) == told and name in lacking}
        found = self._files(theirs, wanted)
        if found:
            self._write(lambda: self._put(found))
        return self._ends("completed", ", ".join(sorted(found))) if found else self._ends("same")

    def _take(self, theirs: TrialRow, ours: TrialRow | None, *, spoilt: bool) -> Merged:
        """Take a trial over. Raises: DamagedFile."""
        if self.here.claims.live() is not None:
            return self._ends("running", "somebody works on it here")
        for parent_id in theirs.parents:
            parent = self.target.row(parent_id)
            if parent is not None and parent.state == "done" and (stale := theirs.contradiction(parent)):
                return self._ends("conflict", f"{stale} here")
        files = self._files(theirs, theirs.files)
        left_out = set(theirs.files) - {name for name, told in theirs.files.items() if _path(name, told) in files}
        aside = "failed" if ours is not None else "damaged" if spoilt else ""

        def write() -> None:
            self._put(files)
            if left_out:
                self.here.storage.write(f"{self.here.path}/{LEFT_OUT}", left_out_json(left_out))
            self._take_beside(theirs)
            if theirs.state == "failed" and self.checkpoints:
                self._take_checkpoints()
            if aside:
                self.here.set_aside(ROW, aside)
            content = self.there.storage.read(f"{self.there.path}/{ROW}")
            self.here.commit_row(theirs, self._origins(theirs), content=content)

        self._write(write)
        if aside:
            return self._ends("replaced", f"the {aside} row that was here is set aside")
        return self._ends("taken", theirs.state)

    def _origins(self, theirs: TrialRow) -> str:
        """Return `origins_of` the row, as its parents' are here, which do not contradict it; "" where one is not."""
        parents = {parent_id: self.target.row(parent_id) for parent_id in theirs.spec.parents}
        digests = {each: digest_of(row) for each, row in parents.items() if row is not None and row.state == "done"}
        return origins_of(digests) if digests.keys() == parents.keys() else ""

    def _unfinished(self, ours: TrialRow | None) -> Merged:
        """Take the checkpoints over of a trial that has no row there, if they are asked for. Raises: DamagedFile."""
        if self.there.claims.live() is not None:
            return self._ends("running", "somebody works on it there")
        positions = [name for name in self._names("checkpoints") if position(name)]
        if ours is not None:
            return self._ends("kept", f"it is {ours.state} here, and not finished there")
        if not positions or not self.checkpoints:
            return self._ends("unfinished", "--checkpoints takes its checkpoints" if positions else "nothing to take")
        if self.here.claims.live() is not None:
            return self._ends("running", "somebody works on it here")
        self._take_checkpoints()
        self._write(lambda: self._take_beside(None))
        return self._ends("taken", "checkpoints")

    def _files(self, row: TrialRow, wanted: Mapping[str, Mapping[str, JSON]]) -> dict[str, bytes]:
        """Return these files of a row that is there, by their paths, but for those left out. Raises: DamagedFile."""
        left_out = left_out_of(self.there)
        found = {}
        for name, told in wanted.items():
            path = _path(name, told)
            try:
                found[path] = self.there.read_file(row, name)
            except FileNotFoundError as error:
                if name not in left_out:
                    raise DamagedFile(f"its {name} is missing") from error
        return found

    def _has(self, name: str, told: Mapping[str, JSON]) -> bool:
        """Say whether a file is here as the row that is here has it."""
        with contextlib.suppress(FileNotFoundError):
            data = self._read_here(_path(name, told))
            return hashlib.sha256(data).hexdigest() == told["sha256"]
        return False

    def _put(self, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            self.here.storage.write(f"{self.here.path}/{path}", data)

    def _take_beside(self, row: TrialRow | None) -> None:
        """Take over what a trial is, its log, what its processes printed, and the failed rows that were set aside."""
        spec = row.spec if row is not None else self.there.read_spec()
        if spec is not None:
            self.here.write_spec(spec, self.there.read_asked_by())
        log = self.there.read_log().encode()
        if log and log.decode() not in self.here.read_log():
            self.here.storage.append(f"{self.here.path}/{LOG}", log)
        for name in set(self.there.outputs.names()) - set(self.here.outputs.names()):
            self.here.storage.write(f"{self.here.path}/{name}", self.there.storage.read(f"{self.there.path}/{name}"))
        known = {self._read_here(name) for name in self._aside(self.here)}
        for name in self._aside(self.there):
            content = self.there.storage.read(f"{self.there.path}/{name}")
            with contextlib.suppress(DamagedFile):
                unseal(content, self.there.trial_id)
                if content not in known:
                    self.here.storage.create(f"{self.here.path}/{self.here.free_name(ROW, 'failed')}", content)

    def _take_checkpoints(self) -> None:
        """Raises: DamagedFile for one that is none of this trial's."""
        spec = self.there.read_spec()
        present = self.here.storage.names(f"{self.here.path}/checkpoints")
        for name in self._names("checkpoints"):
            if not position(name) or name in present:
                continue
            content = self.there.storage.read(f"{self.there.path}/checkpoints/{name}")
            try:
                found = decode(content)
            except DamagedFile as error:
                raise DamagedFile(f"checkpoints/{name}: {error}") from error
            if found.spec.trial_id != self.there.trial_id or (spec is not None and found.spec != spec):
                raise DamagedFile(f"checkpoints/{name}: it belongs to trial {found.spec.trial_id}")
            path = f"{self.here.path}/checkpoints/{name}"
            self._write(lambda path=path, content=content: self.here.storage.write(path, content))

    def _aside(self, folder: TrialFolder) -> list[str]:
        return [name for name in folder.storage.names(folder.path) if name.startswith(f"{ROW}.failed-")]

    def _names(self, inner: str) -> list[str]:
        return self.there.storage.names(f"{self.there.path}/{inner}")

    def _read_here(self, name: str) -> bytes:
        return self.here.storage.read(f"{self.here.path}/{name}")

    def _write(self, write: Callable[[], object]) -> None:
        if not self.dry_run:
            write()
            self.target.forget([self.here.trial_id])

    def _ends(self, verdict: Verdict, reason: str = "") -> Merged:
        return Merged(trial=self.there.trial_id, verdict=verdict, reason=reason)


def difference(theirs: TrialRow, ours: TrialRow) -> str:
    """Return in what two done rows of a trial differ, in words; empty where their results are identical.

    When and where they were made is no difference, nor are settings that only one of them knows.
    """
    predictions = [row.files.get("predictions.npz", {}).get("sha256") for row in (theirs, ours)]
    shared = theirs.config.keys() & ours.config.keys()
    parts: list[tuple[Mapping[str, JSON], Mapping[str, JSON]]] = [
        (theirs.metrics, ours.metrics),
        ({name: theirs.config[name] for name in shared}, {name: ours.config[name] for name in shared}),
    ]
    for one, other in parts:
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) != other.get(name):
                return f"{name} is {one.get(name)} there and {other.get(name)} here"
    if theirs.artifacts != ours.artifacts:
        return "what it found differs there and here"
    if theirs.parents != ours.parents:
        return "it was made from other findings of its parents there and here"
    return "its predictions differ there and here" if predictions[0] != predictions[1] else ""


def _path(name: str, told: Mapping[str, JSON]) -> str:
    """Return where a row's file lies in the trial's folder. Raises: DamagedFile for a place that it cannot have."""
    path = str(told.get("path", name))
    if path in ("", ".", "..") or "/" in path or path in (SPEC, LOG, LEFT_OUT) or path.startswith(ROW):
        raise DamagedFile(f"its row says that a file of it is {path!r}")
    return path
