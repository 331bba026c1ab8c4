"""The reference, made from the code: each page is text in Markdown, returned by a function of this module.

Keys come from the models that read them, commands from click, metrics from the catalog of trainables and the quantities
of tables, files and Python from the docstrings. Nothing of it is written by hand, so nothing can be left behind; what a
key means is the docstring under its field.
"""

import ast
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from model_keys import cell, docstrings, model_page, table

from orchestrator.cli import main
from orchestrator.document import experiment, spec
from orchestrator.launching import profile
from orchestrator.tables.quantities import QUANTITIES
from trainables.catalog import CATALOG
from trainables.trial import TrialRow, TrialSpec

ROOT = Path(__file__).parent.parent
SPLITS = {
    "search_val": "the half of the training images that a search selects by",
    "validation": "training images that are held out (`validation_images`)",
    "cifar10_1": "CIFAR-10.1",
    "train": "training images",
    "test": "test images",
}
"""Beginnings of metrics' names -> the images that they are measured on."""
PUBLIC = (
    ("orchestrator/rows.py", "load_rows", "orchestrator"),
    ("trainables/ray_trainable.py", "SearchTrainable", "trainables.ray_trainable"),
    ("trainables/ray_trainable.py", "FinalTrainable", "trainables.ray_trainable"),
    ("trainables/architecture/genotype.py", "read_architecture", "trainables.architecture.genotype"),
    ("trainables/architecture/final_networks.py", "build_network", "trainables.architecture.final_networks"),
)
"""What others import: file, name, and from where."""


EXPERIMENT = {
    experiment._Top: "The file",
    spec.Stage: "A stage",
    spec.TableSpec: "A table",
    spec.FigureSpec: "A figure",
}
SETTINGS = {trainable.config_class(): f"Settings of `{name}`" for name, trainable in CATALOG.items()}
PROFILE = {profile.Profile: "The file"}


def experiment_page() -> str:
    about = (
        "What a YAML file of an experiment may say. Other keys are mistakes, but for those at the top that begin "
        "with `x-`. `config` and `grid` of a stage hold [the settings](settings.md)."
    )
    return model_page("The keys of an experiment", about, EXPERIMENT)


def settings_page() -> str:
    about = "What `config` and `grid` of a stage may say, by its `trainable`. `seed` is set in `grid`."
    return model_page("The settings of each kind of trial", about, SETTINGS)


def profile_page() -> str:
    about = "What `cluster.yaml`, or the file of `sharptune launch --profile`, may say: [clusters](../cluster.md)."
    return model_page("The keys of a cluster's profile", about, PROFILE)


# --- commands ---


