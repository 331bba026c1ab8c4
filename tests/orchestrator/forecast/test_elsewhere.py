"""How fast this machine is, by other experiments of the same storage."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from quickstart_rows import quickstart

from orchestrator.document.experiment import load_experiment
from orchestrator.forecast.durations import Group
from orchestrator.forecast.elsewhere import is_worth_it, seen_elsewhere
from orchestrator.forecast.rough import ROUGH
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG
from trainables.record.storage import open_storage
from trainables.record.trial_folder import seal

TRAIN, SEARCH = Group("train", "", 0.0, 1), Group("search", "", 0.0, 1)


def quickstart_in(folder: Path, **change) -> Ledger:
    """Return the ledger of a storage with a quickstart's rows, each with its settings."""
    plan, rows = quickstart()
    for trial in plan.trials:
        place = folder / "trials" / trial.trial_id
        place.mkdir(parents=True)
        settings = {**trial.effective[trial.stage], "genotype": None, "seed": None}
        (place / "row.json").write_bytes(seal(replace(rows[trial.trial_id], **{"config": settings, **change})))
    return Ledger(open_storage(folder))


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    return quickstart_in(tmp_path)


def test_done_trials_of_others_are_held_against_what_is_written(ledger):
    others = expand(load_experiment("figure4_toy"), CATALOG).trials
    plan, rows = quickstart()
    found = seen_elsewhere(ledger, CATALOG, others)

    assert {group: paces.count for group, paces in found.items()} == {TRAIN: 12, SEARCH: 2}
    for group, paces in found.items():
        rough = ROUGH["CPU"][group.trainable]
        of_kind = [trial for trial in plan.trials if trial.spec.trainable == group.trainable]
        took = [float(rows[trial.trial_id].timing["wall_seconds"]) for trial in of_kind]
        logs = [math.log(each / rough.seconds(trial.expected_cost)) for each, trial in zip(took, of_kind, strict=True)]
        assert paces.mean == pytest.approx(sum(logs) / len(logs))
        assert abs(paces.mean) < 0.5


def test_an_experiments_own_trials_are_not_others_and_no_more_than_a_few_are_read(ledger, monkeypatch):
    plan, _ = quickstart()

    assert seen_elsewhere(ledger, CATALOG, plan.trials) == {}
    monkeypatch.setattr("orchestrator.forecast.elsewhere.FEW", 3)
    found = seen_elsewhere(ledger, CATALOG, [])
    assert sum(paces.count for paces in found.values()) == 3


@pytest.mark.parametrize(
    "change",
    [{"state": "failed"}, {"timing": {}}, {"timing": {"wall_seconds": 0}}, {"config": {}}, {"config": {"epochs": 0}}],
)
def test_nothing_is_learned_from_what_failed_or_does_not_say_how_long_it_took_or_what_it_did(tmp_path, change):
    assert seen_elsewhere(quickstart_in(tmp_path, **change), CATALOG, []) == {}


def test_of_kinds_that_the_catalog_does_not_have_nothing_is_learned(ledger):
    assert seen_elsewhere(ledger, {"search": CATALOG["search"]}, []).keys() == {SEARCH}


def test_they_are_read_only_where_some_trial_is_of_a_kind_of_which_none_was_seen_on_such_a_device():
    train, search, gpu = Group("train", "a", 0.0, 1), Group("search", "b", 0.0, 1), Group("train", "a", 1.0, 0)

    assert not is_worth_it([train], [Group("train", "other stage", 0.0, 4)])
    assert is_worth_it([train, search], [train])
    assert is_worth_it([gpu], [train])
    assert not is_worth_it([], [])


def test_rows_that_were_taken_over_from_a_trial_alike_say_nothing_of_time(tmp_path):
    adopted = {"provenance": {"gpus": [], "threads": 1, "adopted_from": "0" * 12}}

    assert seen_elsewhere(quickstart_in(tmp_path / "worked", provenance={"gpus": [], "threads": 1}), CATALOG, []) != {}
    assert seen_elsewhere(quickstart_in(tmp_path / "adopted", **adopted), CATALOG, []) == {}
