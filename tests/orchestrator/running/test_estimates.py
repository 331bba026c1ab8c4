"""What a run learns, while it runs, of how long the trials that are left may take."""

from dataclasses import replace

import pytest
from drive import planned

from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.estimates import Estimates
from trainables.trial import TrialRow


def of(seed: int, cost: float, parent: str = "") -> PlannedTrial:
    return replace(planned(seed, (parent,) if parent else ()), stage="train", expected_cost=cost)


def took(trial: PlannedTrial, seconds: float | None, **provenance: str) -> TrialRow:
    return TrialRow(
        trial_id=trial.trial_id, spec=trial.spec, config={}, state="done", metrics={}, artifacts={},
        timing={} if seconds is None else {"wall_seconds": seconds}, provenance=provenance,
    )  # fmt: skip


def learned(*seen: tuple[PlannedTrial, float]) -> Estimates:
    estimates = Estimates()
    for trial, seconds in seen:
        estimates.note_row(trial, took(trial, seconds))
    return estimates


def test_where_nothing_is_done_a_trial_takes_what_it_costs():
    assert Estimates().expected(of(0, 7.0)) == 7.0


def test_settings_that_the_cost_model_underrates_are_expected_to_take_longer():
    estimates = learned(*((of(seed, 1.0 + seed % 2), 10.0) for seed in range(40)))

    assert estimates.expected(of(100, 1.0)) == pytest.approx(10.0, rel=0.1)
    assert estimates.expected(of(101, 2.0)) == pytest.approx(10.0, rel=0.1)


def test_the_other_trainings_of_an_architecture_that_is_slow_to_train_are_expected_to_take_longer():
    estimates = learned(*((of(seed, 1.0, f"parent {seed % 2}"), 10.0 + 10.0 * (seed % 2)) for seed in range(40)))

    slow, quick, unknown = (estimates.expected(of(100, 1.0, parent)) for parent in ("parent 1", "parent 0", "new"))
    assert slow == pytest.approx(20.0, rel=0.1)
    assert quick == pytest.approx(10.0, rel=0.1)
    assert quick < unknown < slow


def test_one_trial_is_believed_by_half():
    typical = [(of(seed, 1.0, "usual"), 10.0) for seed in range(50)]
    estimates = learned(*typical, (of(100, 1.0, "slow"), 40.0))

    assert 15.0 < estimates.expected(of(101, 1.0, "slow")) < 25.0


def test_what_is_known_is_made_anew_with_the_first_of_a_stage_and_then_with_each_tenth_more():
    estimates = Estimates()
    news = [estimates.note_row(trial, took(trial, 10.0)) for trial in (of(seed, 1.0) for seed in range(1000))]

    assert news[0]
    assert 20 < sum(news) < 70
    assert any(news[900:])


@pytest.mark.parametrize("row", [{"seconds": None}, {"seconds": 0.0}, {"seconds": 99.0, "adopted_from": "a twin"}])
def test_a_row_that_does_not_say_how_long_its_trial_took_teaches_nothing(row):
    estimates = learned((of(0, 1.0), 10.0))
    estimates.note_row(of(1, 1.0), took(of(1, 1.0), **row))

    assert estimates.expected(of(2, 1.0)) == pytest.approx(10.0)