def commands(
    group: click.Group | None = None, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words, groups before what is in them."""
    for name, command in (group or main.cli).commands.items():
        loaded = command.load() if isinstance(command, main.LazyCommand) else command
        yield (*path, name), loaded
        if isinstance(loaded, click.Group):
            yield from commands(loaded, (*path, name))


def command_section(words: Sequence[str], command: click.Command) -> str:
    """Return a command: how it is called, what it does, its options."""
    context = click.Context(command, info_name=" ".join(("sharptune", *words)))
    usage = command.get_usage(context).removeprefix("Usage: ")
    rows = [
        (cell(f"`{record[0]}`"), cell(record[1]))
        for option in command.params
        if isinstance(option, click.Option) and (record := option.get_help_record(context))
    ]
    options = f"\n{table(('option', 'meaning'), rows)}" if rows else ""
    about = "\n\n".join(cell(part) for part in inspect.cleandoc(command.help or "").split("\n\n"))
    return f"## {' '.join(words)}\n\n```\n{usage}\n```\n\n{about}\n{options}"


def commands_page() -> str:
    codes = (inspect.getdoc(main) or "").partition("Exit codes: ")[2].rstrip(".")
    rows = [code.strip().split(" ", 1) for code in codes.split(";")]
    exits = table(("exit code", "meaning"), [(f"`{code}`", cell(meaning)) for code, meaning in rows])
    about = "`sharptune COMMAND --help` says the same. Where there is `--json`, it prints JSON."
    sections = [command_section(words, command) for words, command in commands()]
    return f"# Commands\n\n{about}\n\n{exits}\n" + "\n".join(sections)


# --- metrics, files, Python ---


def metrics_page() -> str:
    about = (
        "What a table may show: names of `columns`, by themselves or, of an ancestor, with its stage: `search.params`. "
        "Errors are stored in percent, times in seconds or days; a table shows the largest unit that suits."
    )
    names = dict.fromkeys([*QUANTITIES, *(name for each in CATALOG.values() for name in (*each.metrics, *each.curves))])
    rows = []
    for name in names:
        quantity = QUANTITIES.get(name)
        units = ", ".join(unit.symbol for unit in quantity.units if unit.symbol) if quantity else ""
        split = next((words for start, words in SPLITS.items() if name.startswith(start) and "error" in name), "")
        in_rows = ", ".join(f"`{kind}`" for kind, each in CATALOG.items() if name in each.metrics) or _otherwise(name)
        curves = ", ".join(f"`{kind}`" for kind, each in CATALOG.items() if name in each.curves)
        rows.append((f"`{name}`", cell(quantity.title if quantity else ""), units, split, in_rows, curves))
    heads = ("name", "what", "units", "measured on", "once, by", "in every epoch, by")
    found = table(
        ("trainable", "found"),
        [
            (f"`{kind}`", ", ".join(f"`{name}`" for name in (*each.artifacts, *each.files)))
            for kind, each in CATALOG.items()
        ],
    )
    taken = f"## What a child may take\n\n`${{stage.name}}` of these:\n\n{found}"
    return f"# Metrics\n\n{about}\n\n{table(heads, rows)}\n{taken}"


def _otherwise(name: str) -> str:
    """Return where a metric comes from that no trainable measures."""
    return "the time that each trial took, and what it held" if name in QUANTITIES else ""


def source_docstring(file: str, name: str | None = None) -> str:
    """Return a docstring without importing the module, which may load torch."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    if name is None:
        return ast.get_docstring(tree) or ""
    return ast.get_docstring(_definition(tree, name)) or ""


def _definition(tree: ast.Module, name: str) -> Any:
    return next(node for node in tree.body if getattr(node, "name", None) == name)


def files_page() -> str:
    listing = source_docstring("trainables/record/trial_folder.py")
    sections = [f"# Files\n\n```text\n{listing}\n```\n"]
    for title, model in (("row.json", TrialRow), ("spec.json, and `spec` of the row", TrialSpec)):
        words = docstrings(model)
        rows = [(f"`{field.name}`", cell(words.get(field.name, ""))) for field in dataclasses.fields(model)]
        sections.append(f"## {title}\n\n{cell(inspect.getdoc(model) or '')}\n\n{table(('key', 'meaning'), rows)}")
    curves = [(f"`{kind}`", ", ".join(f"`{name}`" for name in each.curves)) for kind, each in CATALOG.items()]
    sections.append(
        f"## epochs.parquet\n\nOne row per epoch. Its numbers:\n\n{table(('trainable', 'columns'), curves)}"
    )
    predictions = source_docstring("trainables/loops/evaluation.py", "predictions_file")
    sections.append(f"## predictions.npz\n\n{cell(predictions)}\n")
    return "\n".join(sections)


def python_page() -> str:
    about = "What is meant to be imported. Examples: [own_tuner.md](../own_tuner.md), [export.md](../export.md)."
    sections = [f"# Python\n\n{about}\n"]
    for file, name, module in PUBLIC:
        node = _definition(ast.parse((ROOT / file).read_text(encoding="utf-8")), name)
        call = f"({ast.unparse(node.args)})" if isinstance(node, ast.FunctionDef) else "(config)"
        returns = f" -> {ast.unparse(node.returns)}" if getattr(node, "returns", None) else ""
        words = ast.get_docstring(node) or ""
        sections.append(f"## {module}.{name}\n\n```python\n{name}{call}{returns}\n```\n\n```text\n{words}\n```\n")
    return "\n".join(sections)


PAGES: Mapping[str, Callable[[], str]] = {
    "experiment": experiment_page,
    "settings": settings_page,
    "profile": profile_page,
    "commands": commands_page,
    "metrics": metrics_page,
    "files": files_page,
    "python": python_page,
}


def write(folder: Path) -> None:
    """Write all pages into a folder; one that is there already as it would be stays untouched."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
