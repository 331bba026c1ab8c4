"""End a driver whose own Ray was taken away while it was stopping.

Slurm and container runtimes send SIGTERM to every process of a job, Ray's included. The driver would then wait a minute
for a Ray that is gone, longer than the grace they give; everything that matters is in the storage already.
"""

import os
import socket
import threading
import time

from orchestrator.running import Stop

GONE_SECONDS = 3.0
INTERRUPTED = 130


def watch_over(stop: Stop, address: str) -> None:
    """From now on, end this process soon after a stop was asked for and Ray no longer answers at host:port."""
    host, _, port = address.rpartition(":")
    place = (host.strip("[]"), int(port))
    threading.Thread(target=_watch, args=(stop, place), name="sharptune-watchdog", daemon=True).start()


def _watch(stop: Stop, place: tuple[str, int]) -> None:
    gone = 0.0
    while gone < GONE_SECONDS:
        time.sleep(0.5)
        gone = gone + 0.5 if stop() and not _answers(place) else 0.0
    stop.clear()
    os.write(2, b"\nInterrupted, and Ray with it; nothing is lost. The same command goes on from here.\n")
    os._exit(INTERRUPTED)


def _answers(place: tuple[str, int]) -> bool:
    """Its processes may linger for a minute after they were told to end; their ports close at once."""
    try:
        socket.create_connection(place, timeout=1).close()
    except OSError:
        return False
    return True
