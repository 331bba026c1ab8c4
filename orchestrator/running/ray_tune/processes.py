"""The processes of a Ray that a run starts for itself: they outlive a SIGTERM to all, and never the run.

Slurm sends SIGTERM to every process of a job step. Ray's would end at once, and the trials with them, before they could
save. So Ray's are started with that signal blocked (as Ray itself does with SIGINT, for Ctrl-C reaches them all too):
the run hears it, and so do the workers, which save their trials; then the run ends Ray.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

import psutil

ENDED_BY_RAY = ("raylet", "gcs_server")
SECONDS = 3.0
"""Within which the last worker follows the raylet; it looks for it once a second."""


class RayProcesses:
    """What `ray.init` started, from its start to its end."""

    def __init__(self) -> None:
        self._children: list[psutil.Process] = []

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """What is started meanwhile never gets a SIGTERM, nor do the children of that, unless they unblock it."""
        before = psutil.Process().children()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        try:
            yield
        finally:
            self._children = [child for child in psutil.Process().children() if child not in before]
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def end(self, shutdown: Callable[[], None]) -> None:
        """Call `ray.shutdown`, and return when all of them are gone."""
        family = list(self._children)
        for child in self._children:
            with contextlib.suppress(psutil.NoSuchProcess):
                family += child.children(recursive=True)
                if child.name() not in ENDED_BY_RAY:
                    child.kill()  # Ray would ask each kindly first, and wait a second for what it does not hear
        shutdown()
        for process in psutil.wait_procs(family, timeout=SECONDS)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@contextlib.contextmanager
def own_handlers() -> Iterator[None]:
    """Keep the process's own handlers: Ray replaces them, and its own for SIGTERM aborts the process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
