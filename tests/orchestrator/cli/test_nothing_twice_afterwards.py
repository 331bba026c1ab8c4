"""What there is to know of a trial that took over another's row, and what becomes of it when the other one is gone."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from command_line import ALIKE
from fakes import CATALOG

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """A storage where the trials of `first` worked and those of `second`, whose search finds the same, did not."""
    folder = tmp_path_factory.mktemp("worked")
    for name, hold in (("first", 1), ("second", 2)):
        text = ALIKE.replace("[/nowhere/1, /nowhere/2]", f"[/nowhere/{hold}]").replace(": alike", f": {name}")
        (folder / f"{name}.yaml").write_text(text)
        storage = ("--storage", str(folder / "runs"))
        assert invoke(["run", str(folder / f"{name}.yaml"), "--runner", "local", *storage], catalog=CATALOG) == 0
    return folder


@pytest.fixture
def here(worked, sharptune):
    """The command, in a copy of it."""
    shutil.copytree(worked, ".", dirs_exist_ok=True)
    return sharptune


def rows(storage="runs"):
    return Ledger(open_storage(storage)).rows()


def twins(storage="runs"):
    return {trial_id: row.adopted_from for trial_id, row in rows(storage).items() if row.adopted_from}


def test_why_and_status_name_the_trial_whose_row_it_is(here):
    trial_id, twin = min(twins().items())

    assert f"beside {twin}  first: child" in here("why", trial_id).out
    assert [each["twin"] for each in here("why", trial_id, "--json").json["trials"]] == [twin]
    assert here("why", "second.yaml").out.startswith("4 done: another trial is alike, and its row was taken over\n")
    assert f"taken over from {twin}, which is alike" in here("status").out
    told = {each["id"]: each.get("twin") for each in here("status", "--json").json["trials"]}
    assert {each: told[each] for each in told if told[each]} == twins()


def test_why_says_of_a_new_trial_whose_row_it_would_take_over(here):
    trial_id, twin = min(twins().items())
    Path(f"runs/trials/{trial_id}/row.json").unlink()

    (told,) = [each for each in here("why", "second.yaml", "--json").json["trials"] if each["id"] == trial_id]

    assert (told["reason"], told["twin"]) == ("another trial is alike, and its row would be taken over", twin)


def test_the_report_and_exported_rows_lead_to_the_trial_that_worked(here):
    here("report", "second.yaml", "-o", "report.html")
    here("export", "rows", "second.yaml", "-o", "rows.parquet")

    page = Path("report.html").read_text()
    (data,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    stage = next(each for each in json.loads(data)["stages"] if each["stage"] == "child")
    assert {stage["ids"][int(place)]: twin for place, twin in stage["twins"].items()} == twins()
    exported = pandas.read_parquet("rows.parquet").set_index("trial_id")["provenance.adopted_from"].dropna()
    assert exported.to_dict() == twins()


def test_a_bundle_without_the_trial_that_worked_has_the_same_tables_and_nothing_is_wrong_with_it(here):
    assert here("bundle", "second.yaml", "second.zip").code == 0
    assert here("merge", "second.zip", "--storage", "elsewhere").code == 0
    trial_id, twin = min(twins().items())

    assert twin not in rows("elsewhere")
    assert twins("elsewhere") == twins()
    for options in ((), ("--explain",), ("--format", "json")):
        there = here("table", "second.yaml", "--storage", "elsewhere", *options).out
        assert there.replace("elsewhere", "runs") == here("table", "second.yaml", *options).out
    assert "nothing is wrong" in here("verify", "--storage", "elsewhere").out
    assert f"beside {twin}, which is no more here" in here("why", trial_id, "--storage", "elsewhere").out


def test_a_trial_that_took_a_row_over_here_and_worked_elsewhere_is_the_same_to_merge(here):
    here("run", "second.yaml", "--runner", "local", "--storage", "each", "--no-adopt")

    assert twins("each") == {}
    assert here("merge", "each").out.endswith("5 same\n")
    assert here("merge", "runs", "--storage", "each").out.endswith("5 taken, 5 same\n")
    assert "nothing is wrong" in here("verify", "--storage", "each").out


def test_with_the_trial_that_worked_pruned_its_row_is_still_there_in_the_one_that_took_it_over(here):
    before = here("table", "second.yaml").out
    trial_id, twin = min(twins().items())

    assert here("prune", "second.yaml", "--yes").code == 0

    assert twin not in rows()
    assert here("table", "second.yaml").out == before
    assert "nothing is wrong" in here("verify").out
    assert f"taken over from {twin}" in here("status", "second.yaml").out
    assert here("run", "first.yaml", "--runner", "local").code == 0
    assert rows()[twin].metrics == rows()[trial_id].metrics


@pytest.mark.parametrize(("indexed", "failed"), [(False, False), (True, False), (True, True)])
def test_with_the_trial_that_worked_gone_or_failed_others_find_its_row_once_the_index_command_was_given(
    here, indexed, failed
):
    third = ("second.yaml", "--set", "stages.root.grid.hold=[/nowhere/3]")
    before = rows()
    here("prune", "second.yaml", "--yes")
    for twin in twins().values() if failed else ():
        lost = replace(before[twin], state="failed", error="out of memory", metrics={}, artifacts={}, files={})
        TrialFolder(open_storage("runs"), twin).commit_row(lost)
    here("run", *third, "--set", "stages.child.grid.seed=[5]", "--runner", "local")

    said = here("index").out if indexed else ""
    again = here("index", "--json").json["noted"] if indexed else 0

    assert said.count("; 4 trials can now be found") == indexed
    assert again == 0
    assert here("plan", *third).out.count("would take over the row of") == 4 * indexed


def test_one_of_two_that_worked_is_found_once_the_other_one_is_gone_and_the_index_command_was_given(here):
    """The storage named the other one."""
    there, third = ("--storage", "each"), ("second.yaml", "--set", "stages.root.grid.hold=[/nowhere/3]")
    here("run", "first.yaml", "--runner", "local", *there)
    here("run", "second.yaml", "--runner", "local", *there, "--no-adopt")
    here("prune", "second.yaml", "--yes", *there)
    here("run", *third, "--set", "stages.child.grid.seed=[5]", "--runner", "local", *there)

    said = here("index", *there).out

    assert twins("each") == {}
    assert said.count("; 4 trials can now be found") == 1
    assert here("plan", *third, *there).out.count("would take over the row of") == 4


def test_a_trial_whose_files_a_bundle_left_out_is_not_said_to_be_found_by_others(here):
    """They could not take its row over, and would work after all."""
    third = ("second.yaml", "--set", "stages.root.grid.hold=[/nowhere/3]")
    here("run", *third, "--set", "stages.child.grid.seed=[5]", "--runner", "local")
    before = rows()
    for trial_id in twins():
        Path(f"runs/trials/{trial_id}", before[trial_id].files["predictions.npz"]["path"]).unlink()
    here("prune", "second.yaml", "--yes")

    assert "can now be found" not in here("index").out
    assert "would take over the row of" not in here("plan", *third).out


def test_no_trial_takes_over_its_own_row_from_one_that_took_it_over(here):
    here("prune", "second.yaml", "--yes")
    here("index")
    root = ("first.yaml", "--set", "stages.child.grid.seed=[5]")
    here("run", *root, "--runner", "local")

    assert "would take over the row of" not in here("plan", "first.yaml").out
    assert "takes over the row of" not in here("run", "first.yaml", "--runner", "local").out
    assert all(trial_id != twin for trial_id, twin in twins().items())
    assert "nothing is wrong" in here("verify").out


def test_the_trial_that_worked_is_computed_anew_once_it_is_damaged_and_the_other_row_stays(here):
    trial_id, twin = min(twins().items())
    before = rows()
    Path(f"runs/trials/{twin}", before[twin].files["predictions.npz"]["path"]).unlink()

    assert here("retry", twin).code == 0
    assert here("run", "first.yaml", "--runner", "local").code == 0

    after = rows()
    assert (after[twin].adopted_from, after[twin].metrics) == ("", before[twin].metrics)
    assert after[trial_id] == before[trial_id]
    assert "nothing is wrong" in here("verify").out
