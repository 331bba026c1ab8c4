"""TensorBoard's event files, read as its own reader does: records with their length, checked by their checksum."""

import struct
from pathlib import Path


def scalars(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each curve in a file, as (step, value)."""
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
