"""What pydantic finds wrong, as places and sentences for a person."""

import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, TypeAlias, Union

from pydantic import BaseModel, ValidationError

from orchestrator.document.yaml_document import Path
from trainables.errors import unknown_name
from trainables.trial import JSON

Finding: TypeAlias = tuple[Path, str]
"""Where in a value, and what is wrong there."""

_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than": ("gt", "must be greater than"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be less than"),
    "less_than_equal": ("le", "must be at most"),
}
_KINDS: Mapping[str, str] = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "dataclass_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "dataclass_exact_type": "must be a mapping",
    "too_short": "must not be empty",
}


def findings(error: ValidationError, value: JSON, annotation: Any, *, kind: str = "value") -> list[Finding]:
    """Return what is wrong with a value, the first thing at each place.

    Args:
        annotation: the type the value was read as; tells which keys a mapping may have.
        kind: what a wrong value is called where its place has no name: `weighting` in `unknown weighting 'maxw'`.
    """
    found: dict[Path, str] = {}
    for detail in error.errors(include_url=False):
        path = _place(detail["loc"], value, detail["type"])
        found.setdefault(path, _sentence(detail, path, annotation, kind))
    return list(found.items())


def plain_bound(number: float) -> str:
    return f"{number:g}"


def _place(location: Sequence[str | int], around: JSON, kind: str) -> Path:
    """Return the parts of pydantic's location that are keys and positions; it also names branches of unions."""
    path: list[str | int] = []
    value: Any = around
    for part in location:
        if _holds(value, part):
            value = value[part]
            path.append(part)
    if kind in ("missing", "missing_argument", "missing_keyword_only_argument"):
        path.append(location[-1])
    return tuple(path)


def _holds(value: JSON, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, Mapping) and part in value


def _sentence(detail: Any, path: Path, annotation: Any, kind: str) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            names = [part for part in path if isinstance(part, str)]
            return _literal(detail["input"], context["expected"], names[-1] if names else kind)
        case "extra_forbidden" | "unexpected_keyword_argument":
            return str(unknown_name("key", path[-1], keys_of(annotation, path[:-1])))
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return "is missing"
        case "value_error" | "assertion_error":
            return str(context["error"])
        case bound if bound in _BOUNDS:
            name, words = _BOUNDS[bound]
            return f"{words} {plain_bound(context[name])}"
        case other:
            return _KINDS.get(other, detail["msg"])


def _literal(value: JSON, expected: str, kind: str) -> str:
    names = re.findall(r"'([^']*)'", expected)
    return str(unknown_name(kind, value, names)) if names else f"must be {expected}"


def keys_of(annotation: Any, path: Path) -> tuple[str, ...]:
    """Return the keys that a mapping at a path of a value of this type may have."""
    for branch in _branches(annotation):
        origin, arguments = typing.get_origin(branch), typing.get_args(branch)
        if isinstance(branch, type) and (is_dataclass(branch) or issubclass(branch, BaseModel)):
            fields = typing.get_type_hints(branch, include_extras=True)
            names = tuple(branch.model_fields) if issubclass(branch, BaseModel) else tuple(fields)
            if not path:
                return names
            if path[0] in fields:
                return keys_of(fields[str(path[0])], path[1:])
        elif path and origin in (list, tuple):
            return keys_of(arguments[0], path[1:])
        elif path and origin is dict:
            return keys_of(arguments[1], path[1:])
    return ()


def _branches(annotation: Any) -> Iterator[Any]:
    """Yield the members of a union, `Annotated` taken off."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        yield from _branches(typing.get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from _branches(member)
    else:
        yield annotation
