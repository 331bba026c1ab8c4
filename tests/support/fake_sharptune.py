"""`sharptune` on the fakes' catalog, as a process of its own: to be interrupted, and to be given a terminal."""

import sys

from fakes import CATALOG

from orchestrator.cli.main import invoke

if __name__ == "__main__":
    sys.exit(invoke(sys.argv[1:], catalog=CATALOG))
