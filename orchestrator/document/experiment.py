"""An experiment as it is written: stages and tables, read from YAML and checked for form.

Everything wrong with the form is collected in `Experiment.problems`, each with its line; `plan.expand` adds what is
wrong with the meaning, and raises all of it at once.
"""

import difflib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path as FilePath
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from orchestrator.document.overrides import apply_overrides
from orchestrator.document.spec import FIGURE_KEYS, FigureSpec, Form, Name, Stage, TableSpec, plain_name
from orchestrator.document.validation_errors import findings
from orchestrator.document.yaml_document import Document, Path, parse_document
from orchestrator.errors import Problem, SpecError
from trainables.errors import unknown_name
from trainables.trial import JSON

STDIN = FilePath("-")
"""What is given as a file for standard input, from which an experiment may be read; relative paths start from here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """An experiment file's content. Parts that cannot be read are left out and stand in `problems`."""

    name: str
    title: str | None
    source: FilePath
    stages: Mapping[str, Stage]
    tables: Mapping[int, TableSpec]
    """By position in the file."""
    figures: Mapping[int, FigureSpec]
    """By position in the file."""
    declared: frozenset[str]
    """The names of all stages, also of those that could not be read."""
    document: Document
    text: str = ""
    """The file's own words, before any override."""
    problems: tuple[Problem, ...] = ()

    @property
    def base(self) -> FilePath:
        """The folder from which relative paths in the file start."""
        return self.source.parent


class _Top(Form):
    experiment: Name
    """Its name."""
    title: str | None = None
    """What it is about: over its report."""
    stages: Annotated[dict[str, Any], Field(min_length=1)]
    """Its stages by name, in the order in which they need each other."""
    tables: list[Any] = Field(default_factory=list)
    """What `sharptune table` prints."""
    figures: list[Any] = Field(default_factory=list)
    """What `sharptune figure` draws."""


def load_experiment(source: str | FilePath, *, overrides: Iterable[str] = ()) -> Experiment:
    """Read an experiment: an existing file, or a packaged experiment's name.

    Mistakes of form are kept in the result's `problems` and raised by `plan.expand`, together with those of meaning.
    Raises: SpecError, UnknownName when there is no such file, or nothing in it that could be an experiment.
    """
    path = find_source(source)
    try:
        text = sys.stdin.buffer.read().decode() if path == STDIN else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"cannot be read: {reason}"
        raise SpecError([Problem(file=str(source), line=None, path="", read=None, message=message)]) from error
    file = "standard input" if path == STDIN else str(source if path == FilePath(source) else path)
    base = path if path.is_file() else FilePath(path.name)  # a pipe lies nowhere
    return parse_experiment(text, file=file, source=base, overrides=overrides)


def find_source(source: str | FilePath) -> FilePath:
    """Return the file of an experiment, STDIN for `-`. Raises: UnknownName; SpecError for a folder."""
    path = _expanded(source)
    if path == STDIN or (path.exists() and not path.is_dir()):
        return path
    known = packaged()
    name = str(source).removesuffix(".yaml").removeprefix("experiments/")
    if name in known:
        return known[name]
    if path.is_dir():
        raise SpecError([Problem(file=str(source), line=None, path="", read=None, message="is a folder, not a file")])
    raise unknown_name("experiment or file", str(source), [*known, *_alike(str(source), path)])


def _expanded(source: str | FilePath) -> FilePath:
    """Return a path with `~` as the home that it means; as it is where there is none."""
    try:
        return FilePath(source).expanduser()
    except RuntimeError:
        return FilePath(source)


def _alike(written: str, path: FilePath) -> list[str]:
    """Return the experiments' files beside a path whose names are like its own, as one would write them."""
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    names = [each.name for each in beside if each.suffix in (".yaml", ".yml")]
    close = difflib.get_close_matches(path.name, names) + difflib.get_close_matches(f"{path.name}.yaml", names)
    return [written.removesuffix(path.name) + name for name in dict.fromkeys(close)]


