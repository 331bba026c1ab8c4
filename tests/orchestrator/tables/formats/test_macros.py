"""Numbers as macros: their names are letters that stay, and no two numbers share one."""

import re

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st
from table_worlds import FakeTable, World, gappy_world, make_world

from orchestrator.tables.formats.comments import MacroRecord, Source, TableRecord, read_comment
from orchestrator.tables.formats.macros import macros_of, macros_text
from orchestrator.tables.table import Table, build

SOURCE = Source(experiment="quickstart", storage="runs", overrides=("a=1",))


def table_of(world: World, **spec) -> Table:
    return build(world.plan, world.rows, FakeTable(**spec))


def names(world: World, **spec) -> list[str]:
    return [macro.name for macro in macros_of([table_of(world, **spec)])]


def test_a_macro_is_called_after_its_table_line_and_column():
    assert names(make_world(weightings=("max_w",), ps=(1,)), name="table-2") == [
        "tableTwoMaxWPOneTestErrorBest",
        "tableTwoMaxWPOneParams",
        "tableTwoMaxWPOneAddmult",
        "tableTwoMaxWPOneSearchGpuDays",
    ]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("lr=0.025", "LrZeroPointZeroTwoFive"),
        ("-1", "MinusOne"),
        ("3x3", "ThreeXThree"),
        ("é ß 重", "E"),
        ("1e-3", "OneEThree"),
    ],
)
def test_names_are_letters(key, words):
    assert names(make_world(weightings=(key,), ps=(1,)), columns=("params",)) == [f"weighting{words}POneParams"]


def test_a_name_stays_when_other_lines_come_and_numbers_change():
    small, grown = make_world(weightings=("max_w",)), make_world(weightings=("scalar", "max_w"), seeds=(0,))

    assert set(names(small)) < set(names(grown))


@pytest.mark.parametrize("name", ["end", "END-2"])
def test_no_name_begins_as_those_that_latex_keeps_for_itself(name):
    assert not [macro for macro in names(make_world(), name=name) if macro.startswith("end")]


def test_names_that_would_be_the_same_are_told_apart_and_said():
    world = make_world(weightings=("max_w", "max-w", "other"), ps=(1,))
    macros = macros_of([table_of(world, columns=("params",))])

    assert [macro.clashes for macro in macros] == [True, True, False]
    assert all(re.fullmatch("weightingMaxWPOneParamsX[a-z]{6}", macro.name) for macro in macros[:2])
    assert len({macro.name for macro in macros}) == 3


@few(30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=4, unique=True))
def test_every_number_has_a_name_of_its_own_whatever_the_labels(labels):
    found = names(make_world(weightings=labels, seeds=(0,)), columns=("params", "test_error_best"))

    assert len(set(found)) == len(found) == 4 * len(labels)
    assert all(name.isascii() and name.isalpha() for name in found)


def test_each_macro_says_what_it_was_made_from():
    world = gappy_world()
    table = table_of(world)
    lines = macros_text([table], macros_of([table]), SOURCE).splitlines()
    records = [record for line in lines if (record := read_comment(line)) is not None]
    head, first = records[0], records[1]

    assert isinstance(head, TableRecord)
    assert (head.table, head.experiment, head.storage, head.set) == ("weighting", "quickstart", "runs", ("a=1",))
    assert isinstance(first, MacroRecord)
    assert first.cell.trials == table.rows[0].cells["test_error_best"].trials
    assert (first.cell.n, first.cell.expected, first.keys) == (4, 6, {"weighting": "scalar", "p": "1"})
    below = lines[lines.index(next(line for line in lines if first.macro in line)) + 1]
    assert below == rf"\newcommand{{\{first.macro}}}{{6.18\ensuremath{{\pm}}0.05}}"
    assert len(records) == 1 + 16


def test_a_cell_without_a_number_has_no_macro():
    assert macros_of([build(make_world().plan, {}, FakeTable())]) == []


def test_the_digest_is_of_what_is_shown_and_of_the_runs_behind_it():
    def digest(world: World) -> str:
        table = table_of(world)
        (head,) = [r for r in map(read_comment, macros_text([table], [], SOURCE).splitlines()) if r]
        return head.digest

    world = make_world()
    before = digest(world)
    assert digest(make_world()) == before
    world.fail(world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0))
    assert digest(world) != before
