"""`python -m orchestrator` is `sharptune`."""

from orchestrator.cli.main import main

main()
