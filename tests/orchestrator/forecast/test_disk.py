"""What a forecast says of the disk is what trials leave there."""

from dataclasses import replace

from drive import planned
from quickstart_rows import quickstart

from orchestrator.forecast.disk import bytes_of
from orchestrator.forecast.durations import Durations
from orchestrator.forecast.outlook import Outlook
from orchestrator.ledger import TrialState
from orchestrator.planning.plan import PlannedTrial

NEW = TrialState(state="new", reason="never started")
LEFT = {"search": 512_519, "train": 260_104}
"""Bytes of files that trials of a quickstart left."""


def open_ones(trials: list[PlannedTrial]) -> Outlook:
    return Outlook(open=trials, durations=Durations())


def test_before_anything_is_done_it_is_what_networks_of_that_size_have():
    plan, _ = quickstart()
    truth = sum(LEFT[trial.stage] for trial in plan.trials)

    assert truth / 2 < bytes_of(open_ones([*plan.trials])) < 2 * truth


def test_trials_leave_as_much_as_the_done_ones_of_their_stage():
    plan, rows = quickstart()
    states = {
        trial_id: NEW
        if at > 7
        else TrialState(
            state="done",
            reason="",
            row=replace(row, files={"a": {"bytes": LEFT[row.spec.trainable]}, "b": {"bytes": 1}, "c": {"path": "x"}}),
        )
        for at, (trial_id, row) in enumerate(rows.items())
    }
    rest = [trial for trial in plan.trials if states[trial.trial_id] is NEW]
    outlook = Outlook.of(plan.trials, states)

    assert {trial.stage for trial in rest} == {"search", "train"}
    done = {trial.stage for trial in plan.trials if trial not in rest}
    assert bytes_of(outlook) == sum(
        LEFT[trial.stage] + 1 if trial.stage in done else bytes_of(open_ones([trial])) for trial in rest
    )


def test_a_trial_whose_size_nobody_knows_counts_nothing():
    assert bytes_of(open_ones([planned(0)])) == 0
