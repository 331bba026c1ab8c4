"""A node of Ray's that lives as long as who started it: `python -m orchestrator.running.rehearsal.node OPTION …`.

The options are those of `ray start`. It ends, with all processes of the node, when its stdin is closed.
"""

import os
import subprocess
import sys
import threading

import psutil


def main() -> int:
    """Start the node and wait for it; return the exit code of `ray start`."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *sys.argv[1:]]
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    return started.wait()


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing comes: it returns when the other end is closed
    for process in psutil.Process().children(recursive=True):
        process.kill()


if __name__ == "__main__":
    sys.exit(main())
