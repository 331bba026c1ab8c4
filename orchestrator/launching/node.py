"""A process that a SIGTERM to all does not end: `python -m orchestrator.launching.node COMMAND …`.

Slurm sends that signal to every process of a job when it is preempted or its time is up. Ray's would end at once, and
the trials with them, before they could save. So they are started with it blocked; the run hears it, and so do the
workers, which save; then the job ends Ray.
"""

import os
import signal
import sys


def main() -> None:
    """Become the command in the arguments."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
