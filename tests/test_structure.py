"""The house: which room may import which, through which doors, and the other rules that a machine can check.

A room is a package, or a file that stands directly in `orchestrator/` or `trainables/`. Every import counts, those
inside functions too.
"""

import ast
import graphlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from torch_free import TORCH_FREE

ROOT = Path(__file__).parent.parent
FILES = sorted(path for top in ("trainables", "orchestrator", "experiments") for path in (ROOT / top).rglob("*.py"))
RAY = ("orchestrator/running/ray_tune/", "trainables/ray_trainable.py")
"""Where Ray may be imported."""
LARGEST_FILE = 350
LARGEST_FOLDER = 20
"""But for `architecture`, whose files are the field's own things, one each."""

ORCHESTRATOR = {
    "errors": "",
    "words": "",
    "work": "words",
    "unread_row": "",
    "index": "unread_row",
    "rows": "index",
    "ledger": "work rows unread_row",
    "document": "",
    "paper": "document",
    "planning.grids": "document",
    "planning.checks": "planning.grids document paper",
    "planning": "planning.grids planning.checks document",
    "forecast": "planning ledger words",
    "running": "planning ledger words forecast",
    "running.ray_tune": "running planning document",
    "running.rehearsal": "running forecast running.ray_tune planning ledger",
    "launching": "document",
    "tables": "planning planning.grids document paper words",
    "tables.formats": "tables words",
    "comparisons": "tables planning planning.grids",
    "figures": "tables planning planning.grids planning.checks document paper architectures architectures.drawing"
    " words",
    "exports": "ledger rows",
    "manuscript": "tables tables.formats words",
    "architectures": "planning.grids ledger",
    "architectures.drawing": "architectures",
    "report": "tables tables.formats comparisons figures architectures architectures.drawing planning planning.grids"
    " document ledger words",
    "upkeep": "ledger index planning planning.grids document",
    "cli": "words document planning ledger rows forecast launching running running.ray_tune running.rehearsal tables"
    " tables.formats comparisons figures exports manuscript report",
    "cli.record": "cli words ledger forecast running",
    "cli.upkeep": "cli upkeep index planning ledger document words tables.formats exports",
    "cli.networks": "cli paper planning.grids tables tables.formats architectures architectures.drawing",
    "__main__": "cli",
}
"""Which rooms of the orchestrator each may import, beside `errors` and what in trainables is free of torch."""
TRAINABLES = {
    "trial": "",
    "errors": "",
    "architecture": "architecture.nas_bench_201",
    "architecture.nas_bench_201": "",
    "data": "",
    "data.augmentation": "data",
    "config": "architecture",
    "trainable": "",
    "catalog": "trainable config loops diagnosis kinds optimization",
    "kinds": "trainable config architecture architecture.nas_bench_201 data distributed",
    "optimization": "architecture config",
    "distributed": "trainable",
    "record": "config",
    "loops": "architecture architecture.nas_bench_201 data data.augmentation optimization distributed config",
    "diagnosis": "loops architecture architecture.nas_bench_201 data data.augmentation optimization config",
    "execution": "record trainable",
    "ray_trainable": "execution record catalog trainable data kinds",
    "stand_in": "trainable architecture",
    "exporting": "loops architecture data data.augmentation optimization record",
}
"""Which rooms of trainables each may import, beside `trial` and `errors`. An import path in a string counts: by theirs
the catalog reaches the code of each kind of trial."""
ARROWS = {
    **{
        f"orchestrator.{room}": {f"orchestrator.{to}" for to in ("errors", *may.split())}
        for room, may in ORCHESTRATOR.items()
    },
    **{
        f"trainables.{room}": {f"trainables.{to}" for to in ("trial", "errors", *may.split())}
        for room, may in TRAINABLES.items()
    },
    "orchestrator": {"orchestrator.rows"},
    "trainables": set(),
    "experiments": set(),
}


def module_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()[:-3].replace("/", ".").removesuffix(".__init__")


MODULES = {module_of(path): path for path in FILES}
PACKAGES = {module for module, path in MODULES.items() if path.name == "__init__.py"}


@dataclass(frozen=True, kw_only=True)
class Import:
    """One thing that a file imports."""

    path: Path
    line: int
    module: str
    """The innermost module that is named."""
    name: str | None = None
    """What is taken out of it."""
    lazy: bool = False
    """Inside a function, or by its import path."""
    by_path: bool = False
    """By its import path, in a string."""

    def __str__(self) -> str:
        named = f"{self.module}.{self.name}" if self.name else self.module
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {named}"

    @property
    def importer(self) -> str:
        return module_of(self.path)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Return all that a file imports, in whichever way."""
    inside = {
        node
        for function in ast.walk(tree_of(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    return tuple(
        Import(
            path=path,
            line=node.lineno,
            module=module,
            name=name,
            lazy=node in inside or isinstance(node, ast.Constant),
            by_path=isinstance(node, ast.Constant),
        )
        for node in ast.walk(tree_of(path))
        for module, name in _named(node)
    )


def _named(node: ast.AST) -> Iterator[tuple[str, str | None]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, None) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            yield (inner, None) if inner in MODULES else (node.module, alias.name)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        module, colon, name = node.value.partition(":")
        if colon and module in MODULES:
            yield module, name


def room_of(module: str) -> str:
    """Return the room a module stands in; a file directly under a top level is a room of its own."""
    package = module if module in PACKAGES else module.rpartition(".")[0]
    return module if package in {"orchestrator", "trainables"} else package


def doors(package: str) -> set[str]:
    """Return the names in a package's `__all__`."""
    for node in tree_of(MODULES[package]).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


