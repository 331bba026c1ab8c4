"""The folder of a trial: `<storage>/trials/<trial_id>/`, shared by all experiments.

spec.json                  what the trial is, and who asked for it first
claims/                    who may work on it
checkpoints/               where it can go on from
log.txt                    what happened, one line each; in an object store log/<attempt>.txt, each attempt's own
output.<attempt>.txt       what the attempt's process printed
weights-last.<attempt>.safetensors, predictions.<attempt>.npz, epochs.<attempt>.parquet, ...
                           what the row stands for, under the name of the attempt that wrote it
row.json                   the result; the only commit point, written last, never replaced; names its files
done-...                   empty: in an object store, what the listing is to tell of a row that is done, see `Marker`
"""

import contextlib
import hashlib
import io
import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from trainables.errors import DamagedFile
from trainables.record.beats import BeatWatcher
from trainables.record.checkpoints import CheckpointFolder
from trainables.record.claims import Claim, ClaimFolder
from trainables.record.entry import Entry, Marker, short
from trainables.record.listing import Listed
from trainables.record.log import LOG, TrialLog
from trainables.record.outputs import MOST_ATTEMPTS, OutputFolder, among
from trainables.record.storage import Storage
from trainables.trial import JSON, TrialRow, TrialSpec, canonical_json

ROW = "row.json"
SPEC = "spec.json"
TRIALS = "trials"
"""The folder of a storage that holds those of all trials."""
WITHDRAWN = "withdrawn"
"""The folder of an object store that says which rows were taken away: a file for each, whose name says it all."""
MOST_EPOCHS = 1_000_000
MOST_BYTES = 2**28
MOST_NUMBERS = 2_000_000
"""Of the epochs of one trial, when they are read: in all, and in lists, as the alphas of a search are."""
_OF_AN_ATTEMPT = re.compile(r".+\.(?P<attempt>\d{4,}\.[0-9a-f]{8})(\.[^.]+)?")
"""The name of a file that an attempt wrote beside the row, now or in earlier versions."""


def seal(row: TrialRow) -> bytes:
    """Return `row.json`: readable, and closed by a sha256 over everything else in it."""
    return (json.dumps({**row.to_json(), "sha256": digest_of(row)}, indent=1, allow_nan=False) + "\n").encode()


def digest_of(row: TrialRow) -> str:
    """Return the sha256 over everything in a row."""
    return hashlib.sha256(canonical_json(row.to_json()).encode()).hexdigest()


def unseal(content: bytes, trial_id: str) -> TrialRow:
    """Return the row in a `row.json`. Raises: DamagedFile, saying what does not add up."""
    try:
        return unsealed(json.loads(content), trial_id)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"it is cut short or garbled ({type(error).__name__}: {error})") from error


