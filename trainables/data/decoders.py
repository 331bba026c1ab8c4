"""Processes that decode images while the network computes.

They are started when the first batch is asked for, import no torch, and stay until `close`. What they return depends on
what is asked alone, never on which of them did it. None outlives the process it works for. Signals that ask a whole
group of processes to end are not theirs to follow at once: the trial saves first, and may still need a batch for that.
"""

import math
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import numpy as np

from trainables.data.decoding import Decoded, Wanted, decode_batch

AHEAD = 3
"""Batches under way at once."""
GRACE_SECONDS = 30
"""How long a decoder that was told to end goes on."""


class Decoders:
    """Decodes batches in their order: in so many processes, or where they are asked for if these are none."""

    def __init__(self, workers: int, *, size: int) -> None:
        self.workers = workers
        self.size = size
        self._pool: ProcessPoolExecutor | None = None

    def decode(self, batches: Iterable[Sequence[Wanted]]) -> Iterator[Decoded]:
        """Yield each batch, some of them decoded ahead. Raises: DataError; OSError when a process died."""
        if not self.workers:
            for wanted in batches:
                yield decode_batch(wanted, self.size)
            return
        waiting: deque[list[Future[Decoded]]] = deque()
        try:
            for wanted in batches:
                waiting.append(self._submit(wanted))
                if len(waiting) == AHEAD:
                    yield _joined(waiting.popleft())
            while waiting:
                yield _joined(waiting.popleft())
        except BrokenProcessPool as error:
            self._pool = None
            raise OSError("a process that decodes images died") from error
        finally:
            for part in (part for parts in waiting for part in parts):
                part.cancel()

    def close(self) -> None:
        """End the processes. They are started again if need be."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _submit(self, wanted: Sequence[Wanted]) -> list[Future[Decoded]]:
        """Have each process decode its part of a batch."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin)
        each = math.ceil(len(wanted) / self.workers)
        parts = (wanted[start : start + each] for start in range(0, len(wanted), each))
        return [self._pool.submit(decode_batch, part, self.size) for part in parts]


def _joined(parts: Sequence[Future[Decoded]]) -> Decoded:
    found = [part.result() for part in parts]
    if len(found) == 1:
        return found[0]
    asked = [len(part.kept_B) + len(part.damaged) for part in found]
    starts = np.cumsum([0, *asked[:-1]]).tolist()
    return Decoded(
        images_BHWC=np.concatenate([part.images_BHWC for part in found]),
        kept_B=np.concatenate([part.kept_B + start for part, start in zip(found, starts, strict=True)]),
        damaged=[
            (place + start, why) for part, start in zip(found, starts, strict=True) for place, why in part.damaged
        ],
    )


def _begin() -> None:
    """Set up a process: it hears no Ctrl-C, follows SIGTERM late, and ends with the one it works for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: signal.alarm(GRACE_SECONDS))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(0)
