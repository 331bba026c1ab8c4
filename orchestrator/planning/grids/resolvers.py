"""Content, not names: what the name of a dataset, an architecture or a search space in an experiment stands for.

A trial's id must not depend on what a thing is called or where it lies, so names, aliases, folders and files are
replaced before anything is hashed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator.document.yaml_document import parse_document
from trainables.architecture.genotype import declared, read_architecture, read_declared
from trainables.architecture.spaces import SPACE_NAMES, InvalidSpace, Space, read_space, written_space
from trainables.data.catalog import DATASETS
from trainables.data.datasets import resolve
from trainables.errors import SharptuneError, unknown_name
from trainables.trial import JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a written value stands for."""

    value: JSON
    declares: Mapping[str, JSON] = field(default_factory=dict)
    """What it says about other fields: a genotype's file tells how its operations are built."""


class Resolve(Protocol):
    """Returns the content of a written value; relative paths start from `base`. Raises: SharptuneError."""

    def __call__(self, written: JSON, *, base: Path) -> Content: ...


def dataset_content(written: JSON, *, base: Path) -> Content:
    """Return the identity of a dataset's name or folder; what is no text stays as it is, for the field to refuse."""
    if written == "":  # as a path it would be the experiment's own folder, which nobody means
        raise unknown_name("dataset", written, DATASETS)
    return Content(value=resolve(written, base=base) if isinstance(written, str) else written)


def genotype_content(written: JSON, *, base: Path) -> Content:
    """Return the cells or the path of a published name, a file, or a mapping. Raises: UnknownName, InvalidGenotype."""
    if isinstance(written, str):
        architecture, declares = read_declared(written, base=base)
    else:
        architecture, declares = read_architecture(written), declared(written)
    return Content(value=architecture.to_json(), declares=declares)


def space_content(written: JSON, *, base: Path) -> Content:
    """Return a search space by name if it has one, else all of it. Raises: UnknownName, InvalidSpace."""
    return Content(value=written_space(find_space(written, base=base)))


def find_space(written: JSON, *, base: Path) -> Space:
    """Return the space that a name, a list of primitives, a mapping, or a file of one of the last two stands for.

    A name comes before a file; files are JSON or YAML, and relative ones start from `base`.

    Raises: UnknownName; InvalidSpace, for a file with its path.
    """
    if not isinstance(written, str) or written in SPACE_NAMES:
        return read_space(written)
    path = base / Path(written).expanduser()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        if not _is_file(path):
            raise unknown_name("space", written, SPACE_NAMES) from error
        raise InvalidSpace(f"{path}: cannot be read: {error}") from error
    document = parse_document(text, file=str(path))
    if document.problems:
        raise InvalidSpace(str(document.problems[0]))
    if isinstance(document.value, str):
        raise InvalidSpace(f"{path}: a file holds a list of primitives or a mapping, not a name")
    try:
        return read_space(document.value)
    except SharptuneError as error:
        raise InvalidSpace(f"{path}: {error}") from error


def _is_file(path: Path) -> bool:
    """Say whether there is such a file; a text that cannot be a path at all is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


RESOLVERS: Mapping[str, Resolve] = {
    "dataset": dataset_content,
    "genotype": genotype_content,
    "space": space_content,
}
"""The fields whose values are names of something: field -> how to find it."""
