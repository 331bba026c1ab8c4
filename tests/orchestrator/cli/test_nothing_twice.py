"""What `plan`, `run`, `status` and tables say of trials that are alike."""

import dataclasses
import shutil
from pathlib import Path

import fakes
import pytest
from command_line import ALIKE

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage


@pytest.fixture
def alike(sharptune):
    """Write an experiment whose two roots find the same."""
    Path("alike.yaml").write_text(ALIKE)
    return sharptune


def adopted() -> list[str]:
    return [trial_id for trial_id, row in Ledger(open_storage("runs")).rows().items() if row.adopted_from]


@pytest.fixture
def done(alike):
    """Have it run."""
    assert alike("run", "alike.yaml", "--runner", "local").code == 0
    return alike


def test_run_says_which_trials_take_over_a_row_and_status_afterwards_from_which(alike):
    ran = alike("run", "alike.yaml", "--runner", "local")
    status = alike("status", "alike.yaml", "--json").json

    twins = {trial["id"]: trial["twin"] for trial in status["trials"] if "twin" in trial}
    assert len(twins) == 4
    for twin in sorted(twins.values()):
        assert ran.out.count(f"takes over the row of {twin}, which is alike") == 1


def test_plan_foresees_what_would_be_taken_over_and_counts_it(done):
    more = done("plan", "alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]")
    (forecast,) = done("plan", "alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]", "--json").json["forecast"]
    dry = done("run", "alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]", "--dry-run")
    told_not_to = done("run", "alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]", "--dry-run", "--no-adopt")

    counted = "alike: 14 trials; 10 done, 4 new; 2 of them would take over the rows of other trials that are alike"
    assert counted in more.out.splitlines()
    assert more.out.count("never started; would take over the row of") == 2
    assert (forecast["trials"], forecast["stages"]["child"]["trials"]) == (4, 2)
    assert dry.out.count("never started; would take over the row of") == 2
    assert "alike: 14 trials; 10 done, 4 new\n" in told_not_to.out


def test_within_a_budget_rows_are_taken_over_too(done):
    more = ("alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]", "--runner", "local")

    ran = done("run", *more, "--budget", "9cpu-hours")

    assert (ran.code, ran.out.count("takes over the row of")) == (0, 2)


def test_a_run_that_is_told_not_to_adopt_lets_each_trial_work(done):
    before = set(adopted())
    more = ("alike.yaml", "--set", "stages.child.grid.seed=[0, 1, 2]", "--runner", "local")

    ran = done("run", *more, "--no-adopt")

    assert (ran.code, len(before), "takes over" in ran.out) == (0, 4, False)
    assert set(adopted()) == before


def test_rows_of_an_earlier_version_of_sharptune_are_found_once_the_index_command_was_given(done):
    """They have no hints beside them."""
    another_root = ("alike.yaml", "--set", "stages.root.grid.hold=[/nowhere/3]")
    done("run", *another_root, "--set", "stages.child.grid.seed=[5]", "--runner", "local")
    shutil.rmtree("runs/likenesses")

    before = done("plan", *another_root).out
    said = done("index").out
    after = done("plan", *another_root).out
    again = done("index", "--json").json

    assert "would take over" not in before
    assert "; 6 trials can now be found by others that are alike\n" in said
    assert after.count("would take over the row of") == 4
    assert again["noted"] == 0


def test_trials_of_a_version_whose_results_were_others_are_not_said_to_be_found(done, monkeypatch):
    shutil.rmtree("runs/likenesses")
    monkeypatch.setitem(fakes.CATALOG, "chain", dataclasses.replace(fakes.CATALOG["chain"], version=99))

    assert done("index", "--json").json["noted"] == 0


def test_a_cell_that_pools_a_row_and_the_one_it_was_taken_over_from_counts_one_and_lines_apart_show_both(done):
    pooled, apart = done("table", "alike.yaml", "--format", "json").json

    cells = [line["cells"]["error"] for line in pooled["rows"]]
    first, second = ([line["cells"]["error"] for line in apart["rows"][begin : begin + 2]] for begin in (0, 2))

    assert [(cell["n"], cell["expected"], len(cell["alike"])) for cell in cells] == [(2, 4, 2)] * 2
    assert [cell["marks"] for cell in cells] == [["few", "alike"]] * 2
    assert [set(cell["values"]) & set(cell["alike"]) for cell in cells] == [set(), set()]
    assert [cell["n"] for cell in first + second] == [2] * 4
    assert values(first) == values(second) == values(cells)


def values(cells):
    return [sorted(cell["values"].values()) for cell in cells]


def no_hints(alike):
    """Let the children of one root work, and then those of the other as if whoever worked had been killed."""
    alike("run", "alike.yaml", "--runner", "local", "--set", "stages.root.grid.hold=[/nowhere/2]")
    shutil.rmtree("runs/likenesses")
    alike("run", "alike.yaml", "--runner", "local")


def no_adoption(alike):
    alike("run", "alike.yaml", "--runner", "local", "--no-adopt")


@pytest.mark.parametrize("each_works", [no_hints, no_adoption])
def test_the_same_is_printed_where_each_trial_worked_for_itself(alike, each_works):
    """No number hangs on who was killed when, or on what storages were merged."""
    alike("run", "alike.yaml", "--runner", "local", "--storage", "once")
    each_works(alike)

    assert adopted() == []
    for command in (("table", "alike.yaml"), ("compare", "alike.yaml", "pooled")):
        assert alike(*command).out == alike(*command, "--storage", "once").out
    assert alike("table", "alike.yaml", "--explain").out.count("alike: it shares its result with ") >= 2


