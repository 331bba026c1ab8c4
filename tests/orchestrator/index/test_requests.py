"""What a look at thousands of finished trials costs in an object store, with the index and without."""

import pytest
from drive import planned
from many_rows import row_of
from store_in_memory import StoreInMemory, StoreOfPairs

from orchestrator.ledger import Ledger
from trainables.record.entry import origins_of
from trainables.record.trial_folder import TrialFolder, seal

SPECS = [planned(seed, epochs=1).spec for seed in range(1200)]
IDS = [spec.trial_id for spec in SPECS]
BESIDE = (
    "spec.json",
    "claims/0001.json",
    "claims/0001.0123abcd.released",
    "log/0001.0123abcd.txt",
    "output.0001.0123abcd.txt",
    "predictions.0001.0123abcd.npz",
    "epochs.0001.0123abcd.parquet",
    "weights-last.0001.0123abcd.safetensors",
    "weights-best.0001.0123abcd.safetensors",
)
"""What stands in the folder of a trial that is done, but for its row."""


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """A machine that never saw these rows."""
    monkeypatch.setattr("orchestrator.rows.cache_root", lambda: tmp_path)


@pytest.fixture(scope="module")
def finished():
    """A storage of 1,200 finished trials, all of them in the index."""
    store = StoreInMemory()
    for spec in SPECS:
        folder = f"trials/{spec.trial_id}"
        store.put({f"{folder}/row.json": seal(row_of(spec)), **{f"{folder}/{name}": b"" for name in BESIDE}})
    Ledger(store).index(IDS)
    return store


@pytest.fixture
def store(finished):
    """Its like, to be changed."""
    return finished.copy()


def test_the_states_of_finished_trials_are_their_names_and_a_segment(store):
    states = Ledger(store).states(SPECS)

    assert {state.state for state in states.values()} == {"done"}
    assert {state.row.metrics["test_error"] for state in states.values()} == {5.0}
    assert len(store.requests) <= 8, store.requests


def test_without_an_index_they_are_a_listing_of_all_files():
    store = StoreInMemory()
    for spec in SPECS:
        store.put({f"trials/{spec.trial_id}/{name}": b"" for name in BESIDE})
        TrialFolder(store, spec.trial_id).commit_row(row_of(spec), origins_of({}))
    store.requests.clear()

    states = Ledger(store).states(SPECS)

    assert {state.state for state in states.values()} == {"done"}
    pages = -(-len(SPECS) * (len(BESIDE) + 2) // 1000)  # of 10,000 trials 110
    assert len(store.requests) <= pages + 3, store.requests


def test_rows_of_an_object_store_are_indexed_many_at_a_time():
    store = StoreOfPairs()
    store.put({f"trials/{spec.trial_id}/row.json": seal(row_of(spec)) for spec in SPECS[:40]})

    assert Ledger(store).index(IDS[:40]) == 40


def test_the_few_of_thousands_that_are_not_in_the_index_are_looked_at_many_at_a_time(finished):
    store = StoreOfPairs("walk", f"trials/{'?' * 12}")
    store._files = {path: file for path, file in finished._files.items() if not path.startswith("index/")}
    Ledger(store).index(IDS[:-10])
    store.requests.clear()

    states = Ledger(store).states(SPECS)

    assert {state.state for state in states.values()} == {"done"}
    assert len(store.requests) <= 8 + 2 * 10, store.requests
