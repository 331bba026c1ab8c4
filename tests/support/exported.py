"""What an export is held against: epochs as recorded, and TensorBoard's event files, read as its own reader does."""

import struct
from pathlib import Path

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage
from trainables.record.trial_folder import read_epochs


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each curve in a file, as (step, value); each has its length and a checksum."""
    from tensorboardX.crc32c import crc32c
    from tensorboardX.proto.event_pb2 import Event

    data, place, found = path.read_bytes(), 0, {}
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        body = data[place + 12 : place + 12 + length]
        (masked,) = struct.unpack_from("<I", data, place + 12 + length)
        checksum = crc32c(body)
        assert masked == ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
        event = Event.FromString(body)
        for value in event.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
        place += 16 + length
    return found


def recorded() -> dict[str, list[dict]]:
    """Return the epochs of each trial, from its own file."""
    ledger = Ledger(open_storage("runs"))
    return {
        trial_id: read_epochs(ledger.folder(trial_id).read_file(row, "epochs.parquet"))
        for trial_id, row in ledger.rows().items()
    }
