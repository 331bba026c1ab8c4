"""The proof sees what a rehearsal is for: rows that are lost, recorded twice, or different by a digit."""

from dataclasses import replace

import pytest
from drive import grid
from running_contract import go

from orchestrator.ledger import Ledger
from orchestrator.running.rehearsal.proof import Witness, prove
from trainables.record.storage import open_storage
from trainables.record.trial_folder import seal
from trainables.trial import canonical_json


def table(rows):
    return canonical_json({trial_id: [rows[trial_id].metrics, rows[trial_id].timing] for trial_id in sorted(rows)})


@pytest.fixture
def proof(tmp_path):
    """Run a grid twice, spoil the second record with what is given, and return the proof and the spoiled trial."""

    def prove_it(spoil=lambda storage, path, row: None):
        trials = grid(1, 1, epochs=1, steps=1)
        for place in ("undisturbed", "disturbed"):
            go(tmp_path / place, trials)
        reference = Ledger(open_storage(tmp_path / "undisturbed")).rows()
        witness = Witness(ledger=Ledger(open_storage(tmp_path / "disturbed")))
        witness.look(reference)
        row = witness.seen[trials[0].trial_id]
        spoil(witness.ledger.storage, f"trials/{row.trial_id}/", row)
        return prove(witness, reference, table), row.trial_id

    return prove_it


def test_rows_of_two_runs_are_the_same_whatever_time_they_took(proof):
    found, _ = proof()

    assert found.holds
    assert (found.rows, found.lost, found.twice, found.different) == (2, (), (), {})


def test_a_row_that_was_there_and_is_gone_is_lost(proof):
    found, trial_id = proof(lambda storage, path, row: storage.delete(path + "row.json"))

    assert (found.holds, found.lost) == (False, (trial_id,))


def test_a_row_that_is_written_over_is_recorded_twice_even_with_the_same_digits(proof):
    def again(storage, path, row):
        storage.write(path + "row.json", seal(replace(row, timing={**row.timing, "wall_seconds": 1.5})))

    found, trial_id = proof(again)

    assert (found.holds, found.twice, found.different) == (False, (trial_id,), {})
    assert found.tables_identical


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": {"error": 12.5, "error_best": 12.5}}, "metrics"),
        ({"artifacts": {"genotype": "another"}}, "artifacts"),
        ({"state": "failed", "error": "its loss is nan"}, "state, error"),
    ],
)
def test_a_row_that_differs_is_named_with_what_differs(proof, change, words):
    found, trial_id = proof(lambda storage, path, row: storage.write(path + "row.json", seal(replace(row, **change))))

    assert not found.holds
    assert found.different == {trial_id: words}
    assert found.tables_identical == ("metrics" not in change)


def test_a_file_beside_a_row_that_is_another_one_is_a_difference(proof):
    def spoil(storage, path, row):
        storage.write(path + row.files["predictions.npz"]["path"], b"something else")

    found, trial_id = proof(spoil)

    assert not found.holds
    assert "predictions" in found.different[trial_id]


def test_a_row_that_cannot_be_read_is_lost_and_its_damage_named(proof):
    found, trial_id = proof(lambda storage, path, row: storage.write(path + "row.json", b"{"))

    assert found.lost == (trial_id,)
    assert "cut short or garbled" in found.different[trial_id]