def unsealed(data: JSON, trial_id: str) -> TrialRow:
    """Return the row that a `row.json` holds, once it is read as JSON. Raises: DamagedFile."""
    try:
        digest = data.pop("sha256")
        found = hashlib.sha256(canonical_json(data).encode()).hexdigest()
        row = TrialRow.from_json(data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFile(f"it is cut short or garbled ({type(error).__name__}: {error})") from error
    if found != digest:
        raise DamagedFile("its content does not match its sha256")
    if row.trial_id != trial_id or row.spec.trial_id != trial_id:
        raise DamagedFile(f"it belongs to trial {row.spec.trial_id}")
    return row


def withdrawal(trial_id: str, row: Entry) -> str:
    """Return the name of the file in `WITHDRAWN` that says that a trial's `row.json` of that version is taken away."""
    return f"{trial_id}.{short(row.version)}"


def marker_of(row: TrialRow, version: str, origins: str) -> Marker | None:
    """Return the marker of a done row, whose file has that version; None for any other row."""
    if row.state != "done":
        return None
    return Marker(version=short(version), digest=digest_of(row), origins=origins, twin=row.adopted_from)


class TrialFolder:
    """One trial's record."""

    def __init__(self, storage: Storage, trial_id: str, watcher: BeatWatcher | None = None) -> None:
        self.storage = storage
        self.trial_id = trial_id
        self.path = f"{TRIALS}/{trial_id}"
        self._watcher = watcher or BeatWatcher()
        self.claims = ClaimFolder(storage, self.path, self._watcher)
        self.outputs = OutputFolder(storage, self.path)

    def seen(self) -> "TrialFolder":
        """Return the folder as one look shows it now, where each look is a request; see `Listed`. Else itself."""
        if not self.storage.remote:
            return self
        return TrialFolder(Listed(self.storage, self.path), self.trial_id, self._watcher)

    def checkpoints(self, spec: TrialSpec) -> CheckpointFolder:
        return CheckpointFolder(self.storage, self.path, spec)

    def exists(self) -> bool:
        """Say whether anything of the trial was ever written."""
        return self.storage.exists(f"{self.path}/{SPEC}")

    def read_row(self) -> TrialRow | None:
        """Return the row; None when the trial has not finished. Raises: DamagedFile."""
        try:
            content = self.storage.read(f"{self.path}/{ROW}")
        except FileNotFoundError:
            return None
        return unseal(content, self.trial_id)

    def commit_row(self, row: TrialRow, origins: str = "", *, content: bytes = b"") -> bool:
        """Write the row unless there is one, and its marker if its `origins` are known; return whether it was written.

        A marker is made from what the storage said when it took the row, so it is never that of another's.

        Args:
            content: that of the file, where it is there already.
        """
        version = self.storage.created(f"{self.path}/{ROW}", content or seal(row))
        if version and origins and (marker := marker_of(row, version, origins)) is not None:
            with contextlib.suppress(OSError):  # it only spares requests, so it is not waited for
                self.storage.within(0).write(f"{self.path}/{marker.name}", b"")
        return version is not None

    def markers(self) -> list[Marker]:
        """Return what names of files here say of rows, of this one and of those that were here before it."""
        return [marker for name in self.storage.names(self.path) if (marker := Marker.named(name)) is not None]

    def marker(self) -> Marker | None:
        """Return what a name says of the row that is here; None where it does not, or there is none."""
        if markers := self.markers():
            with contextlib.suppress(FileNotFoundError):
                entry = self.storage.entry(f"{self.path}/{ROW}")
                return next((marker for marker in markers if marker.is_of(entry)), None)
        return None

    def set_aside(self, name: str, why: str) -> str:
        """Keep a file under another name (`row.json` → `row.json.failed-1`) and return that name."""
        aside = self.free_name(name, why)
        if name == ROW:
            self.withdraw_row()
            for marker in self.markers() if self.storage.remote else ():
                self.storage.delete(f"{self.path}/{marker.name}")
        self.storage.move(f"{self.path}/{name}", f"{self.path}/{aside}")
        return aside

    def withdraw_row(self) -> None:
        """Say that the row there is will be taken away: copies of it are then trusted no more, see `withdrawal`.

        Comes before whatever takes it away. On a disk nothing need be said: each row's file is looked at.
        """
        if self.storage.remote:
            with contextlib.suppress(FileNotFoundError):
                entry = self.storage.entry(f"{self.path}/{ROW}")
                self.storage.create(f"{WITHDRAWN}/{withdrawal(self.trial_id, entry)}", b"")

    def free_name(self, name: str, why: str) -> str:
        """Return the next name under which a file can be set aside."""
        taken = set(self.storage.names(self.path))
        return next(aside for n in range(1, 10_000) if (aside := f"{name}.{why}-{n}") not in taken)

    def read_failures(self) -> list[TrialRow]:
        """Return the failed rows that were set aside, oldest first, but for those that cannot be read any more."""
        begin = f"{ROW}.failed-"
        names = [name for name in self.storage.names(self.path) if name.startswith(begin)]
        rows = []
        for name in sorted(names, key=lambda name: (len(name), name)):
            with contextlib.suppress(DamagedFile, FileNotFoundError):
                rows.append(unseal(self.storage.read(f"{self.path}/{name}"), self.trial_id))
        return rows

    def read_spec(self) -> TrialSpec | None:
        """Return what the trial is; None where that is not written, or is another's, or garbled."""
        with contextlib.suppress(DamagedFile, FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
            spec = TrialSpec.from_json(json.loads(self.storage.read(f"{self.path}/{SPEC}")))
            return spec if spec.trial_id == self.trial_id else None
        return None

    def read_asked_by(self) -> dict[str, str]:
        """Return who asked for the trial first: `experiment`, `stage`, `label`; nothing where nobody wrote it."""
        with contextlib.suppress(DamagedFile, FileNotFoundError, ValueError, TypeError, AttributeError, RecursionError):
            asked_by = json.loads(self.storage.read(f"{self.path}/{SPEC}")).get("asked_by", {})
            return {str(name): str(value) for name, value in asked_by.items()}
        return {}

    def write_spec(self, spec: TrialSpec, asked_by: Mapping[str, str] | None = None) -> None:
        """Write what the trial is, unless that is there."""
        path = f"{self.path}/{SPEC}"
        if not self.storage.exists(path):
            data = {**spec.to_json(), **({"asked_by": dict(asked_by)} if asked_by else {})}
            self.storage.create(path, (json.dumps(data, indent=1) + "\n").encode(), durable=False)

    def write_files(self, files: Mapping[str, bytes], claim: Claim) -> dict[str, dict[str, JSON]]:
        """Write the files that stand beside a row and return what the row says of them.

        Each carries the attempt in its name, and is never moved: whatever an attempt that was taken over still writes,
        and whenever, it cannot touch what another one recorded.
        """
        told: dict[str, dict[str, JSON]] = {}
        for name, data in files.items():
            own = PurePosixPath(name)
            path = f"{own.stem}.{claim.attempt}{own.suffix}"
            self.storage.write(f"{self.path}/{path}", data)
            told[name] = {"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        return told

    def read_file(self, row: TrialRow, name: str) -> bytes:
        """Return a file beside the row, proven to be the row's. Raises: DamagedFile, FileNotFoundError, KeyError."""
        told = row.files[name]
        path = f"{self.path}/{told.get('path', name)}"  # rows of earlier versions have no path
        data = self.storage.read(path)
        if hashlib.sha256(data).hexdigest() != told["sha256"]:
            raise DamagedFile(f"{path} is not the file its row was written with")
        return data

    def damage(self, row: TrialRow) -> str:
        """Return what is wrong with the files beside a row, in words; empty when they are all as it has them."""
        for name in row.files:
            try:
                self.read_file(row, name)
            except FileNotFoundError:
                return f"its {name} is missing"
            except DamagedFile as error:
                return str(error)
        return ""

    def sweep(self, row: TrialRow, ended: str = "") -> None:
        """Delete the files of attempts that no row names: those that were killed or taken over before their row.

        Only where `row` says done: no other will be written, so nobody needs them any more; until then an attempt that
        is only slow may yet record its own. A storage that is not exclusive cannot keep such a one from replacing the
        row, so there only attempts count that gave their claims back, and the one that is said to have `ended`.

        What their processes printed is evidence of how they ended, and stays: of the last few, see `outputs`.
        """
        for name in self.unnamed(row, ended):
            self.storage.delete(f"{self.path}/{name}")

    def unnamed(self, row: TrialRow, ended: str = "", *, without: Collection[str] = ()) -> list[str]:
        """Return the files of attempts that `sweep` deletes: those that no row names, set aside or not.

        As if the files `without` were not there.
        """
        names = [name for name in self.storage.names(self.path) if name not in without]
        outputs = among(names)[-MOST_ATTEMPTS:]
        kept = seal(row)
        for name in names:
            with contextlib.suppress(DamagedFile):  # what is no file names none
                kept += self.storage.read(f"{self.path}/{name}") if name.startswith(f"{ROW}.") else b""
        found = []
        for name in names:
            file = _OF_AN_ATTEMPT.fullmatch(name)
            if file is None or f'"{name}"'.encode() in kept or name in outputs:
                continue
            attempt = file["attempt"]
            if self.storage.exclusive or attempt == ended or self.claims.released(attempt):
                found.append(name)
        return found

    def log(self, claim: Claim) -> TrialLog:
        """Return the log that an attempt adds to."""
        return TrialLog(self.storage, self.path, claim.attempt)

    def read_log(self) -> str:
        paths = [f"{self.path}/{LOG}", *(f"{self.path}/log/{name}" for name in self.storage.names(f"{self.path}/log"))]
        text = b""
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                text += self.storage.read(path)
        return text.decode(errors="replace")


def epochs_parquet(epochs: Sequence[Mapping[str, JSON]]) -> bytes:
    """Return the epoch history as a Parquet file, one row per epoch."""
    import pyarrow as pa  # slow to load, and looking at trials needs none of it
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(epoch) for epoch in epochs]), buffer, compression="zstd")
    return buffer.getvalue()


