"""What trials that are alike cost in an object store, in requests, and what two drivers at once make of them there."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from drive import planned
from fakes import CATALOG
from jobs import essence
from store_in_memory import StoreInMemory

from orchestrator.ledger import Ledger
from orchestrator.running.alike import FEW, named
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from trainables.execution.likeness import LIKENESSES, noted

LINK = {"parent": 0, "key": "genotype"}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An object store that workers open, too, by its address."""
    store = StoreInMemory()
    monkeypatch.setattr("trainables.execution.attempt.open_storage", lambda uri: store)
    monkeypatch.setattr("orchestrator.rows.cache_root", lambda: tmp_path)
    return store


def go(store, trials, *, adopt=True):
    states = run(trials, ledger=Ledger(store), catalog=CATALOG, runner=LocalRunner(), adopt=adopt)
    assert {state.state for state in states.values()} == {"done"}
    return states


def twice(children=1):
    """Return two roots that find the same, and the children of each."""
    roots = [planned(0, epochs=1, steps=1, hold=f"/nowhere-{n}") for n in (1, 2)]
    return roots, *([planned(seed, (root.trial_id,), link=LINK) for seed in range(children)] for root in roots)


def of_hints(store):
    """Return what was asked of hints since the requests were cleared."""
    return [request.partition("/")[0] for request in store.requests if f" {LIKENESSES}/" in request]


def test_a_hint_is_two_requests_of_a_trial_that_works_and_none_of_one_that_takes_nothing_from_others(store):
    roots, one, _ = twice()
    go(store, roots)
    assert of_hints(store) == []

    go(store, [*roots, *one])
    assert of_hints(store) == ["GET likenesses", "PUT likenesses"]


def test_to_take_a_row_over_is_its_row_and_each_file_once_and_fewer_requests_than_to_work(store):
    roots, one, other = twice()
    go(store, roots)
    store.requests.clear()
    go(store, [*roots, *one])
    worked = len(store.requests)
    store.requests.clear()
    states = go(store, [*roots, *other])

    row = states[other[0].trial_id].row
    assert row is not None
    theirs = [request for request in store.requests if f"/{one[0].trial_id}/" in request]
    assert sorted(theirs) == sorted(
        [f"GET trials/{row.adopted_from}/row.json"]
        + [request for request in theirs if ".npz" in request or ".parquet" in request]
    )
    assert len(theirs) == 1 + len(row.files)
    assert of_hints(store) == ["GET likenesses"]
    assert len(store.requests) <= worked


@pytest.mark.parametrize("children", [FEW, FEW + 1])
def test_what_would_be_taken_over_is_foreseen_with_one_request_for_each_hint_that_there_is(store, children):
    roots, one, other = twice(children)
    go(store, [*roots, *one])
    ledger = Ledger(store)
    states = ledger.states(trial.spec for trial in [*roots, *one, *other])
    store.requests.clear()

    found = named([*roots, *one, *other], states, ledger, CATALOG)

    assert sum(bool(state.twin) for state in found.values()) == children
    assert of_hints(store).count("GET likenesses") == children
    assert len(store.requests) <= children + 1


def test_a_trial_that_was_told_not_to_take_a_row_over_leaves_the_hint_that_there_is(store):
    roots, one, other = twice()
    go(store, [*roots, *one])
    (before,) = store.names(LIKENESSES)

    go(store, [*roots, *other], adopt=False)

    likeness = before.removesuffix(".json")
    assert noted(store, [likeness]) == {likeness: one[0].trial_id}


def test_two_drivers_at_once_do_all_trials_and_a_row_is_the_same_whoever_worked(store, tmp_path):
    roots, one, other = twice(3)
    go(store, roots)
    with ThreadPoolExecutor(2) as pool:
        drivers = [pool.submit(go, store, [*roots, *children]) for children in (one, other)]
    for driver in drivers:
        driver.result()

    rows = Ledger(store).rows()
    pairs = [(rows[a.trial_id], rows[b.trial_id]) for a, b in zip(one, other, strict=True)]
    assert [essence(a)[1:] for a, _ in pairs] == [essence(b)[1:] for _, b in pairs]
    assert {row.adopted_from for pair in pairs for row in pair} <= {
        "",
        *(row.trial_id for pair in pairs for row in pair),
    }
    assert len(store.names(LIKENESSES)) == 3
