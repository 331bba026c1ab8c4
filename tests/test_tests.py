"""No test passes because there was nothing to look at: each asserts something outside loops that may be empty.

And no benchmark is left behind that imports what is there no longer: most are run by hand alone.
"""

import ast
import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
NOT_SHORTER = ("enumerate", "items", "list", "pairwise", "product", "reversed", "sorted", "tuple", "values", "zip")
"""What gives something to loop over wherever it is given that."""

Names = Mapping[str, ast.expr]
"""What is assigned to names, in a module and in the test."""


def name_of(call: ast.expr) -> str:
    """Return what is called: `f` of `f(x)` and of `a.f(x)`."""
    function = getattr(call, "func", None)
    return getattr(function, "id", getattr(function, "attr", ""))


def has_items(iterable: ast.expr, names: Names) -> bool:
    """Return whether the code shows that there is something to loop over."""
    match iterable:
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts) | ast.Dict(values=parts):
            return any(not isinstance(part, ast.Starred) for part in parts)
        case ast.Constant(value=value):
            return bool(value)
        case ast.Name(id=name):
            return name in names and has_items(names[name], {key: names[key] for key in names if key != name})
        case ast.Call(func=ast.Name(id="range"), args=[*_, stop]):
            return has_items(stop, names)
        case ast.Call(func=function, args=parts) if name_of(iterable) in NOT_SHORTER:
            given = [has_items(part, names) for part in parts or [getattr(function, "value", function)]]
            return any(given) if iterable.keywords else all(given)  # a strict zip is as long as any of them
    return False


def asserts(node: ast.stmt, names: Names) -> bool:
    """Return whether a statement asserts something, whatever is computed."""
    match node:
        case ast.Assert(test=ast.Call(func=ast.Name(id="all"), args=[ast.GeneratorExp(generators=loops)])):
            return all(has_items(loop.iter, names) and not loop.ifs for loop in loops)
        case ast.Assert():
            return True
        case ast.Expr(value=call):
            return name_of(call).startswith("assert_")
        case ast.With(items=items, body=body):
            return any(name_of(item.context_expr) in ("raises", "warns") for item in items) or any_asserts(body, names)
        case ast.Try(body=body, finalbody=last):
            return any_asserts([*body, *last], names)
        case ast.For(iter=iterable, body=body):
            return has_items(iterable, names) and any_asserts(body, names)
        case ast.If(body=body, orelse=otherwise):
            return any_asserts(body, names) and any_asserts(otherwise, names)
    return False


def any_asserts(body: Sequence[ast.stmt], names: Names) -> bool:
    return any(asserts(node, names) for node in body)


def assigned(nodes) -> dict[str, ast.expr]:
    assignments = [node for node in nodes if isinstance(node, ast.Assign)]
    return {node.targets[0].id: node.value for node in assignments if isinstance(node.targets[0], ast.Name)}


def unsure_tests(code: str) -> list[str]:
    """Return `line: name` of each test that may come to its end without having asserted anything."""
    module = ast.parse(code)
    known = assigned(module.body)
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    tests = [function for function in functions if function.name.startswith("test_")]
    unsure = [test for test in tests if not any_asserts(test.body, known | assigned(ast.walk(test)))]
    return [f"{test.lineno}: {test.name}" for test in unsure]


def test_every_test_asserts_something_whatever_is_computed():
    files = sorted(ROOT.rglob("*.py"))

    assert Path(__file__) in files
    assert [
        f"{path.relative_to(ROOT)}:{test}" for path in files for test in unsure_tests(path.read_text("utf-8"))
    ] == []


def is_there(module: str, name: str) -> bool:
    """Return whether a name can be taken out of a module."""
    found = importlib.import_module(module)
    return hasattr(found, name) or (hasattr(found, "__path__") and find_spec(f"{module}.{name}") is not None)


def lost_imports(code: str) -> list[str]:
    """Return `line: module.name` of what is taken out of the project's packages and is not there."""
    taken = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom) and node.module]
    ours = [node for node in taken if node.module.partition(".")[0] in ("orchestrator", "trainables", "experiments")]
    named = [(node.lineno, node.module, alias.name) for node in ours for alias in node.names]
    return [f"{line}: {module}.{name}" for line, module, name in named if not is_there(module, name)]


def test_all_that_tests_and_benchmarks_take_out_of_the_packages_is_there():
    files = sorted(ROOT.rglob("*.py"))

    assert ROOT / "benchmarks" / "finished_grid.py" in files
    assert [
        f"{path.relative_to(ROOT)}:{lost}" for path in files for lost in lost_imports(path.read_text("utf-8"))
    ] == []


def test_an_import_of_what_is_not_there_is_found():
    code = "import ast\nfrom orchestrator import document, gone\nif 1:\n  from trainables.catalog import CATALOG, LOST"

    assert lost_imports(code) == ["2: orchestrator.gone", "4: trainables.catalog.LOST"]


@pytest.mark.parametrize(
    "body",
    [
        "pass",
        "for x in found(): assert x",
        "for x in [*found()]: assert x",
        "for a, b in zip([1], found()): assert a",
        "assert all(x for x in found())",
        "assert all(x for x in (1, 2) if x in found())",
        "if found(): assert True",
        "for x in EMPTY: assert x",
        "def inner(): assert True",
    ],
)
def test_an_assertion_that_may_never_run_is_found(body):
    assert unsure_tests(f"EMPTY = []\ndef test_it(): \n    {body}") == ["2: test_it"]


@pytest.mark.parametrize(
    "body",
    [
        "assert True",
        "for x in (1, 2): assert x",
        "for x in range(3): assert x",
        "for x in FEW: assert x",
        "for name, x in SOME.items(): assert x",
        "for a, b in zip([1], found(), strict=True): assert a",
        "assert all(x for x in FEW)",
        "with pytest.raises(ValueError): found()",
        "np.testing.assert_array_equal(found(), 1)",
    ],
)
def test_an_assertion_that_surely_runs_is_enough(body):
    assert unsure_tests(f"FEW = ['a', 'b']\nSOME = {{'a': 1}}\ndef test_it(): \n    {body}") == []
