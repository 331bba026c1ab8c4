"""What a run within a budget goes by: what is left of trials, cells that are lost, and how other experiments went."""

from dataclasses import replace

import pytest
from quickstart_rows import quickstart

from orchestrator.cli.foresight import Intent
from orchestrator.forecast.slots import Slots
from orchestrator.ledger import Ledger, TrialState
from orchestrator.running.frontier import Frontier
from trainables.catalog import CATALOG
from trainables.record.storage import open_storage
from trainables.record.trial_folder import seal

NEW = TrialState(state="new", reason="never started")
PLAN, ROWS = quickstart()
IDS = [trial.trial_id for trial in PLAN.trials]
SEARCH, *_ = (trial for trial in PLAN.trials if trial.stage == "search")


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return Ledger(open_storage(tmp_path))


def within(budget: str, ledger: Ledger, **states: TrialState) -> Intent:
    at = {**dict.fromkeys(IDS, NEW), **states}
    return Intent.of(PLAN, at, ledger, CATALOG, Slots.local(), budget, None)


def price(intent: Intent, trial) -> float:
    assert intent.limits is not None
    return intent.limits.price([trial])


def test_of_a_trial_that_was_begun_the_rest_is_paid_for(ledger):
    begun = TrialState(state="resumable", reason="one epoch is left", epoch=2)

    whole, rest = within("9cpu-days", ledger), within("9cpu-days", ledger, **{SEARCH.trial_id: begun})

    assert price(rest, SEARCH) == pytest.approx(price(whole, SEARCH) / 3)


def test_how_fast_other_experiments_went_says_what_trials_cost(ledger):
    unknown = price(within("9cpu-days", ledger), SEARCH)
    for row in ROWS.values():
        spec = replace(row.spec, seed=row.spec.seed + 100)  # those of nobody's plan
        slow = {**row.timing, "wall_seconds": 1000.0}
        other = replace(row, trial_id=spec.trial_id, spec=spec, timing=slow, config={**row.config, "genotype": None})
        ledger.storage.write(f"trials/{spec.trial_id}/row.json", seal(other))
    ledger = Ledger(ledger.storage)

    assert price(within("9cpu-days", ledger), SEARCH) > 5 * unknown


DONE = {trial_id: TrialState(state="done", reason="", row=row) for trial_id, row in ROWS.items()}
TRAININGS = [trial for trial in PLAN.trials if trial.stage == "train"]


def test_a_cell_of_which_a_trial_failed_before_comes_after_those_that_can_be_whole(ledger):
    """Two of its trainings are left, so that it would be the cheapest; there is time for three."""
    failed, *rest = (trial.trial_id for trial in TRAININGS if trial.label.startswith("weighting=scalar p=1 "))
    states = {**DONE, **{trial.trial_id: NEW for trial in TRAININGS}, failed: TrialState(state="failed", reason="")}
    one = price(within("9cpu-days", ledger, **states), TRAININGS[-1])

    chosen = within(f"{3.4 * one / 3600:.6f}cpu-hours", ledger, **states).trials

    assert len(rest) == 2
    assert len(chosen) == 3
    assert chosen.isdisjoint(rest)


@pytest.mark.parametrize(("share", "fits"), [(0.5, 0), (1.5, 2)])
def test_a_trial_that_takes_over_a_row_costs_nothing_and_goes_with_the_one_that_works(ledger, share, fits):
    one, other = TRAININGS[0], TRAININGS[1].trial_id
    states = {**DONE, one.trial_id: NEW, other: replace(NEW, twin=one.trial_id)}
    whole = price(within("9cpu-days", ledger, **states), one)

    intent = within(f"{share * whole / 3600:.6f}cpu-hours", ledger, **states)
    frontier = Frontier(ledger=ledger, waiting={trial.trial_id: trial for trial in TRAININGS[:2]})
    assert intent.limits is not None
    intent.limits.apply(frontier)

    assert (len(intent.trials), len(frontier.waiting)) == (fits, fits)