def packaged() -> dict[str, FilePath]:
    """Return the experiments that come with the package, by name."""
    folder = FilePath(str(resources.files("experiments")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml")) if path.stem != "paper"}


def parse_experiment(
    text: str, *, file: str = "experiment.yaml", source: FilePath | None = None, overrides: Iterable[str] = ()
) -> Experiment:
    """Read an experiment from text, as if from the file `source`. Raises: SpecError when nothing of it is usable."""
    document = _without_own_keys(apply_overrides(parse_document(text, file=file), overrides))
    reading = _Reading(document=document, problems=list(document.problems))
    if not isinstance(document.value, dict):
        if not reading.problems:
            reading.report((), "must be a mapping with the keys experiment and stages")
        raise SpecError(reading.problems)
    top = reading.form(_Top, ())
    stages = top.get("stages", {}) if isinstance(top.get("stages"), dict) else {}
    for name in stages:
        reading.check_name(("stages", name), name)
    tables = top.get("tables", []) if isinstance(top.get("tables"), list) else []
    figures = top.get("figures", []) if isinstance(top.get("figures"), list) else []
    return Experiment(
        name=top.get("experiment", ""),
        title=top.get("title"),
        source=source or FilePath(file),
        stages=reading.stages(stages),
        tables=reading.tables(tables),
        figures=reading.figures(figures),
        declared=frozenset(stages),
        document=document,
        text=text,
        problems=tuple(reading.problems),
    )


def _without_own_keys(document: Document) -> Document:
    """Return the document without what its author keeps at its top, under keys in `x-`, to take from by anchors."""
    if not isinstance(document.value, dict):
        return document
    kept = {key: value for key, value in document.value.items() if not key.startswith("x-")}
    return replace(document, value=kept)


@dataclass(kw_only=True)
class _Reading:
    """Reads the parts of a document one by one, so that a mistake in one hides none in another."""

    document: Document
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: Path, message: str) -> None:
        self.problems.append(self.document.problem(path, message))

    def check_name(self, path: Path, name: str) -> None:
        try:
            plain_name(name)
        except ValueError as error:
            self.report(path, f"the name {name!r} {error}")

    def form(self, model: Any, path: Path) -> dict[str, JSON]:
        """Return the values at a path that have the form of the model's fields; report the others.

        Empty when what stands there is no mapping, or lacks something that has no default.
        """
        value = self.document.get(path)
        try:
            TypeAdapter(model).validate_python(value)
        except ValidationError as error:
            found = findings(error, value, model)
        else:
            return dict(value)
        for where, message in found:
            self.report((*path, *where), message)
        if not isinstance(value, dict):
            return {}
        wrong = {where[0] for where, _ in found if where}
        return {key: each for key, each in value.items() if key not in wrong}

    def stages(self, declared: Mapping[str, JSON]) -> dict[str, Stage]:
        read = {name: self.form(Stage, ("stages", name)) for name in declared}
        return {name: Stage.model_validate(values) for name, values in read.items() if "trainable" in values}

    def tables(self, declared: list[JSON]) -> dict[int, TableSpec]:
        read = {index: self.form(TableSpec, ("tables", index)) for index in range(len(declared))}
        for index, values in read.items():
            if "columns" in values and not values.keys() & {"stage", "lines"}:
                self.report(("tables", index), "needs the key 'stage', or 'lines' that name stages")
        tables = {
            index: TableSpec.model_validate({"name": f"table-{index}", **values})  # the name may be what is wrong
            for index, values in read.items()
            if "columns" in values and values.keys() & {"stage", "lines"}
        }
        self._refuse_repeated("table", tables)
        return tables

    def figures(self, declared: list[JSON]) -> dict[int, FigureSpec]:
        read = {index: self.form(FigureSpec, ("figures", index)) for index in range(len(declared))}
        figures: dict[int, FigureSpec] = {}
        for index, values in read.items():
            written = self.document.get(("figures", index))
            kind = values.get("kind", "curves")
            if not isinstance(written, dict) or "kind" in written.keys() - values.keys():
                continue  # what it takes is not known
            required, optional = FIGURE_KEYS[kind]
            allowed = ("name", "kind", "title", *required, *optional)
            for key in values.keys() - set(allowed):
                message = f"is no key of a figure of kind {kind!r}, which takes {', '.join(allowed)}"
                self.report(("figures", index, key), message)
            for key in (key for key in required if key not in written):
                self.report(("figures", index, key), "is missing")
            if set(required) <= values.keys():
                figures[index] = FigureSpec.model_validate({"name": f"figure-{index}", **values})
        self._refuse_repeated("figure", figures)
        return figures

    def _refuse_repeated(self, kind: str, specs: Mapping[int, TableSpec | FigureSpec]) -> None:
        names: dict[str, int] = {}
        for index, spec in specs.items():
            if spec.name in names:
                self.report((f"{kind}s", index, "name"), f"{kind} {names[spec.name]} has this name already")
            names.setdefault(spec.name, index)
