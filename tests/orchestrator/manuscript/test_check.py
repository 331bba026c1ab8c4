"""A paper's numbers are held against the rows: what is wrong is said with its place, its reason and the right value."""

import pytest
from papers import SOURCE, paper_of
from table_worlds import FakeTable, World, make_world

from orchestrator.errors import LedgerError
from orchestrator.manuscript.check import Report, check_paper
from orchestrator.tables.formats.comments import TableRecord
from orchestrator.tables.formats.latex import latex
from orchestrator.tables.formats.macros import macros_of, macros_text
from orchestrator.tables.table import Table, build

SPEC = FakeTable(columns=("test_error_best", "params"))


def table_of(world: World, spec: FakeTable = SPEC) -> Table:
    return build(world.plan, world.rows, spec)


def macros_file(table: Table) -> str:
    return macros_text([table], macros_of([table]), SOURCE)


def table_file(table: Table) -> str:
    return latex(table, source=SOURCE)


def check(text: str, world: World, spec: FakeTable = SPEC) -> Report:
    def load(record: TableRecord) -> Table:
        assert (record.table, record.experiment, record.storage) == ("weighting", "small.yaml", "runs")
        return table_of(world, spec)

    return check_paper(paper_of(text), load)


def first(world: World) -> str:
    """Return the id of the run of scalar, p = 1, seed = 0, whose error is the lowest of its three."""
    return world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0).trial_id


WRITERS = (macros_file, table_file)


@pytest.mark.parametrize("write", WRITERS)
def test_what_the_rows_say_is_fine(write):
    world = make_world()
    report = check(write(table_of(world)), world)

    assert (report.findings, report.checked, report.tables) == ([], 8, {"weighting"})
    assert report.to_json()["ok"] is True


def changed(world: World) -> str:
    """Another result, as if the trial had been run again by another version."""
    trial = world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0)
    world.change(trial, metrics={**world.rows[trial.trial_id].metrics, "test_error_best": 7.0})
    return "the rows have changed"


def failed(world: World) -> str:
    world.fail(world.find("train", **{"search.weighting": "scalar"}, p=1, seed=0))
    return f"run {first(world)} has failed since: loss is nan in epoch 3, step 17; n fell from 3 to 2"


def deleted(world: World) -> str:
    del world.rows[first(world)]
    return f"run {first(world)} is missing; n fell from 3 to 2"


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("happen", "kind", "now"),
    [(changed, "stale", "6.20±0.43"), (failed, "failed", "6.18±0.03"), (deleted, "fewer", "6.18±0.03")],
)
def test_what_the_rows_do_not_say_any_more_is_said_with_its_place_and_the_right_number(write, happen, kind, now):
    world = make_world()
    text = write(table_of(world))
    why = happen(world)
    finding = next(found for found in check(text, world).findings if found.printed == "6.15±0.05")

    assert (finding.kind, finding.should_be) == (kind, now)
    assert str(finding).startswith(f"p.tex:{finding.line}: ")
    assert "6.15" in text.splitlines()[finding.line - 1]
    assert not text.splitlines()[finding.line - 1].startswith("%")
    assert str(finding).endswith(f"is 6.15±0.05 here and should be {now}: {why}")


def test_runs_that_are_not_trusted_any_more_and_runs_of_no_such_table_are_said_so():
    world = make_world()
    text = macros_file(table_of(world))
    search = world.find("search", weighting="scalar", seed=0)
    world.change(search, artifacts={"genotype": {"normal": ["found", "anew"]}})
    report = check(text, world)
    fewer = check(text, make_world(seeds=(0, 1))).findings

    untrusted = next(found for found in report.findings if found.printed == "6.15±0.05")
    assert untrusted.kind == "failed"
    assert f"run {first(world)} cannot be trusted any more: it was made from another genotype" in untrusted.sentence
    assert all("is not of this table any more; n fell from 3 to 2" in found.sentence for found in fewer)


def test_a_number_that_begins_or_ends_as_the_one_above_it_was_changed_by_hand_too():
    world = make_world()
    text = macros_file(table_of(world))

    for longer in ("13.53}", "3.535}", "3.53.1}"):
        found = check(text.replace("{3.53}", f"{{{longer}", 1), world).findings
        assert [(one.kind, one.printed) for one in found] == [("edited", "3.53")]


def test_a_number_that_is_the_same_without_one_of_its_runs_is_said_too():
    world = make_world()
    text = macros_file(table_of(world))
    failed(world)
    sizes = [found for found in check(text, world).findings if found.printed == "3.53"]

    assert [(found.kind, found.should_be) for found in sizes] == [("failed", "3.53")]
    assert r"\weightingScalarPOneParams is still 3.53: run" in str(sizes[0])


