"""Who may import whom, held as DESIGN draws it; and the house's other rules that a machine can check."""

import ast
from functools import cache
from pathlib import Path

import pytest
from torch_free import TORCH_FREE

ROOT = Path(__file__).parent.parent
PACKAGES = ("trainables", "orchestrator", "experiments")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
RAY_FILES = {"trainables/ray_trainable.py", "orchestrator/running/ray_tune/runner.py"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path, *, top_level_only: bool) -> set[str]:
    """Return the modules a file imports: all, or those that importing it loads."""
    tree = tree_of(path)
    nodes = ast.walk(tree) if not top_level_only else _top_level(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def _top_level(tree: ast.Module):
    for node in tree.body:
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from ast.walk(node)
        else:
            yield node


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_ray_is_imported_in_two_files_and_torch_only_under_trainables(path):
    roots = {module.partition(".")[0] for module in imports(path, top_level_only=False)}

    assert "ray" not in roots or name(path) in RAY_FILES
    assert not roots & {"torch", "torchvision"} or name(path).startswith("trainables/")


@pytest.mark.parametrize("path", [path for path in FILES if name(path).startswith("trainables/")], ids=name)
def test_trainables_never_import_the_orchestrator(path):
    roots = {module.partition(".")[0] for module in imports(path, top_level_only=False)}

    assert not roots & {"orchestrator", "experiments"}


@pytest.mark.parametrize("path", [path for path in FILES if name(path).startswith("orchestrator/")], ids=name)
def test_the_orchestrator_imports_only_what_is_free_of_torch(path):
    allowed = {*TORCH_FREE, *(("trainables.ray_trainable",) if name(path) in RAY_FILES else ())}
    modules = {m for m in imports(path, top_level_only=True) if m.startswith("trainables")}
    packages = {"trainables", "trainables.architecture", "trainables.data", "trainables.record"}

    strangers = {m for m in modules if m not in packages and not any(m == a or m.startswith(f"{a}.") for a in allowed)}
    assert not strangers


def test_no_import_goes_in_a_circle():
    graph = {}
    modules = {name(path)[:-3].replace("/", ".").removesuffix(".__init__"): path for path in FILES}
    for module, path in modules.items():
        graph[module] = {m for m in imports(path, top_level_only=True) if m in modules and m != module}
    import graphlib

    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("path", FILES, ids=name)
def test_files_stay_small_and_say_what_they_are(path):
    assert len(path.read_text().splitlines()) <= 400
    assert ast.get_docstring(tree_of(path))


def test_every_package_is_listed_for_the_wheel():
    import tomllib

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {name(path.parent).replace("/", ".") for path in FILES}

    assert set(listed) == there
