"""The tests that docs/reliability.md names are there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)*)`", PAGE)))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def names_of(node: ast.Module | ast.ClassDef) -> set[str]:
    return {each.name for each in node.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}


def with_bases(file: Path, name: str) -> Iterator[ast.ClassDef]:
    """Yield a class and those that it inherits from, also those of contracts in tests/support."""
    tree = tree_of(file)
    imported = {
        alias.name: ROOT / "tests" / "support" / f"{node.module}.py"
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if name in imported:
        yield from with_bases(imported[name], name)
        return
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    yield found
    for base in found.bases:
        yield from with_bases(file, ast.unparse(base))


@pytest.mark.parametrize("named", NAMED)
def test_a_test_that_it_names_is_there(named):
    file, *names = named.split("::")
    if not names:
        assert names_of(tree_of(ROOT / file))
    elif len(names) == 1:
        assert names[0] in names_of(tree_of(ROOT / file))
    else:
        assert any(names[1] in names_of(each) for each in with_bases(ROOT / file, names[0]))


def test_every_line_of_its_table_names_a_test():
    table, *_ = PAGE.partition("\n## ")
    lines = [line for line in table.splitlines() if line.startswith("| ")][1:]

    assert len(lines) > 20
    for line in lines:
        assert "::test_" in line.split(" | ")[-1], line