def test_more_runs_do_not_spoil_a_macro_that_is_the_same_but_a_line_that_prints_how_many():
    small, grown = make_world(seeds=(0, 1, 2)), make_world(seeds=(0, 1, 2, 3))
    spec = FakeTable(columns=("params",))

    assert check(macros_file(table_of(small, spec)), grown, spec).findings == []
    found = check(table_file(table_of(small, spec)), grown, spec).findings
    assert [finding.kind for finding in found] == ["stale"] * 4
    assert "n was 3 of 3 and is 4 of 4" in str(found[0])


@pytest.mark.parametrize("write", WRITERS)
def test_lines_and_columns_that_are_gone_are_said(write):
    world = make_world()
    text = write(table_of(world))
    fewer = check(text, make_world(weightings=("max_w",))).findings
    narrow = check(text, world, FakeTable(columns=("params",))).findings

    assert [finding.kind for finding in (*fewer, *narrow)] == ["gone"] * (4 + 4)
    assert "the table has no such line any more" in str(fewer[0])
    assert "the table has no such column any more" in str(narrow[0])


def test_programs_are_told_all_that_people_are():
    world = make_world()
    paper = paper_of(f"{macros_file(table_of(world))}\nWe reach 5.15 here.")
    paper.notes.append("p.tex:1: a note")
    changed(world)
    report = check_paper(paper, lambda record: table_of(world))
    data = report.to_json()
    macro = r"\weightingScalarPOneTestErrorBest"
    line = next(line.number for line in paper.lines if line.text.startswith(rf"\newcommand{{{macro}}}"))

    assert data["findings"] == [
        {
            "file": "p.tex",
            "line": line,
            "kind": "stale",
            "sentence": f"{macro} is 6.15±0.05 here and should be 6.20±0.43: the rows have changed",
            "called": macro,
            "printed": "6.15±0.05",
            "should_be": "6.20±0.43",
        }
    ]
    assert {name: data[name] for name in data if name not in ("findings", "bare")} == {
        "ok": False,
        "checked": 8,
        "not_judged": 0,
        "tables": ["weighting"],
        "notes": ["p.tex:1: a note"],
    }
    assert [sentence.partition(" stands")[0] for sentence in data["bare"]] == [f"p.tex:{len(paper.lines)}: 5.15"]


def test_an_experiment_or_storage_that_is_gone_is_said_once():
    def load(record: TableRecord) -> Table:
        raise LedgerError("there is no storage runs: nothing has been run there yet")

    text = macros_file(table_of(make_world()))
    (finding,) = check_paper(paper_of(text + text.replace("newcommand", "renewcommand")), load).findings

    assert finding.kind == "gone"
    assert "table 'weighting' of small.yaml, storage runs, cannot be made any more: there is no storage" in str(finding)


@pytest.mark.parametrize("write", WRITERS)
def test_a_storage_whose_rows_are_all_gone_is_said_once_and_judges_no_number(write):
    world = make_world()
    text = write(table_of(world))
    world.rows.clear()
    report = check(text + text, world)
    (finding,) = report.findings

    assert (finding.kind, finding.called) == ("gone", "")
    assert finding.line == 1 + next(n for n, line in enumerate(text.splitlines()) if '"digest"' in line)
    assert finding.sentence == "storage runs has no row of small.yaml any more: nothing can be held against it"
    assert (report.checked, report.not_judged) == (16, 16)
    assert report.to_json()["not_judged"] == 16


def test_a_storage_that_is_gone_is_said_once_for_all_its_tables():
    def load(record: TableRecord) -> Table:
        raise LedgerError(f"there is no storage {record.storage}")

    text = macros_file(table_of(make_world()))
    other = text.replace('"table": "weighting"', '"table": "others"')
    elsewhere = other.replace('"storage": "runs"', '"storage": "elsewhere"')
    report = check_paper(paper_of(text + other + elsewhere), load)

    assert report.tables == {"weighting", "others"}
    assert [finding.sentence.rpartition(": ")[2] for finding in report.findings] == [
        "there is no storage runs",
        "there is no storage elsewhere",
    ]
    assert report.not_judged == report.checked == 24


def test_a_table_that_never_had_a_row_is_fine():
    world = make_world()
    world.rows.clear()

    assert check(table_file(table_of(world)), world).findings == []


@pytest.mark.parametrize("write", WRITERS)
def test_a_number_that_was_changed_by_hand_is_said(write):
    world = make_world()
    text = write(table_of(world)).replace("6.15$", "6.05$").replace("{6.15", "{6.05")
    (finding,) = check(text, world).findings

    assert (finding.kind, finding.should_be) == ("edited", "6.15±0.05")