OURS = [found for path in FILES for found in imports(path) if found.module in MODULES]
ACROSS = [found for found in OURS if room_of(found.importer) != room_of(found.module)]


def offending(lines: list[Import], why: str) -> str:
    return "\n".join(f"{line}: {why}" for line in lines)


@pytest.mark.parametrize("room", sorted({room_of(module) for module in MODULES}))
def test_a_room_imports_only_the_rooms_it_may(room):
    assert room in ARROWS, f"{room} is no room of the house: say in {Path(__file__).name} what it may import"
    top = room.partition(".")[0]
    strangers = [
        found
        for found in ACROSS
        if room_of(found.importer) == room
        and room_of(found.module).partition(".")[0] == top
        and room_of(found.module) not in ARROWS[room]
    ]

    assert not strangers, offending(strangers, f"{room} may import {', '.join(sorted(ARROWS[room])) or 'nothing'}")


def test_every_arrow_is_used():
    """A room that may import what it does not is a wall with a hole."""
    used = {(room_of(found.importer), room_of(found.module)) for found in ACROSS}
    always = {"orchestrator.errors", "trainables.trial", "trainables.errors"}
    unused = {(room, to) for room, may in ARROWS.items() for to in may - always} - used

    assert not unused


def test_trainables_never_import_the_orchestrator():
    strangers = [
        found
        for found in ACROSS
        if found.importer.startswith("trainables") and not found.module.startswith("trainables")
    ]

    assert not strangers, offending(strangers, "trainables is one trial and knows nothing of many")


def test_the_orchestrator_imports_only_what_is_free_of_torch():
    """The command line may, inside its functions, reach for the rest; the runner on Ray, for what Ray runs."""
    strangers = [
        found
        for found in ACROSS
        if found.importer.startswith("orchestrator.")
        and found.module.startswith("trainables.")
        and found.module not in TORCH_FREE
        and not (found.lazy and room_of(found.importer) in ("orchestrator.cli", "orchestrator.cli.networks"))
        and not (
            room_of(found.importer) == "orchestrator.running.ray_tune" and found.module == "trainables.ray_trainable"
        )
    ]

    assert not strangers, offending(strangers, "it loads torch")


def test_ray_is_imported_in_two_places_and_torch_only_under_trainables():
    everything = [found for path in FILES for found in imports(path)]
    ray = [found for found in everything if found.module.split(".")[0] == "ray"]
    torch = [found for found in everything if found.module.split(".")[0] in {"torch", "torchvision"}]
    far_ray = [found for found in ray if not found.path.relative_to(ROOT).as_posix().startswith(RAY)]
    far_torch = [found for found in torch if not found.importer.startswith("trainables.")]

    assert len(ray) > 1
    assert len(torch) > 50
    assert not far_ray, offending(far_ray, f"only {' and '.join(RAY)} may")
    assert not far_torch, offending(far_torch, "only trainables may")


def test_what_crosses_a_wall_is_in_its_packages_all():
    hidden = []
    for found in ACROSS:
        package = found.module if found.module in PACKAGES else found.module.rpartition(".")[0]
        if package in {"orchestrator", "trainables"}:
            continue  # a file of its own: its wall is the file
        name = found.name if found.module in PACKAGES else found.module.rpartition(".")[2]
        if name not in doors(package) or (found.name or "").startswith("_"):
            hidden.append(found)

    assert len(ACROSS) > 200
    assert not hidden, offending(hidden, "that name is not in its package's __all__, or starts with an underscore")


@pytest.mark.parametrize("package", sorted(PACKAGES - {"orchestrator", "trainables", "experiments"}))
def test_a_package_says_what_it_is_for_and_names_what_others_may_use(package):
    said = ast.get_docstring(tree_of(MODULES[package])) or ""
    crossing = {found.module.rpartition(".")[2] for found in ACROSS if found.module.rpartition(".")[0] == package}

    assert "In: " in said
    assert "Out: " in said
    assert "Public face: " in said
    assert doors(package) - {"main"} <= crossing  # a door that nobody uses is a wall
    assert {f"{package}.{name}" for name in doors(package)} <= set(MODULES)
    assert len(tree_of(MODULES[package]).body) == 2, "a package only says: it imports nothing"


def test_no_import_goes_in_a_circle():
    """An import path in a string is no import of the file it stands in."""
    modules: dict[str, set[str]] = {}
    rooms: dict[str, set[str]] = {}
    for found in OURS:
        if not found.by_path and found.module != found.importer:
            modules.setdefault(found.importer, set()).add(found.module)
            if room_of(found.importer) != room_of(found.module):
                rooms.setdefault(room_of(found.importer), set()).add(room_of(found.module))

    assert len(list(graphlib.TopologicalSorter(modules).static_order())) > 100
    assert len(list(graphlib.TopologicalSorter(rooms).static_order())) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_stay_small_and_say_what_they_are(path):
    assert len(path.read_text().splitlines()) <= LARGEST_FILE
    assert ast.get_docstring(tree_of(path))


def test_folders_stay_small():
    counts: dict[Path, int] = {}
    for path in FILES:
        if path.name != "__init__.py":
            counts[path.parent] = counts.get(path.parent, 0) + 1

    assert {path.name for path, count in counts.items() if count > LARGEST_FOLDER} <= {"architecture"}


def test_every_package_is_listed_for_the_wheel():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]

    assert set(listed) == PACKAGES
