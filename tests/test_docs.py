"""What README and docs show is true: commands, their outputs, YAML, Python, links."""

import ast
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from doc_commands import inline_mistake, matches, mistake, shown, words_of
from doc_outputs import ALIKE_EVERYWHERE
from doc_pages import ROOT, Block, blocks, blocks_of, broken_links, pages, prose
from pydantic import TypeAdapter, ValidationError

from orchestrator.cli.main import invoke
from orchestrator.document.experiment import parse_experiment
from orchestrator.document.yaml_document import parse_document
from orchestrator.launching.profile import parse_profile
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG

import generate  # isort: skip  (of docs/, whose path doc_pages adds)
import model_keys  # isort: skip

FOLLOWED = "docs/structure.md"
"""Its commands need the changes that it shows, which tests/integration/test_structure_page.py makes."""
COMMANDS = [
    (block, line, output)
    for block in blocks("console", "sh", "bash")
    if block.page != FOLLOWED
    for line, output in shown(block)
    if line.startswith("sharptune ")
]


def test_the_readme_has_at_most_seven_hundred_words():
    assert len((ROOT / "README.md").read_text().split()) <= 700


def test_its_two_commands_are_targets_of_the_makefile():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = [word for text in pages().values() for word in re.findall(r"\bmake ([a-z]+)(?=`|\s+#)", text)]

    assert re.findall(r"^\$ make (\w+)", pages()["README.md"], re.MULTILINE) == ["run", "test"]
    assert set(made) <= targets


def test_every_command_in_a_block_is_one_that_click_takes():
    wrong = [f"{block.place}: {line}: {said}" for block, line, _ in COMMANDS if (said := mistake(line))]

    assert len(COMMANDS) > 50
    assert wrong == []


def test_every_command_in_a_sentence_is_there_with_its_options():
    spans = [
        (page, code)
        for page, text in pages().items()
        if page != FOLLOWED
        for code in re.findall(r"(?<!`)`(sharptune [^`]+)`", prose(text))
    ]

    assert len(spans) > 20
    assert [f"{page}: {code}: {said}" for page, code in spans if (said := inline_mistake(code))] == []


@pytest.mark.parametrize(
    "line",
    [
        "sharptune tabel quickstart",
        "sharptune table quickstart --explian",
        "sharptune table quickstrat",
        "sharptune table quickstart weights",
        "sharptune bundle quickstart",
        "sharptune run quickstart --runner slurm",
    ],
)
def test_a_command_with_a_mistake_is_found(line):
    assert mistake(line)


@pytest.mark.parametrize("code", ["sharptune tabel", "sharptune data fetsh", "sharptune run --runer local"])
def test_a_mistake_in_a_sentence_is_found(code):
    assert inline_mistake(code)


SAME = [(block, line, output) for block, line, output in COMMANDS if output.strip() and ALIKE_EVERYWHERE.match(line)]


