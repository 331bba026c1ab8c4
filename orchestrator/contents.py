"""Content, not names: what a dataset's or genotype's name in an experiment stands for.

A trial's id must not depend on what a thing is called or where it lies, so names, aliases, folders and files are
replaced before anything is hashed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trainables.architecture.genotype import Genotype, read_genotype
from trainables.architecture.published import ALIASES, PUBLISHED
from trainables.data import catalog as datasets
from trainables.errors import unknown_name
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
        raise unknown_name("dataset", written, datasets.DATASETS)
    return Content(value=datasets.resolve(written, base=base) if isinstance(written, str) else written)


def genotype_content(written: JSON, *, base: Path) -> Content:
    """Return the cells of a published name, a file, or a mapping. Raises: UnknownName, InvalidGenotype."""
    if not isinstance(written, str):
        return Content(value=Genotype.from_json(written).to_json(), declares=_declared(written))
    value = read_genotype(written, base=base).to_json()
    if written in PUBLISHED or written in ALIASES:
        return Content(value=value)
    return Content(value=value, declares=_declared(json.loads((base / written).read_text(encoding="utf-8"))))


def _declared(data: Mapping[str, JSON]) -> dict[str, JSON]:
    return {"operations": data["operations"]} if "operations" in data else {}


RESOLVERS: Mapping[str, Resolve] = {"dataset": dataset_content, "genotype": genotype_content}
"""The fields whose values are names of something: field -> how to find it."""
