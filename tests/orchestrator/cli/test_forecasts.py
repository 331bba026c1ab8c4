"""What `plan` says is still to do, and when that is done: here, or on as many GPUs as are named."""

import shutil
from collections import namedtuple

import pytest

from orchestrator.cli.main import invoke

ON_GPUS = ("--set", "stages.root.resources={gpus: 1}", "--set", "stages.child.resources={gpus: 0.5}")


def test_the_last_line_of_a_plan_says_what_is_still_to_do_and_when_it_is_done(sharptune):
    *_, counts, last = sharptune("plan", "chains.yaml").out.splitlines()

    assert counts == "chains: 6 trials; 6 new"
    assert last.startswith("still to do: ")
    assert " CPU minutes (" in last
    assert ", from the cost model alone: a factor of " in last
    assert " here done in " in last
    assert last.endswith(", 80 %)")


def test_where_all_is_done_a_plan_says_nothing_of_it(sharptune, run):
    run()
    shown, data = sharptune("plan", "chains.yaml"), sharptune("plan", "chains.yaml", "--json").json

    assert shown.out.splitlines()[-1] == "chains: all 6 trials are done"
    assert set(data) == {"experiment", "trials", "counts"}


def test_each_number_of_gpus_has_a_line_and_more_are_no_later(sharptune):
    shown = sharptune("plan", "chains.yaml", *ON_GPUS, "--gpus", "1,8", "--gpus", "8,64").out.splitlines()
    data = sharptune("plan", "chains.yaml", *ON_GPUS, "--gpus", "1,8,64", "--json").json["forecast"]

    assert shown[-4].startswith("still to do: ")
    assert [line.split(" done in ")[0] for line in shown[-3:]] == ["  on 1 GPU", "  on 8 GPUs", "  on 64 GPUs"]
    assert [each["slots"] for each in data] == ["1 GPU", "8 GPUs", "64 GPUs"]
    medians = [each["finish_seconds"]["median"] for each in data]
    assert medians[0] > medians[1] >= medians[2] > 0
    assert {each["trials"] for each in data} == {6}


@pytest.mark.parametrize("gpus", ["0", "-1", "many", "1.5", "1,,2", "", "1e3", "100001", "²"])
def test_what_is_no_number_of_gpus_is_refused_in_one_sentence(sharptune, gpus):
    result = sharptune("plan", "chains.yaml", *ON_GPUS, "--gpus", gpus)

    assert result.code == 2
    assert "is no number of GPUs: say 8, or 1,8,64" in result.err
    assert result.out == ""


def test_gpus_are_of_no_use_to_trials_that_ask_for_none(sharptune):
    result = sharptune("plan", "chains.yaml", "--gpus", "8")

    assert (result.code, result.out) == (2, "")
    assert result.err.endswith("Error: --gpus: no trial that is still to do asks for a GPU\n")


def test_a_disk_that_has_no_room_for_all_is_told_before_anything_runs(tmp_path, monkeypatch, capsys):
    Usage = namedtuple("Usage", "total used free")
    for free, told in ((10**12, False), (1000, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: Usage(10**12, 0, free))

        assert invoke(["plan", "quickstart", "--storage", str(tmp_path / "none")]) == 0
        note = "note: what is still to do takes some 2.5 MB on disk, and where "
        assert capsys.readouterr().err.startswith(note) == told


def test_a_run_says_so_too_before_its_first_trial(run, monkeypatch):
    run("--set", "stages.root.grid.seed=[0]")
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 0, 10))

    result = run()

    assert result.code == 0
    assert result.err.startswith("note: what is still to do takes some ")
    assert result.err.endswith("/runs lies 10 B are free\n")
