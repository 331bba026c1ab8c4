"""Where words leave the program: every command prints through here."""

import json
import sys

from orchestrator.words import shown
from trainables.trial import JSON


def say(text: str = "", *, err: bool = False, end: str = "\n") -> None:
    """Print text for people, on stderr with `err`; what a terminal would act on is spelled out."""
    print(shown(text), end=end, file=sys.stderr if err else sys.stdout, flush=True)


def say_json(value: JSON, *, indent: int | None = 1) -> None:
    """Print a value for programs: in ASCII, which every pipe and terminal takes as it is."""
    say(json.dumps(value, indent=indent))