@pytest.mark.parametrize(("block", "line", "output"), SAME, ids=lambda each: getattr(each, "place", None))
def test_what_a_command_prints_stands_in_the_page(block, line, output, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert invoke(words_of(line)[1:]) == 0
    assert matches(output, capsys.readouterr().out), block.place


@pytest.mark.parametrize(
    ("expected", "printed", "alike"),
    [
        ("a\n  …\nd\n", "a\n  b\n  c\nd\n", True),
        ("a … c\n", "a b c\n", True),
        ("a\n", "b\n", False),
        ("a\n  …\nd\n", "a\n  b\n", False),
    ],
)
def test_dots_stand_for_what_is_left_out(expected, printed, alike):
    assert matches(expected, printed) is alike


# --- YAML ---


@cache
def fields() -> list[dict[str, Any]]:
    """Of each model that a file may hold a part of: key -> annotation."""
    roots = (*generate.EXPERIMENT, *generate.SETTINGS, *generate.PROFILE)
    return [model_keys.hints(model) for model in model_keys.family(*roots)]


def wrong_yaml(text: str) -> str:
    """Return what is wrong with a block: an experiment, a profile, or a part of either; empty where nothing is."""
    document = parse_document(text, file="block.yaml")
    lines = text.splitlines(keepends=True)
    if (
        document.problems and len(lines) > 1 and all(re.match(r"\w+: ", line) for line in lines)
    ):  # a key, in several ways
        return "; ".join(filter(None, map(wrong_yaml, lines)))
    if document.problems:
        return str(document.problems[0].message)
    return wrong_value(document.value, text)


def wrong_value(value: Any, text: str = "") -> str:
    if isinstance(value, list):
        return "; ".join(filter(None, map(wrong_value, value)))
    if not isinstance(value, dict):
        return f"{value!r} is no part of an experiment or of a profile"
    if "experiment" in value:
        expand(parse_experiment(text), CATALOG)
        return ""
    if set(value) <= {"stages", "tables", "figures"}:
        inner = [*dict(value.get("stages", {})).values(), *value.get("tables", []), *value.get("figures", [])]
        return "; ".join(filter(None, map(wrong_value, inner)))
    if {"slurm", "kuberay", "ray_job"} & set(value):
        parse_profile(text)
        return ""
    said = [fragment_mistake(value, hints) for hints in fields() if set(value) <= set(hints)]
    return "" if "" in said else "; ".join(said) or f"no mapping of a file has the keys {', '.join(value)}"


def fragment_mistake(value: dict[str, Any], hints: dict[str, Any]) -> str:
    try:
        for key, each in value.items():
            TypeAdapter(hints[key]).validate_python(each)
    except ValidationError as error:
        return str(error)
    return ""


YAML = blocks("yaml")


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.place)
def test_yaml_is_an_experiment_a_profile_or_a_part_of_one(block):
    assert wrong_yaml(block.text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "spaec: darts\n",
        "space: dartz\n",
        "resources: {gpus: -1}\n",
        "tables:\n  - {name: a, colums: [b]}\n",
        "time_limit: 12\n",
        "a: [\n",
        "word\n",
    ],
)
def test_yaml_with_a_mistake_is_found(text):
    assert wrong_yaml(text)


# --- Python ---


def unknown_imports(code: str) -> list[str]:
    """Return what a block imports and is not there, without importing what is slow to."""
    wanted = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                wanted += [(module, each.name) for each in names]
            case ast.Import(names=names):
                wanted += [(each.name, "") for each in names]
    return [f"{module}.{name}" for module, name in wanted if not importable(module, name)]


def importable(module: str, name: str) -> bool:
    if module.split(".")[0] not in ("orchestrator", "trainables"):
        return importlib.util.find_spec(module.split(".")[0]) is not None
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.exists():
        return False
    return not name or (path / f"{name}.py").exists() or name in names_in(file)


def names_in(file: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assigned = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return defined | assigned | {each.name for node in nodes if isinstance(node, ast.ImportFrom) for each in node.names}


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_python_compiles_and_what_it_imports_is_there(block):
    assert unknown_imports(block.text) == []


@pytest.mark.parametrize(
    "code", ["from trainables.catalog import CATALOGUE", "import trainables.katalog", "from pandaz import DataFrame"]
)
def test_an_import_that_is_not_there_is_found(code):
    assert unknown_imports(code)


# --- links ---


def test_every_link_and_picture_is_there_and_every_anchor_a_heading():
    generated = frozenset(generate.PAGES)

    assert [said for page, text in pages().items() for said in broken_links(page, text, generated)] == []


@pytest.mark.parametrize(
    "link", ["[a](docs/nothing.md)", "![a](docs/no.png)", "[a](docs/triage.md#nothing)", "[a](#no)"]
)
def test_a_link_that_leads_nowhere_is_found(link):
    assert broken_links("README.md", f"# Yes\n\n{link}\n", frozenset())


def test_every_block_says_what_it_holds_or_is_output():
    known = {"console", "sh", "bash", "yaml", "python", "diff", "json", "text", "latex", "sql", "r", ""}

    assert {block.kind for page, text in pages().items() for block in blocks_of(page, text)} <= known
    assert isinstance(YAML[0], Block)
