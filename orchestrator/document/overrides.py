"""`--set stages.train.config.epochs=2`: another value at a place of a document, for trying things."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from orchestrator.document.yaml_document import Document, Path, parse_document
from orchestrator.errors import Problem
from trainables.errors import UnknownName, unknown_name

_MADE_ON_DEMAND = ("config", "grid", "resources", "filter")
"""Mappings that an override may begin; all others must stand in the document."""


def apply_overrides(document: Document, overrides: Iterable[str]) -> Document:
    """Return the document with each override in place, in order. What is wrong with one names it in a problem."""
    for text in overrides:
        document = _apply(document, text)
    return document


def _apply(document: Document, text: str) -> Document:
    origin = f"--set {text}"
    keys, equals, value_text = text.partition("=")
    path = _path(keys)
    if not equals or not path:
        return _refused(document, origin, "must look like stages.train.config.epochs=2")
    value = parse_document(value_text, file=origin)
    if value.problems:
        return _refused(document, origin, f"the value is {value.problems[0].message}")
    try:
        document, path = _opened(document, path, origin)
    except UnknownName as error:
        return _refused(document, origin, str(error))
    return document.replaced(path, value.value, origin)


def _path(keys: str) -> Path:
    parts = re.sub(r"\[(\d+)\]", r".\1", keys.strip()).split(".")
    return tuple(parts) if all(parts) else ()


def _opened(document: Document, parts: Path, origin: str) -> tuple[Document, Path]:
    """Return the path with positions as numbers, and the document with everything above it. Raises: UnknownName."""
    path: Path = ()
    for depth, part in enumerate(parts):
        around = document.get(path)
        last = depth == len(parts) - 1
        if isinstance(around, list):
            if not str(part).isdecimal() or int(part) >= len(around):
                raise unknown_name("position", part, map(str, range(len(around))))
            path = (*path, int(part))
        elif isinstance(around, Mapping):
            if part not in around and not last and part not in _MADE_ON_DEMAND:
                raise unknown_name("key", part, around)
            if part not in around and not last:
                document = document.replaced((*path, part), {}, origin)
            path = (*path, part)
        else:
            raise UnknownName(f"unknown key {part!r}; what stands around it holds no keys")
    return document, path


def _refused(document: Document, origin: str, message: str) -> Document:
    problem = Problem(file=origin, line=None, path="", read=None, message=message)
    return replace(document, problems=(*document.problems, problem))
