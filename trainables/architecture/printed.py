"""Genotypes as DARTS and its descendants print them: `Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=…, …)`.

They stand in logs and in modules called genotypes.py. What stands there is parsed, never evaluated: literals, tuples,
lists, `range(…)` and what NumPy wraps numbers in, nothing else.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from typing import Any

from trainables.errors import InvalidGenotype, shown, unknown_name

LONGEST = 20_000
"""Characters of the longest call that is read; those of published ones have some hundreds."""
DEEPEST = 10
"""Brackets within brackets of the deepest call that is read."""
LONGEST_NAME = 200
"""Characters before a call in which its name stands, from the beginning of a line."""
LARGEST_NUMBER = 1_000
"""What `range` may count to."""

_CALL = re.compile(r"\bGenotype\s*\(")
_BRACKETS = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|#[^\n]*|[()\[\]{}]")
_IN_LOGS = re.compile(
    r"(?i:(?<!best )\bepoch)[\s:=#\[\"']{0,4}(?P<epoch>\d{1,6})\b|\b(?:Train|Valid): \[\s*(?P<of>\d{1,6})/|"
    + _CALL.pattern
)
_IN_MODULES = re.compile(
    r'"""(?s:.*?)"""|\'\'\'(?s:.*?)\'\'\'|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|#[^\n]*'
    r"|^(?P<alias>\w+)[ \t]*=[ \t]*(?P<of>\w+)[ \t]*(?=#|$)|" + _CALL.pattern,
    re.MULTILINE,
)
_ASSIGNED = re.compile(r"(\w+)\s*(?::\s*[\w.]+\s*)?=\s*(?:\w+\.)?")
_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat", "layout")
"""The fields of the named tuple, in its order; the last one in the code of sharpDARTS only."""


def holds_printed(text: str) -> bool:
    """Return whether a genotype is printed in a text."""
    return _CALL.search(text) is not None


def in_log(text: str, epoch: str) -> tuple[int, int]:
    """Return (start, line) of the last genotype of a log, or of the last one under an epoch.

    A genotype stands under the last epoch that is named before it, as in `epoch 12 lr 2.1e-02` or `Train: [12/50]`.

    Args:
        text: the log.
        epoch: a number; or empty, for the last genotype of all.

    Raises: InvalidGenotype, when there is none.
    """
    if epoch and not (epoch.isdecimal() and len(epoch) < 7):
        raise InvalidGenotype(f"the number of an epoch follows the name of a log, got {shown(epoch)}")
    found: dict[int | None, int] = {}
    current = last = None
    for match in _IN_LOGS.finditer(text):
        if (number := match["epoch"] or match["of"]) is not None:
            current = int(number)
        else:
            found[current] = last = match.start()
    start = found.get(int(epoch)) if epoch else last
    if start is None:
        epochs = [number for number in found if number is not None]
        have = f"those of epochs {min(epochs)} to {max(epochs)}" if epochs else "none that says its epoch"
        raise InvalidGenotype(
            f"no genotype is printed under epoch {epoch}; there are {have}" if epoch else "no genotype is printed there"
        )
    return start, _line(text, start)


def in_module(text: str, name: str) -> tuple[int, int]:
    """Return (start, line) of the genotype that a module gives a name, or of the only one. Nothing is imported.

    Raises: InvalidGenotype, when there is none, or are several and no name; UnknownName for another name.
    """
    starts: dict[str, int] = {}
    for match in _IN_MODULES.finditer(text):
        if match["alias"] and match["of"] in starts:
            starts[match["alias"]] = starts[match["of"]]
        elif match.group().startswith("Genotype"):
            before = text[max(match.start() - LONGEST_NAME, 0) : match.start()].rpartition("\n")[2]
            if assigned := _ASSIGNED.fullmatch(before):
                starts[assigned[1]] = match.start()
    if not starts:
        raise InvalidGenotype("no line NAME = Genotype(…) is there")
    if name and name not in starts:
        raise unknown_name("genotype", name, starts)
    if not name and len(set(starts.values())) > 1:
        raise InvalidGenotype(f"it has several genotypes; say after a colon which one: {', '.join(starts)}")
    start = starts[name] if name else next(iter(starts.values()))
    return start, _line(text, start)


def read_printed(text: str, start: int) -> dict[str, Any]:
    """Return the genotype that is printed at a position, as `Genotype.from_json` takes it.

    Raises: InvalidGenotype, UnknownName: one sentence about the first thing that is wrong.
    """
    call = _call(text[start : start + LONGEST])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of literals that some future version of Python will refuse
            tree = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", "") or type(error).__name__
        raise InvalidGenotype(f"the printed genotype cannot be read: {why}") from error
    if not isinstance(tree, ast.Call):
        raise InvalidGenotype("the printed genotype cannot be read: it goes on after its last bracket")
    fields = {name: value for name, value in _fields(tree, call) if value is not None}
    if fields.pop("layout", "cell") != "cell":
        raise InvalidGenotype("a printed genotype is read where its layout is 'cell'")
    return {name: _flat(name, value) if name in ("normal", "reduce") else value for name, value in fields.items()}


def _call(text: str) -> str:
    """Return the beginning of a text up to the bracket that closes the first one."""
    depth = 0
    for match in _BRACKETS.finditer(text):
        if match.group() in ("(", "[", "{"):
            depth += 1
        elif match.group() in (")", "]", "}"):
            depth -= 1
            if not depth:
                return text[: match.end()]
        if depth > DEEPEST:
            raise InvalidGenotype(f"the printed genotype has more than {DEEPEST} brackets within each other")
    cut = f"within {LONGEST:,} characters" if len(text) == LONGEST else "before the end of the file"
    raise InvalidGenotype(f"the printed genotype does not end {cut}")


def _fields(call: ast.Call, text: str) -> Iterator[tuple[str, Any]]:
    """Yield the arguments by name. Raises: InvalidGenotype, UnknownName."""
    if len(call.args) > len(_FIELDS):
        raise InvalidGenotype(f"a printed genotype has {len(_FIELDS)} arguments at most, got {len(call.args)}")
    given: set[str | None] = set()
    named = [(word.arg, word.value) for word in call.keywords]
    for name, node in [*zip(_FIELDS, call.args, strict=False), *named]:
        if name in given:
            raise InvalidGenotype(f"{name} is given twice")
        if name not in _FIELDS and not _is_none(node):
            raise unknown_name("part of a printed genotype", name, _FIELDS)
        given.add(name)
        yield str(name), _value(node, text)


def _value(node: ast.expr, text: str) -> Any:
    """Return what an expression says, tuples as lists. Raises: InvalidGenotype for all that is no literal."""
    match node:
        case ast.Constant(value=str() | int() | float() | None):
            return node.value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part, text) for part in parts]
        case ast.Call(args=parts) if _name(node) in ("range", "xrange", "arange") and not node.keywords:
            return _range([_value(part, text) for part in parts])
        case ast.Call(args=[part]) if _name(node) == "array" and {word.arg for word in node.keywords} <= {"dtype"}:
            return _array(_value(part, text))
        case ast.Call(args=[part], keywords=[]) if _name(node) in ("list", "tuple", "int", "int32", "int64", "str_"):
            return _value(part, text)
    raise InvalidGenotype(f"a printed genotype consists of literals, got {shown(ast.get_source_segment(text, node))}")


def _range(numbers: list[Any]) -> list[int]:
    if not 1 <= len(numbers) <= 3 or any(type(part) is not int or abs(part) > LARGEST_NUMBER for part in numbers):
        raise InvalidGenotype(f"range takes one to three whole numbers up to {LARGEST_NUMBER}, got {shown(numbers)}")
    if len(numbers) == 3 and not numbers[2]:
        raise InvalidGenotype("range cannot go in steps of 0")
    return list(range(*numbers))


def _array(value: Any) -> Any:
    """Return a list of edges with states as numbers again: an array of NumPy holds text if it holds some."""
    if isinstance(value, list):
        return [_array(part) for part in value]
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 10 else value


def _flat(cell: str, value: Any) -> Any:
    """Return the edges of a cell in one list, where they are printed in one list for each node."""
    if not (isinstance(value, list) and value and all(_is_node(part) for part in value)):
        return value
    for node, edges in enumerate(value):
        if len(edges) != 2:
            raise InvalidGenotype(f"node {node} of the {cell} cell must have two edges, got {len(edges)}")
    return [edge for edges in value for edge in edges]


def _is_node(part: Any) -> bool:
    return isinstance(part, list) and bool(part) and isinstance(part[0], list)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _name(call: ast.Call) -> str:
    """Return what is called: `f` of `f(x)` and of `module.f(x)`."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(), attr=name):
            return name
    return ""


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
