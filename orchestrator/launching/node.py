"""A process that a signal to all does not end: `python -m orchestrator.launching.node COMMAND …`.

Slurm sends SIGTERM to every process of a job when it is preempted or its time is up, and others when it is asked to.
Ray's would end at once, and the trials with them, before they could save. So they are started with these blocked; the
run hears them, and so do the workers, which save; then the job ends Ray.
"""

import os
import signal
import sys


def main() -> None:
    """Become the command in the arguments."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2})
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
