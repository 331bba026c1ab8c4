"""The processes of a Ray that a run starts for itself: they outlive every signal to all, and never the run.

Slurm sends its signals to every process of a job step, and a terminal that is gone does too. Ray's would end at once,
and the trials with them, before they could save. So Ray's are started with those signals blocked (as Ray itself does
with SIGINT, for Ctrl-C reaches them all too): the run hears them, and so do the workers, which save their trials; then
the run ends Ray.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
from ray._private import ray_constants

from orchestrator.errors import RunError
from orchestrator.running.ray_tune.leftovers import ray_folder
from trainables.execution.signals import STOP_SIGNALS

SOCKET_BYTES = 107
"""Of the path of a socket, at most."""
LONGEST_SOCKET = f"session_{'2000-01-01_00-00-00_000000'}_{2**22}/sockets/plasma_store"
ENDED_BY_RAY = ("raylet", "gcs_server")
SECONDS = 3.0
"""Within which the last worker follows the raylet; it looks for it once a second."""
HEAL_SECONDS = 0.001
"""For so long, at most, a SIGTERM finds no handler."""


def check_temp_folder() -> None:
    """Make sure that Ray can put its sockets where it does by default. Raises: RunError."""
    folder = ray_folder()
    longest = len(os.fsencode(folder / LONGEST_SOCKET))
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    problem = ""
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        problem = f"cannot be written ({there} belongs to {_owner(there)})"
    elif longest > SOCKET_BYTES:
        problem = f"has too long a path: {longest} bytes for its sockets, of {SOCKET_BYTES} that are possible"
    if problem:
        raise RunError(f"Ray's temporary folder {folder} {problem}; set RAY_TMPDIR to a short path of your own")


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return "nobody known here"


class Handlers:
    """The handlers that the process has now, to be put back: Ray and Tune replace them, and theirs save nothing.

    With its alarm: the one of Ray for SIGTERM, should it be called before it is replaced, rings one that aborts.
    """

    def __init__(self) -> None:
        numbers = (signal.SIGINT, signal.SIGALRM, *STOP_SIGNALS)
        self._handlers = {number: signal.getsignal(number) for number in numbers}
        self._alarm = signal.getitimer(signal.ITIMER_REAL)[0]
        self._since = time.monotonic()

    def restore(self) -> None:
        self.restore_signals()
        if threading.current_thread() is threading.main_thread():
            left = self._alarm and max(0.001, self._alarm - (time.monotonic() - self._since))
            signal.setitimer(signal.ITIMER_REAL, left)

    def restore_signals(self) -> None:
        """Put back the handlers alone."""
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._handlers.items():
                if handler is not None:  # which is one that was not set from Python
                    signal.signal(number, handler)


class RayProcesses:
    """What `ray.init` started, from its start to its end."""

    def __init__(self) -> None:
        self._children: list[psutil.Process] = []
        self._over = threading.Event()

    def start(self, init: Callable[[], object]) -> None:
        """Call `ray.init`, in a thread of its own; raises what it raises.

        There the signals are blocked, also for the processes that are started and for their children, unless they
        unblock them. Here they are heard at once, though it takes seconds; in the main thread Ray would replace their
        handlers by some that abort the process. The thread lives until `end`: on Linux, Ray's processes are killed when
        the thread that started them is gone.
        """
        self._over.clear()
        before = psutil.Process().children()
        handlers = Handlers()
        raised: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
            try:
                init()
            except BaseException as error:
                raised.append(error)
            done.set()
            self._over.wait()

        threading.Thread(target=work, name="ray-init", daemon=True).start()
        try:
            while not done.wait(0.1):
                pass
        finally:
            handlers.restore()
            self._children = [child for child in psutil.Process().children() if child not in before]
            if not done.is_set():  # someone asked a second time, and will not wait
                for child in self._children:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()
        if raised:
            self._over.set()
            raise raised[0]

    def end(self, shutdown: Callable[[], None]) -> None:
        """Call `ray.shutdown`, and return when all of them are gone; raises what it raises.

        As it goes, Ray has SIGTERM end the process, from C and whichever of its threads the signal comes to. So this is
        in a thread of its own, and here the handlers are put back all the while: signals are heard at once.
        """
        family = list(self._children)
        for child in self._children:
            with contextlib.suppress(psutil.NoSuchProcess):
                family += child.children(recursive=True)
                if child.name() not in ENDED_BY_RAY:
                    child.kill()  # Ray would ask each kindly first, and wait a second for what it does not hear
        handlers = Handlers()
        ending = _Call(shutdown)
        ending.start()
        try:
            while ending.is_alive():
                handlers.restore_signals()
                ending.join(HEAL_SECONDS)
        finally:
            handlers.restore()
            self._over.set()
            for process in psutil.wait_procs(family, timeout=SECONDS)[1]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        ending.result()


@contextlib.contextmanager
def on_loopback() -> Iterator[None]:
    """Let a Ray that is started meanwhile listen on this machine's loopback alone, as it does on macOS and Windows.

    On Linux it would take the machine's own address and listen to the network, and no argument of `ray.init` keeps it
    from that: one of 127.0.0.1 is replaced. The setting for it is read when Ray is imported, when it is not yet known
    whether one will be started.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


class _Call(threading.Thread):
    """A call in a thread of its own, in which the signals are blocked."""

    def __init__(self, do: Callable[[], None]) -> None:
        super().__init__(name="ray-shutdown", daemon=True)
        self._do = do
        self._raised: BaseException | None = None

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            self._do()
        except BaseException as error:
            self._raised = error

    def result(self) -> None:
        """Raise what was raised."""
        if self._raised is not None:
            raise self._raised
