"""YAML 1.2 text as values, with the line of every key kept beside them.

Plain words are read by the YAML 1.2 core schema: `1e-8` is a number, `yes` and `on` are text, `0o17` is 15. Nothing but
JSON values comes out; tags that would make anything else are refused, and so are keys that stand twice.
"""

import copy
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from orchestrator.errors import Problem
from trainables.trial import JSON

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a document: keys of mappings and positions in lists, outermost first."""

MERGE = "<<"
"""The key of YAML 1.1 that merges mappings in; YAML 1.2 has none, but people and tools write it."""
DEEPEST = 40
LARGEST = 100_000
"""The values a document may hold, everything that an alias stands for counted each time."""

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "seq", "map"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Where something was read: a line and column of a file (from 1), or an override, which has neither."""

    file: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """A document's values, and where each was read."""

    file: str
    value: JSON
    marks: Mapping[Path, Mark]
    problems: tuple[Problem, ...] = ()
    """What is wrong with the YAML itself."""

    def locate(self, path: Path) -> Mark:
        """Return where the value at a path stands, or the closest thing around it that has a place."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.marks:
                return self.marks[path[:length]]
        return Mark(file=self.file, line=1, column=1)

    def get(self, path: Path) -> JSON:
        """Return the value at a path. Raises: KeyError when there is none."""
        value = self.value
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError) as error:
                raise KeyError(path) from error
        return value

    def problem(self, path: Path, message: str) -> Problem:
        """Return a problem of the value at a path, with its place and what was read there."""
        path = self._written(path)
        mark = self.locate(path)
        try:
            read = shown(self.get(path))
        except KeyError:
            read = None
        return Problem(file=mark.file, line=mark.line, path=path_text(path), read=read, message=message)

    def _written(self, path: Path) -> Path:
        """Return the path of one item of a list, also where it is written without the list around it."""
        try:
            alone = bool(path) and isinstance(path[-1], int) and isinstance(self.get(path[:-1]), str)
        except KeyError:
            return path
        return path[:-1] if alone else path

    def replaced(self, path: Path, value: JSON, origin: str) -> "Document":
        """Return a document with another value at a path, whose place is `origin`. All but the last key must exist."""
        whole = copy.deepcopy(self.value)
        around = whole
        for part in path[:-1]:
            around = around[part]
        around[path[-1]] = value
        marks = {where: mark for where, mark in self.marks.items() if where[: len(path)] != path}
        marks[path] = Mark(file=origin)
        return Document(file=self.file, value=whole, marks=marks, problems=self.problems)


def parse_document(text: str, *, file: str) -> Document:
    """Return what a text says. Mistakes of the YAML are in its `problems`; the value of broken YAML is None."""
    reader = _Reader(file=file, events=iter(YAML(typ="safe", pure=True).parse(text.removeprefix("\ufeff"))))
    try:
        value = reader.document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        context = f"{error.context}: " if error.context else ""
        reader.report((), Mark(file=file, line=line, column=column), f"not YAML: {context}{error.problem}")
        value = None
    except YAMLError as error:
        message = f"not YAML: {' '.join(str(error).split())}"
        reader.report((), Mark(file=file, line=_line_of_strange_character(text), column=1), message)
        value = None
    except _TooMuch as error:
        reader.report((), Mark(file=file, line=1, column=1), str(error))
        value = None
    return Document(file=file, value=value, marks=reader.marks, problems=tuple(reader.problems))


def unseen_character(text: str) -> str | None:
    """Return the first character that people cannot see, or take for a space, as `U+00A0 (no-break space)`."""
    for character in text:
        if not character.isprintable():
            return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character').lower()})"
    return None


def path_text(path: Path) -> str:
    """Return a path as people write it: `stages.search.grid.seed[1]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def shown(value: JSON, limit: int = 80) -> str:
    """Return a value as short text on one line."""
    text = _shown(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _shown(value: JSON) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return repr(value)


def read_plain(text: str) -> JSON:
    """Return what an unquoted word means in the YAML 1.2 core schema."""
    constants: tuple[tuple[re.Pattern[str], JSON], ...] = (
        (_NULL, None),
        (_TRUE, True),
        (_FALSE, False),
        (_NAN, float("nan")),
    )
    for pattern, value in constants:
        if pattern.fullmatch(text):
            return value
    if _INTEGER.fullmatch(text) and len(text) <= 1000:  # Python refuses to read longer ones
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _INFINITY.fullmatch(text):
        return float("-inf") if text.startswith("-") else float("inf")
    return float(text) if _FLOAT.fullmatch(text) else text


def _is_merge(event: Any) -> bool:
    return type(event).__name__ == "ScalarEvent" and event.value == MERGE and event.implicit[0]


class _TooMuch(Exception):
    """A document deeper or larger than any experiment is."""


@dataclass(kw_only=True)
class _Reader:
    """Builds values out of the YAML library's events, one call for each node.

    Not out of its composed nodes: these are there only when all of a text has been read and is right, so that nothing
    would be said of a broken document but where it breaks, and nothing refused for its size in time; and an alias is
    its anchor's node, whose place is the anchor's.
    """

    file: str
    events: Iterator[Any]
    marks: dict[Path, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, tuple[JSON, int]] = field(default_factory=dict)
    size: int = 0

    def document(self) -> JSON:
        value: JSON = None
        documents = 0
        for event in self.events:
            match type(event).__name__:
                case "DocumentStartEvent":
                    documents += 1
                    if documents > 1:
                        self.report((), self._mark(event), "a second document begins here; a file holds one experiment")
                        break
                case "StreamStartEvent" | "StreamEndEvent" | "DocumentEndEvent" | "CommentEvent":
                    pass
                case _:
                    value = self._node(event, ())
        return value

    def report(self, path: Path, mark: Mark, message: str, read: str | None = None) -> None:
        self.problems.append(Problem(file=mark.file, line=mark.line, path=path_text(path), read=read, message=message))

    def _mark(self, event: Any) -> Mark:
        return Mark(file=self.file, line=event.start_mark.line + 1, column=event.start_mark.column + 1)

    def _node(self, event: Any, path: Path) -> JSON:
        if len(path) > DEEPEST:
            raise _TooMuch(f"nested deeper than {DEEPEST} levels")
        self._grow(1)
        self.marks.setdefault(path, self._mark(event))
        if type(event).__name__ == "AliasEvent":
            return self._alias(event, path)
        before = self.size
        self._refuse_tag(event, path)
        match type(event).__name__:
            case "MappingStartEvent":
                value = self._mapping(event, path)
            case "SequenceStartEvent":
                value = self._sequence(path)
            case _:
                text = self._text(event, path)
                plain = event.implicit[0] or event.tag in _PLAIN_TAGS
                value = read_plain(text) if plain else text
        if event.anchor:
            self.anchors[event.anchor] = (value, self.size - before + 1)
        return value

    def _grow(self, values: int) -> None:
        self.size += values
        if self.size > LARGEST:
            raise _TooMuch(f"larger than {LARGEST} values")

    def _alias(self, event: Any, path: Path) -> JSON:
        if event.anchor not in self.anchors:
            self.report(path, self._mark(event), f"*{event.anchor} stands for nothing that is complete here")
            return None
        value, size = self.anchors[event.anchor]
        self._grow(size)
        return copy.deepcopy(value)

    def _sequence(self, path: Path) -> list[JSON]:
        values: list[JSON] = []
        while type(event := next(self.events)).__name__ != "SequenceEndEvent":
            values.append(self._node(event, (*path, len(values))))
        return values

    def _mapping(self, start: Any, path: Path) -> dict[str, JSON]:
        values: dict[str, JSON] = {}
        merged: dict[str, JSON] = {}
        order: dict[str, None] = {}
        while type(event := next(self.events)).__name__ != "MappingEndEvent":
            mark = self._mark(event)
            if _is_merge(event) and not merged:
                merged = self._merged(mark, path)
                order |= dict.fromkeys(merged)
                continue
            key = self._key(event, path)
            if key is None or key in values:
                where = self._aside(path)
                value = self._node(next(self.events), where)
                if key is not None:
                    line = self.marks[(*path, key)].line
                    message = f"the key {key!r} stands here a second time; the first is in line {line}"
                    self.report((*path, key), mark, message, shown(value))
                continue
            self.marks[(*path, key)] = mark
            order[key] = None
            values[key] = self._node(next(self.events), (*path, key))
        return {key: values[key] if key in values else merged[key] for key in order}

    def _merged(self, mark: Mark, path: Path) -> dict[str, JSON]:
        """Return what `<<: *name` brings in, where the mapping itself says nothing; the first of several counts."""
        value = self._node(next(self.events), (*path, MERGE))
        merged: dict[str, JSON] = {}
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict):
                message = "takes a mapping, or a list of mappings, to be merged in: `<<: *name`"
                self.report((*path, MERGE), mark, message, shown(each))
                continue
            merged = {**each, **merged}
        for key in merged:
            self.marks.setdefault((*path, key), mark)
        return merged

    def _aside(self, path: Path) -> Path:
        """Return a path for values that are read over: their places must not hide those of the values kept."""
        return (*path, "", len(self.problems))

    def _key(self, event: Any, path: Path) -> str | None:
        if type(event).__name__ == "ScalarEvent" and event.value != "":
            text = self._text(event, path)
            if event.implicit[0] and (unseen := unseen_character(text)):  # in quotes it is meant
                self.report(path, self._mark(event), f"the key {text!r} holds {unseen}, which looks like nothing")
                return None
            return text
        self._node(event, self._aside(path))
        self.report(path, self._mark(event), "a key must be a word")
        return None

    def _text(self, event: Any, path: Path) -> str:
        """Return a word's text: the halves that JSON's escapes make of a character are put together."""
        try:
            return event.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.report(path, self._mark(event), "holds half of a character")
            return event.value.encode("ascii", "replace").decode("ascii")

    def _refuse_tag(self, event: Any, path: Path) -> None:
        if event.tag is not None and event.tag not in (*_TEXT_TAGS, *_PLAIN_TAGS):
            message = f"the tag {event.tag} is not allowed; a document holds plain values only"
            self.report(path, self._mark(event), message)


def _line_of_strange_character(text: str) -> int:
    """Return the line of the first character that YAML does not allow."""
    for number, line in enumerate(text.split("\n"), start=1):
        if any(ord(character) < 0x20 and character not in "\t\r" for character in line):
            return number
    return 1
