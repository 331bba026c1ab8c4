"""The processes of a Ray that a run starts for itself: they outlive every signal to all, and never the run.

Slurm sends its signals to every process of a job step, and a terminal that is gone does too. Ray's would end at once,
and the trials with them, before they could save. So Ray's are started with those signals blocked (as Ray itself does
with SIGINT, for Ctrl-C reaches them all too): the run hears them, and so do the workers, which save their trials; then
the run ends Ray.
"""

import contextlib
import signal
import threading
from collections.abc import Callable

import psutil

from trainables.execution.signals import STOP_SIGNALS

ENDED_BY_RAY = ("raylet", "gcs_server")
SECONDS = 3.0
"""Within which the last worker follows the raylet; it looks for it once a second."""


class Handlers:
    """The handlers that the process has now, to be put back: Ray and Tune replace them, and theirs save nothing."""

    def __init__(self) -> None:
        self._handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, *STOP_SIGNALS)}

    def restore(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._handlers.items():
                if handler is not None:  # which is one that was not set from Python
                    signal.signal(number, handler)


class RayProcesses:
    """What `ray.init` started, from its start to its end."""

    def __init__(self) -> None:
        self._children: list[psutil.Process] = []

    def start(self, init: Callable[[], object]) -> None:
        """Call `ray.init`, in a thread of its own; raises what it raises.

        There the signals are blocked, also for the processes that are started and for their children, unless they
        unblock them. Here they are heard at once, though it takes seconds; in the main thread Ray would replace their
        handlers by some that abort the process.
        """
        before = psutil.Process().children()
        handlers = Handlers()
        raised: list[BaseException] = []
        thread = threading.Thread(target=_call, args=(init, raised), name="ray-init", daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(0.1)
        finally:
            handlers.restore()
            self._children = [child for child in psutil.Process().children() if child not in before]
            if thread.is_alive():  # someone asked a second time, and will not wait
                for child in self._children:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()
        if raised:
            raise raised[0]

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


def _call(init: Callable[[], object], raised: list[BaseException]) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        init()
    except BaseException as error:
        raised.append(error)
