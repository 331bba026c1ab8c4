"""End a driver whose own Ray was taken away while it was stopping.

Slurm and container runtimes send SIGTERM to every process of a job, Ray's included. The driver would then wait a minute
for a Ray that is gone, longer than the grace they give; everything that matters is in the storage already.
"""

import os
import threading
import time

import psutil

from orchestrator.running import Stop

GONE_SECONDS = 3.0
INTERRUPTED = 130


def watch_over(stop: Stop) -> None:
    """From now on, end this process soon after a stop was asked for and the Ray it had started is gone."""
    family = [child for child in psutil.Process().children() if _name(child) in ("raylet", "gcs_server")]
    threading.Thread(target=_watch, args=(stop, family), name="sharptune-watchdog", daemon=True).start()


def _watch(stop: Stop, family: list[psutil.Process]) -> None:
    gone = 0.0
    while gone < GONE_SECONDS:
        time.sleep(0.5)
        gone = gone + 0.5 if stop() and not any(map(_alive, family)) else 0.0
    stop.clear()
    os.write(2, b"\nInterrupted, and Ray with it; nothing is lost. The same command goes on from here.\n")
    os._exit(INTERRUPTED)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""
