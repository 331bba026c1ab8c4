"""Checkpoints: immutable files that prove themselves, `checkpoints/<epoch>-<step>-<attempt>`.

A file is one line of magic, one line of JSON (the spec, the position, the payload's length and sha256), and the
payload. Anything that does not add up is named and passed over; the newest file that does is the one to go on from.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainables.errors import DamagedFile
from trainables.record.storage import Storage
from trainables.trial import JSON, TrialSpec

MAGIC = b"sharptune checkpoint 1\n"
KEPT = 2
_NUMBER = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A run's state after `epoch` whole epochs and `step` steps of the next one."""

    spec: TrialSpec
    epoch: int
    step: int
    payload: bytes
    history: Mapping[str, JSON] = field(default_factory=dict)
    """What execution itself carries over: when the trial started, seconds so far, where it ran."""


def encode(checkpoint: Checkpoint) -> bytes:
    """Return the whole file."""
    header = {
        "spec": checkpoint.spec.to_json(),
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "history": dict(checkpoint.history),
        "length": len(checkpoint.payload),
        "sha256": hashlib.sha256(checkpoint.payload).hexdigest(),
    }
    line = json.dumps(header, sort_keys=True).encode()
    digest = hashlib.sha256(line).hexdigest().encode()
    return MAGIC + digest + b" " + line + b"\n" + checkpoint.payload


def decode(data: bytes) -> Checkpoint:
    """Return the checkpoint in a file. Raises: DamagedFile, saying what does not add up."""
    if not data.startswith(MAGIC):
        raise DamagedFile("it does not begin as a checkpoint does")
    head, newline, payload = data[len(MAGIC) :].partition(b"\n")
    digest, _, line = head.partition(b" ")
    if not newline or hashlib.sha256(line).hexdigest().encode() != digest:
        raise DamagedFile("its header is damaged")
    try:
        header = json.loads(line)
        checkpoint = Checkpoint(
            spec=TrialSpec.from_json(header["spec"]),
            epoch=header["epoch"],
            step=header["step"],
            payload=payload,
            history=header["history"],
        )
        length, sha256 = header["length"], header["sha256"]
        if not (_is_count(checkpoint.epoch) and _is_count(checkpoint.step) and _is_history(checkpoint.history)):
            raise TypeError("something in it is of the wrong kind")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFile(f"its header is garbled ({type(error).__name__}: {error})") from error
    if len(payload) != length:
        raise DamagedFile(f"it holds {len(payload)} bytes of {length}")
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise DamagedFile("its content is damaged")
    return checkpoint


def _is_count(value: JSON) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9


def _is_amount(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _is_segment(value: JSON) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("device", ""), str)
        and _is_amount(value.get("device_seconds", 0.0))
        and _is_amount(value.get("gpus", 0))
    )


def _is_history(value: JSON) -> bool:
    """Say whether an attempt can go on from what a checkpoint carries over."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("started", ""), str)
        and _is_amount(value.get("wall_seconds", 0.0))
        and isinstance(value.get("segments", []), list)
        and all(map(_is_segment, value.get("segments", [])))
    )


def position(name: str) -> tuple[int, int] | None:
    """Return (epoch, step) of a checkpoint's file name; None for any other name."""
    parts = name.split("-")
    if len(parts) != 3 or not all(map(_NUMBER.fullmatch, parts[:2])):
        return None
    return int(parts[0]), int(parts[1])


class CheckpointFolder:
    """The checkpoints of one trial."""

    def __init__(self, storage: Storage, folder: str, spec: TrialSpec) -> None:
        self._storage = storage
        self._folder = f"{folder}/checkpoints"
        self._spec = spec
        self._good: list[tuple[int, int]] = []
        self._names: set[str] = set()
        """Those that were seen or written: what is dropped is dropped by its name, without another look."""

    def newest(self, use: Callable[[Checkpoint], None]) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest checkpoint that can be trusted and used, and a sentence for each that cannot.

        `use` takes a checkpoint over, or raises DamagedFile. One that is refused is put out of the way, so that it does
        not stand before later ones for ever.
        """
        problems: list[str] = []
        self._names = {name for name in self._storage.names(self._folder) if position(name)}
        for name in sorted(self._names, key=lambda name: (position(name), name), reverse=True):
            try:
                checkpoint = decode(self._storage.read(f"{self._folder}/{name}"))
                if checkpoint.spec != self._spec:
                    raise DamagedFile(f"it belongs to trial {checkpoint.spec.trial_id}")
                use(checkpoint)
            except DamagedFile as error:
                problems.append(f"checkpoint {name} is passed over: {error}")
                self._storage.move(f"{self._folder}/{name}", f"{self._folder}/refused-{name}")
                continue
            except FileNotFoundError:
                continue
            self._good = [(checkpoint.epoch, checkpoint.step)]
            return checkpoint, problems
        return None, problems

    def save(self, checkpoint: Checkpoint, attempt: str) -> None:
        """Write a checkpoint, then drop those older than the newest two known to be good."""
        name = f"{checkpoint.epoch:06d}-{checkpoint.step:07d}-{attempt}"
        self._storage.write(f"{self._folder}/{name}", encode(checkpoint))
        here = (checkpoint.epoch, checkpoint.step)
        self._good = [*(known for known in self._good if known < here), here][-KEPT:]
        self._names.add(name)
        if len(self._good) == KEPT:
            for old in sorted(other for other in self._names if (position(other) or here) < self._good[0]):
                self._storage.delete(f"{self._folder}/{old}")
                self._names.remove(old)

    def clear(self) -> None:
        """Delete all of them, those that were refused too."""
        for name in self._storage.names(self._folder):
            self._storage.delete(f"{self._folder}/{name}")

    def positions(self) -> list[tuple[int, int]]:
        """Return the positions of all files, oldest first, without reading any."""
        return sorted(where for name in self._storage.names(self._folder) if (where := position(name)))

    def seconds_worked(self) -> float:
        """Return the work behind the newest checkpoint that can be trusted, 0 without any; changes nothing."""
        names = [name for name in self._storage.names(self._folder) if position(name)]
        for name in sorted(names, key=lambda name: (position(name), name), reverse=True):
            with contextlib.suppress(DamagedFile, FileNotFoundError):
                return decode(self._storage.read(f"{self._folder}/{name}")).history.get("wall_seconds", 0.0)
        return 0.0
