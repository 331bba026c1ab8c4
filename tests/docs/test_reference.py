"""The reference that is made from the code lacks nothing: every command and option, every key, every metric."""

import re
from typing import Annotated, Literal

import click
import doc_pages  # noqa: F401  (it adds docs/ to the path)
import generate
import model_keys
import pytest
from pydantic import BaseModel, Field

from orchestrator.cli.main import cli
from trainables.catalog import CATALOG


@pytest.fixture(scope="module")
def page():
    return {name: make() for name, make in generate.PAGES.items()}


def test_every_command_stands_there_with_each_of_its_options(page):
    for name, command in generate.commands():
        section = page["commands"].partition(f"\n## {' '.join(name)}\n")[2].partition("\n## ")[0]
        assert section, name
        for option in (each for each in command.params if isinstance(each, click.Option)):
            assert max(option.opts, key=len) in section, (name, option)
    assert {name[0] for name, _ in generate.commands()} == set(cli.commands)


@pytest.mark.parametrize(
    ("name", "roots"),
    [("experiment", generate.EXPERIMENT), ("settings", generate.SETTINGS), ("profile", generate.PROFILE)],
)
def test_every_key_that_a_file_may_have_stands_there(page, name, roots):
    models = model_keys.family(*roots)
    wanted = [key for model in models for key in model_keys.hints(model)]

    assert len(wanted) > 15
    assert re.findall(r"^\| `(\w+)` \|", page[name], re.MULTILINE) == wanted


def test_every_metric_and_curve_stands_there(page):
    names = {name for each in CATALOG.values() for name in (*each.metrics, *each.curves)}

    assert names <= set(re.findall(r"^\| `(\w+)` \|", page["metrics"], re.MULTILINE))


def test_the_exit_codes_are_a_table(page):
    assert re.findall(r"^\| `(\d+)` \|", page["commands"], re.MULTILINE) == ["0", "1", "2", "130", "141"]


def test_no_cell_breaks_its_table(page):
    tables = [found for text in page.values() for found in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)]
    bars = [{len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()} for table in tables]

    assert len(tables) > 40
    assert [table for table, found in zip(tables, bars, strict=True) if len(found) > 1] == []


class Inner(BaseModel):
    """Within."""


class Outer(BaseModel):
    """What a file says."""

    count: Annotated[int, Field(ge=1, lt=9)] = 3
    """How <many>, or | none."""
    kind: Literal["a", "b"] | None = None
    inner: list[Inner] = []


@pytest.mark.parametrize(
    ("name", "type_", "default"),
    [
        ("count", "whole number, at least 1, below 9", "`3`"),
        ("kind", "`a`, `b`; or null", "–"),
        ("inner", "list of [Inner](#inner)", "`[]`"),
    ],
)
def test_types_and_defaults_are_in_words(name, type_, default):
    [key] = [key for key in model_keys.keys(Outer, {Inner: "Inner"}) if key.name == name]

    assert (key.type, key.default) == (type_, default)


def test_what_is_no_code_says_nothing_to_markdown():
    assert model_keys.cell("a <b> | `c|<d>` *e*") == r"a \<b\> \| `c\|<d>` \*e\*"
