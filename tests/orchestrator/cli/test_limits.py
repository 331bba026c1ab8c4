"""`run` and `plan` within a budget or until a time: what fits, is said and returned; the forecast beside what came."""

import json
import os
import re
import signal
from pathlib import Path

import fakes
import pytest
from command_line import planned, rows

from orchestrator.running.limits import Limits
from orchestrator.running.stop import Stop


def test_a_budget_runs_whole_cells_first_and_says_what_is_left(sharptune, run, monkeypatch):
    """Each trial takes six minutes; there is time for four: the two roots, and the children of one cell."""
    now = [2e9]
    monkeypatch.setattr(fakes, "work", lambda seconds: now.append(now[-1] + 60))
    monkeypatch.setitem(Limits.__init__.__kwdefaults__, "clock", lambda: now[-1])

    result = run("--budget", "0.45cpu-hours", "--json")

    limits = result.json["limits"]
    assert (result.code, len(rows())) == (0, 4)
    assert (limits["budget"], limits["spent_seconds"]) == ({"seconds": 1620.0, "unit": "cpu"}, 1440)
    assert sorted(cell["done"] for cell in limits["cells"]) == [0, 2]
    assert sharptune("status", "chains.yaml").out.count("new        never started") == 2
    assert len(limits["left_out"]) == 2
    assert [json.loads(kept.read_text())["ended"] for kept in Path("runs/forecasts").iterdir()] == ["limit"]
    assert "\nspent: 0.4 CPU hours of 0.45 CPU hours\nleft out (0.45 CPU hours): 2 trials, still to do: " in result.err
    assert "\n  complete: 1 of 2 cells\n  not complete: widths: width=" in result.err
    assert result.err.endswith("Nothing is lost. The same command goes on from here.\n")


@pytest.mark.parametrize("asked", [[], ["--budget", "0.1cpu-hours"]])
def test_a_dry_run_for_scripts_says_what_a_plan_says(sharptune, run, asked):
    dry = run("--dry-run", "--json", *asked)
    plan = sharptune("plan", "chains.yaml", "--json", *asked)

    assert dry.json == {name: told for name, told in plan.json.items() if name != "forecast"}
    assert ("fits" in dry.json, "  would run " in dry.err) == (bool(asked), True)


@pytest.mark.parametrize(("budget", "count"), [("0.1cpu-hours", 1), ("100cpu-hours", 6)])
def test_a_dry_run_and_a_plan_say_what_fits(sharptune, run, budget, count):
    dry = run("--dry-run", "--budget", budget)
    plan = sharptune("plan", "chains.yaml", "--budget", budget, "--json")
    words = sharptune("plan", "chains.yaml", "--budget", budget)

    assert (dry.code, dry.out.count("  would run ") >= count) == (0, True)
    assert dry.out.count("  would run ") + dry.out.count("  left out ") == 6
    assert f" of 6 open trials fit\n  complete: {2 if count == 6 else 0} of 2 cells\n" in dry.out
    assert len(plan.json["fits"]) == dry.out.count("  would run ")
    assert f"{len(plan.json['fits'])} of 6 open trials fit" in words.out
    assert not Path("runs").exists()


def test_a_time_that_is_too_near_for_anything_runs_nothing(run):
    result = run("--until", "+0.001min")

    assert (result.code, rows()) == (0, {})
    assert "left out (until " in result.out
    assert "6 trials, still to do: " in result.out
    assert "not complete: widths: width=1 (0 of 2)" in result.out


def test_where_all_fits_a_limited_run_is_one_without_limits(run):
    result = run("--budget", "9cpu-days", "--until", "+9d")

    assert (result.code, len(rows())) == (0, 6)
    assert "left out" not in result.out


def test_scripts_hear_what_is_left_out_also_of_a_grid_that_was_done_before(run):
    run()

    limits = run("--budget", "9cpu-days", "--json").json["limits"]

    assert (limits["left_out"], limits["reached"], limits["spent_seconds"]) == ([], "", 0)
    assert [(cell["done"], cell["trials"]) for cell in limits["cells"]] == [(2, 2), (2, 2)]


def test_a_failure_within_a_budget_is_a_failure(run):
    result = run("--budget", "9cpu-days", "--set", "stages.root.config.nan_at=1")

    assert result.code == 1


def test_ctrl_c_within_a_budget_is_an_interruption(run, monkeypatch):
    left = ["INT"]

    def interrupted(seconds):
        if left:
            os.kill(os.getpid(), getattr(signal, f"SIG{left.pop()}"))

    monkeypatch.setattr(fakes, "work", interrupted)
    result = run("--budget", "9cpu-days")

    assert result.code == 130
    assert re.search(r"\nspent: \S+ CPU seconds of 9 CPU days\nInterrupted; nothing is lost. The same", result.out)
    assert "; interrupted after 0 s\n" in result.out


def test_what_somebody_stopped_within_a_budget_is_not_left_out_by_it(run, chains, monkeypatch):
    """It is one of the two roots; the other one and its children are done."""

    class Asked(Stop):
        def __init__(self, storage):
            super().__init__(storage)
            self.trials = frozenset({planned(chains)[0].trial_id})

    monkeypatch.setattr("orchestrator.cli.run.Stop", Asked)

    result = run("--budget", "9cpu-days")

    assert (result.code, len(rows())) == (1, 3)
    assert result.out.count("\nnot finished: ") == 3
    assert "left out" not in result.out


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["--budget", "3gpudays"], "error: unknown unit of --budget 'gpudays'; did you mean 'gpu-days'?"),
        (["--budget", "3gpu-days"], "error: --budget 3gpu-days: no trial that is still to do asks for a GPU; say cpu-"),
        (["--until", "6pm"], "error: --until '6pm': write a time of day (18:00)"),
    ],
)
def test_what_is_no_limit_is_a_mistake_before_anything_is_done(run, asked, sentence):
    result = run(*asked)

    assert (result.code, len(result.err.splitlines())) == (2, 1)
    assert result.err.startswith(sentence)
    assert not Path("runs").exists()


def test_the_forecast_of_the_start_stands_beside_what_came_and_is_kept(run):
    result = run()
    [kept] = Path("runs/forecasts").iterdir()
    told = json.loads(kept.read_text())

    assert "\nforecast at the start: " in result.out
    assert re.search(r"; it took \d+(\.\d+)? (ms|s)\n", result.out)
    assert (told["experiment"], told["ended"], told["forecast"]["trials"]) == ("chains", "done", 6)
    assert told["took_seconds"] > 0


def test_scripts_get_the_forecast_and_the_truth(run):
    told, again = run("--json").json, run("--json").json

    assert told["forecast"]["finish_seconds"]["median"] > told["took_seconds"]
    assert ("forecast" in again, "took_seconds" in again) == (False, False)  # there was nothing to do


@pytest.mark.parametrize("asked", [["--ask-above", "0"], ["--ask-above", "0", "--yes"], ["--ask-above", "0", "--json"]])
def test_where_nobody_can_answer_the_forecast_is_said_and_the_run_goes_on(run, asked):
    result = run(*asked)

    assert (result.code, len(rows())) == (0, 6)
    assert "still to do: " in (result.err if "--json" in asked else result.out)
    assert "Proceed?" not in result.out + result.err


def test_below_what_is_asked_about_nothing_is_said_before_the_run(run):
    assert "still to do" not in run().out
