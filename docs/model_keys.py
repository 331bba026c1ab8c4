"""Keys of YAML files, in words: what pydantic models and dataclasses take, each field with the docstring under it."""

import ast
import dataclasses
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Union

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

PLAIN = {int: "whole number", float: "number", str: "text", bool: "true or false", Any: "any value", type(None): "null"}
WRITTEN = {
    "_seconds": "duration, such as `12h`, `90min` or `30s`",
    "_bytes": "amount, such as `16GB` or `16GiB`",
    "plain_name": "plain name",
    "_space": "name, list or mapping",
}
"""Validators that take another type than their field has -> what is written in the file."""
SHORT = {"_as_list": "text, or ", "_as_column": "metric's name, or ", "_as_needs": "stage's name, or "}
"""Validators that take something shorter, too."""
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Key:
    """One key of a file, in words."""

    name: str
    type: str
    default: str
    meaning: str


def cell(text: str) -> str:
    """Return text as it stands in a cell of a table: what is no `code` says nothing to Markdown."""
    parts = re.split(r"(``[^`]+``|`[^`]+`)", " ".join(text.split()))
    plain = [re.sub(r"([\\<>*_\[\]])", r"\\\1", part) if at % 2 == 0 else part for at, part in enumerate(parts)]
    return "".join(plain).replace("|", r"\|")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, of cells that are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def anchor(heading: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def docstrings(cls: type) -> dict[str, str]:
    """Return what stands under the fields of a class and of those that it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if each.__module__.split(".")[0] not in ("orchestrator", "trainables"):
            continue
        [node] = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(node, ast.ClassDef)
        for field, below in zip(node.body, [*node.body[1:], None], strict=True):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = words
    return found


def is_model(kind: Any) -> bool:
    return isinstance(kind, type) and (issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind))


def hints(model: type) -> dict[str, Any]:
    """Return the annotations of a model's fields, in order."""
    names = model.model_fields if issubclass(model, BaseModel) else [f.name for f in dataclasses.fields(model)]
    known = typing.get_type_hints(model, include_extras=True)
    return {name: known[name] for name in names}


def models_in(annotation: Any) -> Iterator[type]:
    """Yield the models that an annotation mentions."""
    if is_model(annotation):
        yield annotation
    for part in typing.get_args(annotation):
        yield from models_in(part)


def family(*roots: type) -> list[type]:
    """Return models with all that their fields lead to, each once."""
    found: dict[type, None] = {}

    def add(model: type) -> None:
        if model not in found:
            found[model] = None
            for annotation in hints(model).values():
                for each in models_in(annotation):
                    add(each)

    for root in roots:
        add(root)
    return list(found)


def type_text(annotation: Any, titles: Mapping[type, str]) -> str:
    """Return a type in words."""
    if annotation in titles:
        return f"[{titles[annotation]}](#{anchor(titles[annotation])})"
    if typing.get_origin(annotation) is Annotated:
        kind, *metadata = typing.get_args(annotation)
        return _annotated(type_text(kind, titles), metadata)
    parts = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case origin if origin is Literal:
            return ", ".join(f"`{part}`" for part in parts)
        case origin if origin in (Union, types.UnionType):
            last = "; or null" if type(None) in parts else ""
            return " or ".join(type_text(part, titles) for part in parts if part is not type(None)) + last
        case origin if origin in (list, tuple):
            return f"list of {type_text(parts[0], titles)}"
        case origin if origin in (dict, Mapping):
            return f"mapping of {type_text(parts[0], titles)} to {type_text(parts[1], titles)}"
    return PLAIN.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _annotated(text: str, metadata: Sequence[Any]) -> str:
    bounds: list[str] = []
    for each in metadata:
        name = getattr(getattr(each, "func", None), "__name__", "")
        text = WRITTEN.get(name, SHORT.get(name, "") + text)
        for limit in each.metadata if isinstance(each, FieldInfo) else [each]:
            bounds += [f"{word} {getattr(limit, key):g}" for key, word in BOUNDS.items() if hasattr(limit, key)]
            if getattr(limit, "min_length", None):
                bounds.append("not empty")
    return ", ".join([text, *bounds])


def default_of(model: type, name: str) -> Any:
    """Return a field's default; `PydanticUndefined` of one that must be there."""
    if issubclass(model, BaseModel):
        return model.model_fields[name].get_default(call_default_factory=True)
    field = next(field for field in dataclasses.fields(model) if field.name == name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return PydanticUndefined if field.default is dataclasses.MISSING else field.default


def default_text(value: Any) -> str:
    """Return a default as it would be written in the file."""
    if value is PydanticUndefined:
        return "required"
    if value is None or value == "" or is_model(type(value)):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list | tuple | dict):
        return f"`{ {} if isinstance(value, dict) else list(value) }`".replace("` ", "`").replace(" `", "`")
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def keys(model: type, titles: Mapping[type, str]) -> list[Key]:
    """Return the keys of a mapping."""
    words = docstrings(model)
    return [
        Key(
            name=name,
            type=type_text(annotation, titles),
            default=default_text(default_of(model, name)),
            meaning=words.get(name, ""),
        )
        for name, annotation in hints(model).items()
    ]


def model_page(title: str, about: str, roots: Mapping[type, str]) -> str:
    """Return a page of the keys of models, and of those that they lead to."""
    models = family(*roots)
    titles = {model: roots.get(model) or re.sub(r"(Spec|Profile)$", "", model.__name__) for model in models}
    sections = []
    for model in models:
        rows = [(f"`{key.name}`", key.type, key.default, cell(key.meaning)) for key in keys(model, titles)]
        body = table(("key", "type", "default", "meaning"), rows)
        sections.append(f"## {titles[model]}\n\n{cell(inspect.getdoc(model) or '')}\n\n{body}")
    return f"# {title}\n\n{about}\n\n" + "\n".join(sections)