def test_trials_of_unlike_settings_that_found_the_same_numbers_count_each(alike):
    text = ALIKE.replace("width: [1, 2]", "width: [1, 2], ranks: [1, 2]").replace("[root.hold]", "[root.hold, ranks]")
    Path("alike.yaml").write_text(text.replace("[root.hold, width]", "[root.hold, width, ranks]"))
    assert alike("run", "alike.yaml", "--runner", "local").code == 0

    (pooled, _) = alike("table", "alike.yaml", "--format", "json").json

    cells = [line["cells"]["error"] for line in pooled["rows"]]
    assert [(cell["n"], cell["expected"], len(set(cell["values"].values()))) for cell in cells] == [(4, 8, 2)] * 2


def test_the_table_says_in_a_footnote_what_counts_once_and_explained_from_which(done):
    text = done("table", "alike.yaml").out
    explained = done("table", "alike.yaml", "--explain").out

    assert "n=2/4 (2 alike)" in text
    assert "each shares its result with another one here that is alike, which counts once" in text
    assert explained.count("alike: it shares its result with ") >= 2
    assert explained.count("taken over from ") >= 2


def test_the_cost_of_a_way_is_that_of_the_work_though_it_was_done_once(done):
    _, apart = done("table", "alike.yaml", "--format", "json").json

    one, other, *_ = (line["cells"]["cpu_days"]["median"] for line in apart["rows"])
    assert one == other > 0


def test_a_comparison_has_as_many_units_as_there_were_draws(done):
    found = done("compare", "alike.yaml", "pooled", "--json").json["tables"][0]
    words = done("compare", "alike.yaml", "pooled").out

    (one,) = found["comparisons"]
    assert [len(arm["runs"]) for arm in found["arms"]] == [2, 2]
    assert [arm["alike"] for arm in found["arms"]] == [2, 2]
    assert [arm["missing"] for arm in found["arms"]] == [[], []]
    assert (len(one["seeds"]), one["paired"], one["smallest_p"]) == (2, True, 0.5)
    assert "2 childs left out that share their results with another one here, which is alike and counts once" in words


def test_whichever_worked_first_the_same_tables_are_printed(alike):
    """The other root's children work, and those of the first take their rows over; the numbers are those of before."""
    printed = []
    for storage, first in (("a", "/nowhere/1"), ("b", "/nowhere/2")):
        there = ("alike.yaml", "--storage", storage)
        alike("run", *there, "--runner", "local", "--set", f"stages.root.grid.hold=[{first}]")
        alike("run", *there, "--runner", "local")
        cells = alike("table", *there, "--format", "json").json[0]["rows"]
        printed.append(str([line["cells"]["error"]["values"] for line in cells]))
        printed[-1] += alike("table", *there).out + alike("compare", "alike.yaml", "pooled", "--storage", storage).out

    states = [alike("status", "alike.yaml", "--storage", storage, "--json").json["trials"] for storage in "ab"]
    workers = [{trial["twin"] for trial in trials if "twin" in trial} for trials in states]
    assert workers[0].isdisjoint(workers[1])
    assert printed[0] == printed[1]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["stages.root.config.steps=2"], ["root: 2 done trials differ from new ones only in steps"]),
        (["stages.root.config.width=3"], ["root: 2 done trials differ from new ones only in width"]),
        (["stages.child.config.epochs=3"], ["child: 8 done trials differ from new ones only in epochs"]),
        (["stages.root.config.steps=2", "stages.root.config.epochs=2"], []),
        (["stages.root.grid.seed=[5]"], []),
        ([], []),
    ],
)
def test_plan_says_in_which_one_setting_done_trials_differ_from_new_ones(done, changed, said):
    asked = [word for change in changed for word in ("--set", change)]
    shown = done("plan", "alike.yaml", *asked)
    told = done("plan", "alike.yaml", *asked, "--json").json.get("near", [])

    assert shown.err.splitlines() == [f"note: {each}" for each in said]
    assert [(each["stage"], each["differ_in"]) for each in told] == [
        (each.split(":")[0], each.split()[-1]) for each in said
    ]


def test_plan_says_that_done_trials_are_of_another_version(done, monkeypatch):
    monkeypatch.setitem(fakes.CATALOG, "chain", dataclasses.replace(fakes.CHAIN, version=2))

    assert "note: root: 2 done trials differ from new ones only in version" in done("plan", "alike.yaml").err


@pytest.mark.parametrize(("indexed", "opened", "said"), [(False, 10, False), (True, 10, True), (True, 1, False)])
def test_of_many_others_in_a_storage_the_index_tells_and_nobody_reads_their_rows(
    done, monkeypatch, indexed, opened, said
):
    monkeypatch.setattr("orchestrator.running.near.MOST_READ", 1)
    monkeypatch.setattr("orchestrator.running.near.MOST_OPENED", opened)
    monkeypatch.setattr("orchestrator.rows.MANY", 1)
    monkeypatch.setattr("orchestrator.index.index.SETTLED_SECONDS", -1)
    shutil.rmtree("runs/index", ignore_errors=True)
    if indexed:
        done("index")
    changed = ("alike.yaml", "--set", "stages.root.config.steps=2")

    assert ("2 done trials differ from new ones only in steps" in done("plan", *changed).err) == said


def test_those_of_other_parents_are_not_opened(done, monkeypatch):
    """Four done trials stand beside each of two roots; new ones are roots."""
    monkeypatch.setattr("orchestrator.running.near.MOST_READ", 1)
    monkeypatch.setattr("orchestrator.running.near.MOST_OPENED", 2)
    monkeypatch.setattr("orchestrator.rows.MANY", 1)
    monkeypatch.setattr("orchestrator.index.index.SETTLED_SECONDS", -1)
    done("index")

    assert "2 done trials differ" in done("plan", "alike.yaml", "--set", "stages.root.config.steps=2").err