def _holds_numbers(kind: Any) -> bool:
    """Say whether a type of Arrow is one of numbers, or of lists of them."""
    import pyarrow as pa

    while pa.types.is_list(kind):
        kind = kind.value_type
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def read_epochs(data: bytes) -> list[dict[str, JSON]]:
    """Return what is numbers, or lists of them, of the rows in `epochs_parquet`'s file.

    Whoever wrote it, it takes little memory.

    Raises: DamagedFile.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Arrow's threads, also those that read ahead out of a Python file, may abort a process that ends soon after.
        file = pq.ParquetFile(pa.BufferReader(data))
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        if file.metadata.num_rows > MOST_EPOCHS or sum(group.total_byte_size for group in groups) > MOST_BYTES:
            raise DamagedFile(f"the epochs are more than {MOST_EPOCHS:,} or take more than {MOST_BYTES:,} bytes")
        numbers = [each.name for each in file.schema_arrow if _holds_numbers(each.type)]
        columns = [group.column(place) for group in groups for place in range(group.num_columns)]
        if sum(column.num_values for column in columns if "." in column.path_in_schema) > MOST_NUMBERS:
            raise DamagedFile(f"the epochs have more than {MOST_NUMBERS:,} numbers in lists")
        return file.read(columns=numbers, use_threads=False).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamagedFile(f"the epochs cannot be read ({error})") from error
