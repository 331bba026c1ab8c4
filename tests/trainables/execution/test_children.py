"""A child takes what its parent found, keeps the receipt, and waits for a parent that is not done."""

import dataclasses

import pytest
from jobs import finish, folder_of, make_job, never

from trainables.execution.attempt import execute


def test_a_child_takes_what_its_parent_found_and_keeps_the_receipt(tmp_path):
    parent = make_job(tmp_path)
    finish(parent)
    reference = {"parent": 0, "key": "genotype"}
    child = make_job(tmp_path, parents=(parent.spec.trial_id,), link=reference)

    finish(child)

    row, parent_row = folder_of(child).read_row(), folder_of(parent).read_row()
    assert row is not None
    assert parent_row is not None
    assert row.config["link"] == parent_row.artifacts["genotype"]
    assert list(row.parents[parent.spec.trial_id]) == ["genotype"]
    assert row.timing["cpu_days_total"] == pytest.approx(row.timing["cpu_days"] + parent_row.timing["cpu_days"])


def test_a_child_of_the_best_takes_the_lowest_and_says_who_won(tmp_path):
    parents = [make_job(tmp_path, seed=seed) for seed in range(3)]
    for parent in parents:
        finish(parent)
    ids = tuple(sorted(parent.spec.trial_id for parent in parents))
    child = make_job(tmp_path, parents=ids, link={"parent": {"best": "error_best"}, "key": "genotype"})

    finish(child)

    rows = [folder_of(parent).read_row() for parent in parents]
    best = min((row.metrics["error_best"], row.trial_id) for row in rows if row is not None)
    row = folder_of(child).read_row()
    assert row is not None
    assert (row.artifacts["chosen"]["value"], row.artifacts["chosen"]["trial"]) == best
    assert set(row.parents) == set(ids)


def test_a_child_whose_parent_is_not_done_waits_and_does_not_fail(tmp_path):
    child = make_job(tmp_path, parents=("0123456789ab",), link={"parent": 0, "key": "genotype"})

    assert finish(child).state == "busy"
    assert folder_of(child).read_row() is None


def test_a_checkpoint_made_from_another_finding_of_the_parent_is_passed_over(tmp_path):
    parent = make_job(tmp_path)
    finish(parent)
    child = make_job(tmp_path, parents=(parent.spec.trial_id,), link={"parent": 0, "key": "genotype"})
    running = execute(child, should_stop=never)
    next(running)
    running.close()
    folder = folder_of(parent)
    row = folder.read_row()
    assert row is not None
    folder.set_aside("row.json", "test")
    folder.commit_row(dataclasses.replace(row, artifacts={"genotype": {"kind": "chain", "digest": "other"}}))

    notes = [p.note for p in execute(child, should_stop=never) if p.note]

    assert any("other findings" in note for note in notes)
    child_row = folder_of(child).read_row()
    assert child_row is not None
    assert child_row.config["link"]["digest"] == "other"