def test_of_two_equal_numbers_in_a_line_the_one_that_was_changed_by_hand_is_said():
    world, spec = make_world(), FakeTable(columns=("test_error", "test_error_best"))
    for trial in world.plan.of_stage("train"):
        metrics = world.rows[trial.trial_id].metrics
        world.change(trial, metrics={**metrics, "test_error": metrics["test_error_best"]})
    text = table_file(table_of(world, spec))
    (finding,) = check(text.replace("& 6.15$", "& 6.05$", 1), world, spec).findings

    assert check(text, world, spec).findings == []
    assert finding.kind == "edited"
    assert "scalar 1 test_error or test_error_best was 6.15±0.05 when this was written" in str(finding)


def test_what_is_said_below_a_table_since_it_is_the_same_in_all_rows_is_held_against_the_rows():
    world, spec = make_world(), FakeTable(columns=("test_error_best", "params"), constant="hide")
    text = table_file(table_of(world, spec))
    fine = check(text, world, spec)
    note = next(n for n, line in enumerate(text.splitlines(), start=1) if line.startswith("The same in all rows"))
    for trial in world.plan.of_stage("train"):
        world.change(trial, metrics={**world.rows[trial.trial_id].metrics, "params": 4_000_000.0})
    stale = check(text, world, spec).findings

    assert (fine.findings, fine.checked, fine.bare) == ([], 8, [])
    assert {(found.line, found.kind, found.printed, found.should_be) for found in stale} == {
        (note, "stale", "3.53", "4.00")
    }
    assert len(stale) == 4


def test_a_table_may_be_made_bold_reordered_and_cut_by_hand():
    world = make_world()
    lines = table_file(table_of(world)).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("scalar & 1"))
    lines[start] = lines[start].replace("6.15$\\pm$0.05", r"\textbf{6.15$\pm$0.05}")
    moved = [*lines[: start - 1], *lines[start + 1 : start + 3], *lines[start - 1 : start + 1], *lines[start + 5 :]]

    assert check("\n".join(moved), world).findings == []


@pytest.mark.parametrize(
    "comment",
    [
        "% sharptune: ",
        "% sharptune: {",
        "% sharptune: []",
        '% sharptune: "cells"',
        '% sharptune: {"cells": 3}',
        '% sharptune: {"experiment": "x", "more": 1}',
        "% sharptune: " + "[" * 100_000,
        '% sharptune: {"cell": {"text": NaN}}',
    ],
)
def test_a_comment_that_is_not_as_we_write_them_is_said(comment):
    (finding,) = check(f"text\n{comment}\ntext", make_world()).findings

    assert (finding.kind, finding.line) == ("unreadable", 2)


def test_a_macro_without_the_comment_of_its_table_is_said():
    text = "\n".join(line for line in macros_file(table_of(make_world())).splitlines() if '"digest"' not in line)

    assert {finding.kind for finding in check(text, make_world()).findings} == {"unreadable"}


@pytest.mark.parametrize(
    "words", ["6.15", r"$6.15\pm0.05$", r"6.15 $\pm$ 0.05", "(6.15±0.05)", r"6.15\%", r"6.15\ensuremath{\pm}0.05"]
)
def test_a_bare_number_that_equals_a_tabulated_one_is_pointed_out_and_not_judged(words):
    world = make_world()
    report = check(f"{macros_file(table_of(world))}\nWe reach {words} here.", world)

    assert report.findings == []
    assert len(report.bare) == 1
    assert "stands here without a macro; it equals weighting: scalar 1 test_error_best" in report.bare[0]


@pytest.mark.parametrize("words", ["% 6.15", "x6.15", "16.15", "6.155", "v6.15", "6.15.2", "2.0", r"\%6.16", "-6.15"])
def test_other_numbers_are_not_pointed_out(words):
    world = make_world()

    assert check(f"{macros_file(table_of(world))}\nWe reach {words} here.", world).bare == []


def test_each_table_is_made_once_however_many_files_name_it():
    world, made = make_world(), []
    text = macros_file(table_of(world))

    def load(record: TableRecord) -> Table:
        made.append(record)
        return table_of(world)

    check_paper(paper_of(text * 3), load)
    assert len(made) == 1


@pytest.mark.parametrize("write", WRITERS)
def test_a_change_is_a_number_of_its_own_and_the_baselines_runs_are_behind_it(write):
    world = make_world()
    spec = FakeTable(columns=("test_error_best",), baseline={"weighting": "scalar"})
    text = write(table_of(world, spec))
    assert check(text, world, spec).findings == []

    failed(world)  # a run of the baseline's
    found = [one for one in check(text, world, spec).findings if one.printed.endswith("%")]

    assert len(found) == 1
    assert (found[0].kind, found[0].printed != found[0].should_be) == ("failed", True)
    assert f"run {first(world)} has failed since" in str(found[0])


def test_a_change_has_a_macro():
    spec = FakeTable(columns=("test_error_best",), baseline={"weighting": "scalar"})
    text = macros_file(table_of(make_world(), spec))

    assert r"\newcommand{\weightingMaxWPOneTestErrorBestChange}{\ensuremath{-}" in text
