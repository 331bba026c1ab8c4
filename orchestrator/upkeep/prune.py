"""What a record holds that nobody needs, and how it is deleted.

Whoever is killed while he deletes leaves a consistent record, and the same command goes on from there. Of a trial that
goes as a whole:

- its row goes first, so that no row ever names files that are not there; what is left is a trial that has not run;
- its spec goes last, so that until then everybody can tell what it was;
- it goes before its parents, so that no row is left whose parents' are gone.

Whatever is worked on stays, with all its ancestors. A row that a named experiment asks for is never touched, and
without an experiment no row that counts is.
"""

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.upkeep.family import Family
from trainables.errors import DamagedFile
from trainables.record.checkpoints import position
from trainables.record.local_storage import drop_empty, half_written
from trainables.record.storage import Storage
from trainables.record.trial_folder import ROW, SPEC, TRIALS, TrialFolder
from trainables.trial import TrialRow

_TRIAL = re.compile(r"[0-9a-f]{12}")
_ASIDE = re.compile(rf"{re.escape(ROW)}\.(failed|stale|damaged)-\d+")

"""How the names of files begin that hold what an attempt's process printed."""
HALF_WRITTEN = "half written by a process that is dead"
UNASKED = "of a trial that none of these experiments asks for"
NEEDED_NO_MORE = "useless checkpoint"
REFUSED = "refused checkpoint"
OF_KILLED = "left by an attempt that was killed or taken over"
ASIDE = "row that was set aside"
PHRASES = (HALF_WRITTEN, UNASKED, OF_KILLED)
"""Those of these reasons that follow a number of files; the others are what the files are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Useless:
    """A file that nobody needs."""

    trial: str
    """Empty for a file of no trial."""
    path: str
    """In the storage."""
    bytes: int
    why: str


def asked_for(plans: Iterable[Plan], ledger: Ledger) -> set[str]:
    """Return the trials of these plans, and all that they come from, as their rows have it too."""
    return set(Family(ledger).with_ancestors(trial.trial_id for plan in plans for trial in plan.trials))


def useless(ledger: Ledger, asked: Collection[str] | None = None, *, archived: bool = False) -> list[Useless]:
    """Return what nobody needs, in the order in which to delete it.

    Args:
        asked: as `asked_for` returns it; trials that are not among them are not needed. None: every trial is.
        archived: rows that were set aside are not needed, either.
    """
    ids = [trial_id for trial_id in ledger.ids() if _TRIAL.fullmatch(trial_id)]
    live = [trial_id for trial_id in ids if ledger.folder(trial_id).claims.live() is not None]
    family = Family(ledger)
    kept = set(ids) if asked is None else {*asked, *family.with_ancestors(live)}
    found = [
        Useless(trial=_trial_of(path), path=path, bytes=size, why=HALF_WRITTEN)
        for path, size in _half_written(ledger.storage).items()
    ]
    for trial_id in reversed(family.parents_first(set(ids) - kept)):
        found += _whole(ledger.folder(trial_id))
    for trial_id in ids:
        if trial_id in kept and trial_id not in live:
            found += _parts(ledger.folder(trial_id), archived=archived)
    gone = set[str]()
    return [each for each in found if each.path not in gone and not gone.add(each.path)]


def delete(ledger: Ledger, found: Iterable[Useless]) -> Iterator[Useless]:
    """Delete what `useless` returned, and yield each file that is gone.

    Of a trial that somebody works on by now, nothing is deleted.
    """
    for trial_id, files in groupby(found, key=lambda each: each.trial):
        folder = ledger.folder(trial_id)
        if trial_id and folder.claims.live() is not None:
            continue
        for each in files:
            if trial_id and each.path == f"{folder.path}/{ROW}":
                folder.withdraw_row()
            ledger.storage.delete(each.path)
            yield each
        if trial_id and not ledger.storage.remote:
            drop_empty(Path(ledger.storage.uri, folder.path))


def _whole(folder: TrialFolder) -> list[Useless]:
    """Return all files of a trial: its row first, its claims and its spec last.

    A claim goes before the file by which it was given back, without which it would be in force again.
    """

    def turn(path: str) -> tuple[int, str]:
        if path.startswith("claims/"):
            return (2 if path.endswith(".json") else 3), path
        return {ROW: 0, SPEC: 4}.get(path, 1), path

    sizes = _sizes(folder)
    return [_of(folder, path, sizes[path], UNASKED) for path in sorted(sizes, key=turn)]


def _parts(folder: TrialFolder, *, archived: bool) -> list[Useless]:
    """Return what a trial that stays does not need."""
    sizes = _sizes(folder)
    reasons: dict[str, str] = {}
    aside = [path for path in sizes if archived and _ASIDE.fullmatch(path)]
    reasons |= dict.fromkeys(aside, ASIDE)
    row = _done_row(folder)
    if row is not None:
        reasons |= dict.fromkeys(folder.unnamed(row, without=aside), OF_KILLED)
    for path in sizes:
        inner, _, name = path.partition("/")
        if inner == "checkpoints" and name.startswith("refused-"):
            reasons[path] = REFUSED
        elif inner == "checkpoints" and position(name) and row is not None:
            reasons[path] = NEEDED_NO_MORE
    return [_of(folder, path, sizes[path], why) for path, why in reasons.items() if path in sizes]


def _half_written(storage: Storage) -> Mapping[str, int]:
    """Return what killed writers left half written; in an object store files appear whole or not at all."""
    return {} if storage.remote else half_written(Path(storage.uri))


def _of(folder: TrialFolder, path: str, size: int, why: str) -> Useless:
    return Useless(trial=folder.trial_id, path=f"{folder.path}/{path}", bytes=size, why=why)


def _trial_of(path: str) -> str:
    folder, _, rest = path.partition("/")
    return rest.partition("/")[0] if folder == TRIALS else ""


def _sizes(folder: TrialFolder) -> dict[str, int]:
    """Return all files of a trial, by their paths in its folder, with their bytes."""
    found = folder.storage.walk(folder.path)
    return {path.removeprefix(f"{folder.path}/"): entry.bytes for path, entry in sorted(found.items())}


def _done_row(folder: TrialFolder) -> TrialRow | None:
    with contextlib.suppress(DamagedFile):
        row = folder.read_row()
        return row if row is not None and row.state == "done" else None
    return None
