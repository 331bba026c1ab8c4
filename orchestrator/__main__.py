"""`python -m orchestrator` is `sharptune`."""

from orchestrator.cli import main

main()
