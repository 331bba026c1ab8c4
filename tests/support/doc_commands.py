"""The command lines that pages show, read as click reads them, without running them."""

import re
import shlex
from collections.abc import Iterator, Mapping

import click
from doc_pages import Block

from orchestrator.cli.main import cli
from orchestrator.document.experiment import load_experiment, packaged
from trainables.catalog import CATALOG

EXPERIMENTS = ("experiment", "experiments", "what")
"""Arguments that may be experiments."""
PLACES = ("FOLDER", "DIR")
"""Words that stand for a folder of the reader's."""


def shown(block: Block) -> Iterator[tuple[str, str]]:
    """Yield (line, output) of each command of a console block."""
    for part in re.split(r"^\s*\$ ", block.text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition("\n")
        yield line, output


def words_of(line: str) -> list[str]:
    """Return the words of a `sharptune` line: up to a pipe, a redirection, or a further command."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|>&;")
    lexer.whitespace_split = True
    words = list(lexer)
    end = next((at for at, word in enumerate(words) if re.fullmatch(r"[|>&;]+", word)), len(words))
    return ["." if word in PLACES else word for word in words[:end]]


def mistake(line: str) -> str:
    """Return what click, or we, would say against a line; empty where nothing is wrong."""
    words = words_of(line)[1:]
    try:
        context = cli.make_context("sharptune", words, obj=CATALOG)
        while isinstance(context.command, click.Group):
            rest = [*context._protected_args, *context.args]
            name, command, rest = context.command.resolve_command(context, rest)
            assert command is not None
            context = command.make_context(name or "", rest, parent=context)
    except click.exceptions.Exit:  # --help, --version
        return ""
    except click.UsageError as error:
        return error.format_message()
    return unknown(context.params)


def unknown(given: Mapping[str, object]) -> str:
    """Return which packaged experiment, table or figure that a command asks for there is not."""
    named = [value for key in EXPERIMENTS if (value := given.get(key))]
    each = [name for value in named for name in (value if isinstance(value, tuple) else (value,))]
    for name in each:
        plain = re.fullmatch(r"[a-z]\w*", str(name)) and not re.fullmatch(r"[0-9a-f]{4,12}", str(name))
        if plain and "experiment" in given and name not in packaged():
            return f"there is no packaged experiment {name!r}"
    experiment, name = given.get("experiment"), given.get("names") or given.get("name")
    if isinstance(name, tuple):  # [NAME] [ROW COLUMN]
        name = name[0] if len(name) % 2 else None
    if name and experiment in packaged():
        loaded = load_experiment(str(experiment))
        known = {spec.name for spec in [*loaded.tables.values(), *loaded.figures.values()]}
        return "" if name in known else f"{experiment} has no table or figure {name!r}"
    return ""


def inline_mistake(code: str) -> str:
    """Return what is wrong with a command in a sentence, which may leave its arguments out."""
    words = code.split()[1:]
    command: click.Command = cli
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.commands.get(name)
        if found is None:
            return "" if not re.fullmatch(r"[a-z-]+", name) else f"there is no command {name!r}"
        command = found.load() if hasattr(found, "load") else found
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = [re.split("=", word)[0] for word in words if re.match(r"--?[a-z]", word)]
    return next((f"it has no option {option}" for option in given if option not in {*options, "--help", "-h"}), "")


def matches(expected: str, printed: str) -> bool:
    """Say whether output is what a page shows; a line or a part of one that is `…` stands for anything."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in expected.rstrip("\n").split("\n")]
    lines = ["(?:.*\n)*" if line.replace("\\ ", "") == ".*" else f"{line} *\n" for line in lines]
    return re.fullmatch("".join(lines), printed.rstrip("\n") + "\n") is not None
