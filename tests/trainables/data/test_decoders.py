"""Processes that decode."""

import hashlib
import io
import os
import signal

import numpy as np
import pytest
from PIL import Image

from trainables.data.decoders import Decoders
from trainables.data.decoding import Place, Wanted
from trainables.errors import DataError


@pytest.fixture
def wanted(tmp_path):
    """Five batches of three images in turn, the second image of each a damaged one."""

    def place(name, data):
        (tmp_path / name).write_bytes(data)
        return Place(name, str(tmp_path / name), 0, -1, hashlib.sha256(data).digest())

    def encoded(seed):
        buffer = io.BytesIO()
        pixels = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(buffer, "PNG")
        return buffer.getvalue()

    good = [place(f"{seed}.png", encoded(seed)) for seed in range(10)]
    bad = place("bad.png", b"garbage")
    return [[Wanted(good[2 * n], n), Wanted(bad, n), Wanted(good[2 * n + 1], None)] for n in range(5)]


def equal(a, b):
    assert [batch.damaged for batch in a] == [batch.damaged for batch in b]
    assert all(np.array_equal(x.kept_B, y.kept_B) for x, y in zip(a, b, strict=True))
    return all(np.array_equal(x.images_BHWC, y.images_BHWC) for x, y in zip(a, b, strict=True))


def test_a_process_returns_what_is_decoded_without_one_also_when_told_to_stop_and_not_when_it_died(wanted):
    """One process goes through it all, for what a start costs."""
    inline, decoders = list(Decoders(0, size=16).decode(wanted)), Decoders(1, size=16)
    batches = decoders.decode(wanted)
    found = [next(batches)]
    (process,) = decoders._pool._processes.values()
    for request in (signal.SIGINT, signal.SIGTERM):
        os.kill(process.pid, request)
    found += list(batches)

    assert equal(found, inline)
    assert [batch.damaged for batch in found] == [
        [(1, "bad.png is no image that can be read: it has no known format")]
    ] * 5
    left = decoders.decode(wanted)
    next(left)
    left.close()  # what was asked and not fetched disturbs nobody
    assert equal(list(decoders.decode(wanted)), inline)

    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(OSError, match=r"^a process that decodes images died$"):
        list(decoders.decode(wanted))
    decoders.close()


def test_parts_of_a_batch_are_put_together_in_their_order(wanted, monkeypatch):
    """By a pool that works where it is asked, as three processes would share a batch."""
    decoders = Decoders(2, size=16)
    monkeypatch.setattr("trainables.data.decoders.ProcessPoolExecutor", AtOnce)

    assert equal(list(decoders.decode(wanted)), list(Decoders(0, size=16).decode(wanted)))
    decoders.close()


def test_a_file_that_is_gone_stops_the_work(wanted, monkeypatch, tmp_path):
    monkeypatch.setattr("trainables.data.decoders.ProcessPoolExecutor", AtOnce)
    (tmp_path / "4.png").unlink()

    with pytest.raises(DataError, match=r"4\.png cannot be read"):
        list(Decoders(2, size=16).decode(wanted))


class AtOnce:
    """An executor that does each thing when it is submitted."""

    def __init__(self, workers, *, mp_context, initializer):
        assert mp_context.get_start_method() == "spawn"

    def submit(self, function, *args):
        from concurrent.futures import Future

        future = Future()
        try:
            future.set_result(function(*args))
        except DataError as error:
            future.set_exception(error)
        return future

    def shutdown(self, *, cancel_futures):
        pass
