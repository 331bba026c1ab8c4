"""When two trials are alike: what their results hang on is equal, digit by digit, whatever their parents are called.

That is the kind of trial with its version, the seed, and the whole config as it is at work, with what was taken from
parents in it: a genotype as training reads it, a file as its sha256. Nothing else is: no stage, label, resource or id.
The likeness is a digest of it.

`likenesses/<likeness>.json` names a done trial that has it. It is a hint to be found by, written after the trial's row,
and never believed: whoever reads it reads that row, too, and holds it against the likeness.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

from trainables.errors import DamagedFile
from trainables.record.storage import Storage
from trainables.record.trial_folder import TrialFolder
from trainables.trainable import Trainable, load
from trainables.trial import JSON, TrialRow, TrialSpec, canonical_json

LIKENESSES = "likenesses"
"""The folder of a storage that holds these files."""
AT_ONCE = 16
"""So many of these files are asked for at a time of an object store."""
LOOKED_UP = 256
"""So many rows are held against these files at a time."""
_FILE = re.compile(r"([0-9a-f]{64})\.json")
_ID = re.compile(r"[0-9a-f]{12}")


def may_have_a_twin(spec: TrialSpec) -> bool:
    """Say whether another trial can be alike: where nothing is, or may be, taken from a parent, alike is the same."""
    return bool(spec.parents) or any(isinstance(value, Mapping | list | tuple) for value in spec.config.values())


def likeness_of(entry: Trainable, spec: TrialSpec, settings: Mapping[str, JSON]) -> str:
    """Return the likeness of a trial with these settings, 64 hex digits; "" where they are none of its kind.

    Args:
        settings: its config, with what it takes from its parents filled in; defaults may be left out.
    """
    try:
        config = entry.config_class()(**settings).model_dump(mode="json", exclude_defaults=True)
        settings = load(entry.alike)(config) if entry.alike else config
        parts = [spec.trainable, spec.version, spec.seed, settings]
        return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
    except (ValueError, TypeError):
        return ""


def is_alike(entry: Trainable, row: TrialRow, likeness: str) -> bool:
    """Say whether a row is done and has that likeness."""
    return row.state == "done" and likeness_of(entry, row.spec, row.config) == likeness


def twin_of(storage: Storage, entry: Trainable, trial_id: str, likeness: str) -> TrialRow | None:
    """Return the row of another trial that is done and has this likeness, if the storage names one.

    None where that took it over from this one, whose row is gone: that would name itself.
    """
    other = noted(storage, [likeness])[likeness]
    if not other or other == trial_id:
        return None
    try:
        row = TrialFolder(storage, other).read_row()
    except DamagedFile:
        return None
    return row if row is not None and row.computed_by != trial_id and is_alike(entry, row, likeness) else None


def note(storage: Storage, likeness: str, trial_id: str, *, replace: bool = True) -> None:
    """Name the trial that has a likeness; where one is named already, only to `replace` it."""
    data = (json.dumps({"trial": trial_id}) + "\n").encode()
    if replace:
        storage.write(_path(likeness), data, durable=False)
    else:
        storage.create(_path(likeness), data, durable=False)


def noted(storage: Storage, likenesses: Collection[str]) -> dict[str, str]:
    """Return of each likeness the id of the trial that is said to have it; "" where none is, or that is garbled."""
    read = partial(_noted, storage)
    if not storage.remote or len(likenesses) == 1:
        return {likeness: read(likeness) for likeness in likenesses}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(likenesses, pool.map(read, likenesses), strict=True))


def _noted(storage: Storage, likeness: str) -> str:
    try:
        trial_id = json.loads(storage.read(_path(likeness)))["trial"]
    except (FileNotFoundError, DamagedFile, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return trial_id if isinstance(trial_id, str) and _ID.fullmatch(trial_id) else ""


def note_lacking(
    storage: Storage, catalog: Mapping[str, Trainable], rows: Iterable[TrialRow], is_done: Callable[[str], bool]
) -> int:
    """Name done trials of likenesses of which the storage names none, as of rows from before there were hints.

    So it is where it names one that is not done any more. Return of how many. Of a version whose results were others no
    trial is to be found, nor one that lacks files, as those do that came in a bundle without weights.
    """
    known, found, rows = all_noted(storage), 0, iter(rows)
    while some := list(islice(rows, LOOKED_UP)):
        done = {likeness: row for row in some if (likeness := _to_be_found(catalog, row))}
        named = noted(storage, done.keys() & known)
        for likeness, row in done.items():
            there = named.get(likeness, "")
            if there == row.trial_id or (there and is_done(there)) or not _has_files(storage, row):
                continue
            note(storage, likeness, row.trial_id, replace=likeness in known)
            known.add(likeness)
            found += 1
    return found


def _to_be_found(catalog: Mapping[str, Trainable], row: TrialRow) -> str:
    """Return the likeness by which others are to find a row; "" where none are."""
    entry = catalog.get(row.spec.trainable)
    if entry is None or entry.version != row.spec.version or row.state != "done" or not may_have_a_twin(row.spec):
        return ""
    return likeness_of(entry, row.spec, row.config)


def _has_files(storage: Storage, row: TrialRow) -> bool:
    there = storage.names(TrialFolder(storage, row.trial_id).path)
    return all(told.get("path", name) in there for name, told in row.files.items())


def all_noted(storage: Storage) -> set[str]:
    """Return the likenesses of which the storage names a trial: a listing."""
    return {file[1] for name in storage.names(LIKENESSES) if (file := _FILE.fullmatch(name))}


def _path(likeness: str) -> str:
    return f"{LIKENESSES}/{likeness}.json"
