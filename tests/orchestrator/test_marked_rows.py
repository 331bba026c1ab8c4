"""In an object store the listing tells which trials are done, and what `row.json` says is shown all the same."""

import dataclasses

import pytest
from drive import planned
from many_rows import row_of, write
from meddling import MeddledStorage
from store_in_memory import StoreInMemory, StoreOfPairs

from orchestrator.errors import LedgerError
from orchestrator.ledger import Ledger
from orchestrator.upkeep import prune
from orchestrator.upkeep.bundle import Packed, pack_trial
from orchestrator.upkeep.merge import merge
from orchestrator.upkeep.verify import verify
from trainables.record.entry import origins_of, short
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder, digest_of, seal
from trainables.trial import artifact_digest

ROOTS = [planned(seed, epochs=1).spec for seed in range(15)]
LINK = {"parent": 0, "key": "genotype"}
CHILDREN = [planned(0, (root.trial_id,), epochs=1, link=LINK).spec for root in ROOTS]
SPECS = [*ROOTS, *CHILDREN]


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    """A machine that never saw these rows."""
    monkeypatch.setattr("orchestrator.rows.cache_root", lambda: tmp_path)


def row(spec, error=5.0, genotype=("z", "a")):
    """Return a done row: of a child, one that took that genotype."""
    taken = {parent: {"genotype": artifact_digest(list(genotype))} for parent in spec.parents}
    artifacts = {"genotype": list(genotype), "seed": [spec.trial_id, error]}
    return dataclasses.replace(row_of(spec, error), parents=taken, artifacts=artifacts)


def commit(store, row):
    """Write a row as who computed it does."""
    parents = {parent: digest_of(TrialFolder(store, parent).read_row()) for parent in row.spec.parents}
    assert TrialFolder(store, row.trial_id).commit_row(row, origins_of(parents))


@pytest.fixture(scope="module")
def finished():
    store = StoreInMemory()
    for spec in SPECS:
        commit(store, row(spec))
    return store


@pytest.fixture
def store(finished):
    """Fifteen trials with a child each, all done; to be changed."""
    return finished.copy()


def look(store, say=lambda sentence: None):
    """Return how trials stand, and the rows that were fetched for it."""
    store.requests.clear()
    states = Ledger(store, say).states(SPECS)
    return states, [request.split("/")[1] for request in store.requests if request.startswith("GET")]


def test_states_of_finished_trials_take_no_row_and_rows_are_what_they_are(store):
    states, fetched = look(store)

    assert ({state.state for state in states.values()}, fetched) == ({"done"}, [])
    assert len(store.requests) <= 3, store.requests  # names of segments, and a listing
    assert {trial_id: state.row for trial_id, state in states.items()} == {spec.trial_id: row(spec) for spec in SPECS}


def test_a_row_replaced_by_hand_is_shown_as_it_is_now(store):
    write(store, row(SPECS[3], 6.0))
    write(store, dataclasses.replace(row(SPECS[20]), state="failed", error="so"))

    states, fetched = look(store)

    assert states[SPECS[3].trial_id].row.metrics["test_error"] == 6.0
    assert (states[SPECS[20].trial_id].state, states[SPECS[20].trial_id].reason) == ("failed", "so")
    assert set(fetched) == {SPECS[3].trial_id, SPECS[20].trial_id, CHILDREN[3].trial_id}


def test_a_row_deleted_by_hand_is_not_shown(store):
    store.delete(f"trials/{SPECS[0].trial_id}/row.json")

    states, _ = look(store)

    assert states[SPECS[0].trial_id].state == "new"
    assert sum(state.state == "done" for state in states.values()) == len(SPECS) - 1


def test_a_row_without_a_marker_is_read(store):
    folder = TrialFolder(store, SPECS[5].trial_id)
    (marker,) = folder.markers()
    store.delete(f"{folder.path}/{marker.name}")

    states, fetched = look(store)

    assert {state.state for state in states.values()} == {"done"}
    assert fetched == [SPECS[5].trial_id]


def test_a_child_of_a_parent_that_found_something_else_when_it_ran_anew_fails_as_before(store):
    parent, child = ROOTS[2], CHILDREN[2]
    TrialFolder(store, parent.trial_id).set_aside("row.json", "damaged")
    commit(store, row(parent, genotype=("z", "b")))

    states, _ = look(store)

    assert states[parent.trial_id].state == "done"
    assert states[child.trial_id].state == "failed"
    assert "another genotype than its parent" in states[child.trial_id].reason


def test_a_child_of_a_parent_that_found_the_same_when_it_ran_anew_is_done(store):
    TrialFolder(store, ROOTS[2].trial_id).set_aside("row.json", "damaged")
    commit(store, row(ROOTS[2], 6.0))

    states, fetched = look(store)

    assert {state.state for state in states.values()} == {"done"}
    assert set(fetched) == {ROOTS[2].trial_id, CHILDREN[2].trial_id}


def test_a_trial_that_was_archived_has_no_marker_and_when_it_ran_anew_its_own(store):
    folder = TrialFolder(store, SPECS[0].trial_id)
    folder.set_aside("row.json", "damaged")

    assert folder.markers() == []
    commit(store, row(SPECS[0], 6.0))
    (marker,) = folder.markers()
    assert marker == folder.marker()
    assert look(store)[0][SPECS[0].trial_id].row.metrics["test_error"] == 6.0


def test_markers_of_another_storage_say_nothing_here(store):
    """Rows were merged, by hand, without the files beside: so the store calls their versions otherwise."""
    other = StoreInMemory()
    for spec in SPECS:
        commit(other, row(spec, 6.0))
    store.put({path: b"" for path in other._files if "/done-" in path})

    states, _ = look(store)

    assert {state.row.metrics["test_error"] for state in states.values()} == {5.0}


def test_where_a_trial_is_still_to_do_rows_are_read_many_at_a_time(store):
    states = Ledger(store).states([*SPECS, planned(99, epochs=1).spec])
    store.requests.clear()

    assert sum(state.row.metrics["test_error"] for state in states.values() if state.row is not None) == 5.0 * len(
        SPECS
    )
    assert store.requests == []


def test_who_wants_all_rows_after_all_reads_many_at_a_time(store):
    pairs = StoreOfPairs()
    pairs._files = store._files
    ledger = Ledger(pairs)
    states = ledger.states(SPECS)
    ledger.read(states)
    pairs.requests.clear()

    assert [states[spec.trial_id].row == row(spec) for spec in SPECS] == [True] * len(SPECS)
    assert pairs.requests == []


def test_a_row_that_is_taken_away_between_a_look_and_its_use_is_a_sentence(store):
    states, _ = look(store)
    store.delete(f"trials/{SPECS[0].trial_id}/row.json")

    with pytest.raises(LedgerError, match=f"the row of trial {SPECS[0].trial_id} changed while it was looked at"):
        states[SPECS[0].trial_id].row.metrics["test_error"]


def test_whose_row_was_adopted_is_known_without_reading_it(store):
    spec, twin = planned(77, epochs=1).spec, SPECS[0].trial_id
    commit(store, dataclasses.replace(row(spec), provenance={"adopted_from": twin}))
    states = Ledger(store).states([*SPECS, spec])
    store.requests.clear()

    assert [state.row.adopted_from for state in states.values()] == [""] * len(SPECS) + [twin]
    assert store.requests == []
    assert states[spec.trial_id].row.provenance == {"adopted_from": twin}


def test_a_row_whose_writer_was_killed_before_its_marker_is_read(store):
    def kill(kind, number, when):
        if (kind, when) == ("create", "after"):
            raise KeyboardInterrupt

    spec = planned(88, epochs=1).spec
    with pytest.raises(KeyboardInterrupt):
        commit(MeddledStorage(store, kill), row(spec))

    assert TrialFolder(store, spec.trial_id).markers() == []
    assert Ledger(store).states([*SPECS, spec])[spec.trial_id].row == row(spec)


def test_a_storage_that_takes_no_marker_has_the_row(store):
    def full(kind, number, when):
        if kind == "write":
            raise OSError("no more")

    spec = planned(88, epochs=1).spec
    commit(MeddledStorage(store, full), row(spec))

    assert Ledger(store).states([*SPECS, spec])[spec.trial_id].row == row(spec)


def test_a_failed_row_has_no_marker(store):
    spec = planned(88, epochs=1).spec
    commit(store, dataclasses.replace(row(spec), state="failed", error="so"))

    assert TrialFolder(store, spec.trial_id).markers() == []
    assert Ledger(store).states([*SPECS, spec])[spec.trial_id].reason == "so"


def test_a_marker_that_says_what_no_row_does_is_undone_by_the_row(store):
    """Somebody damaged the row and its marker together."""
    path = f"trials/{SPECS[0].trial_id}/row.json"
    store.write(path, seal(row(SPECS[0]))[:-40])
    marker = TrialFolder(store, SPECS[0].trial_id).markers()[0]
    forged = dataclasses.replace(marker, version=short(store.entry(path).version))
    store.write(f"trials/{SPECS[0].trial_id}/{forged.name}", b"")

    states, _ = look(store)

    with pytest.raises(LedgerError, match="changed while it was looked at"):
        states[SPECS[0].trial_id].row.metrics["test_error"]
    assert Ledger(store).rows().keys() == {spec.trial_id for spec in SPECS[1:]}


def wrong_in(store):
    report = verify(Ledger(store), [spec.trial_id for spec in SPECS], lambda count: None)
    return [(wrong.trial, wrong.file, wrong.what) for wrong in report.wrong]


def test_verify_names_a_marker_that_says_what_its_row_does_not_and_no_other(store):
    spec = SPECS[4]
    folder = TrialFolder(store, spec.trial_id)
    (marker,) = folder.markers()
    store.write(f"{folder.path}/{dataclasses.replace(marker, version='0' * 16).name}", b"")
    assert wrong_in(store) == []

    forged = dataclasses.replace(marker, digest="0" * 64)
    store.write(f"{folder.path}/{forged.name}", b"")

    assert wrong_in(store) == [(spec.trial_id, forged.name, "the row does not say what its name says")]


def test_prune_takes_the_marker_along(store):
    found = prune.useless(Ledger(store), [spec.trial_id for spec in SPECS if spec not in (ROOTS[0], CHILDREN[0])])
    list(prune.delete(Ledger(store), found))

    assert store.walk(f"trials/{ROOTS[0].trial_id}") == store.walk(f"trials/{CHILDREN[0].trial_id}") == {}


@pytest.mark.parametrize("remote", [True, False])
def test_trials_that_are_merged_into_an_object_store_are_told_by_its_listing_too(store, tmp_path, remote):
    target = StoreInMemory("s3://memory/target") if remote else open_storage(tmp_path / "target")

    list(merge(Ledger(store), Ledger(target)))

    assert [path for path in target.walk("trials") if "/done-" in path and not remote] == []
    assert not remote or look(target)[1] == []
    assert Ledger(target).rows() == Ledger(store).rows()


def test_the_findings_of_a_parent_here_count_for_a_child_that_is_merged(store):
    """Here the parent ran anew, found the same, and took longer."""
    target = StoreInMemory("s3://memory/target")
    commit(target, dataclasses.replace(row(ROOTS[0]), timing={"wall_seconds": 7.0}))
    list(merge(Ledger(store), Ledger(target)))

    assert look(target)[1] == []
    TrialFolder(target, ROOTS[0].trial_id).set_aside("row.json", "damaged")
    commit(target, row(ROOTS[0], genotype=("z", "b")))
    assert look(target)[0][CHILDREN[0].trial_id].state == "failed"


def test_a_bundle_has_no_markers(store, tmp_path):
    files = {}
    for spec in SPECS:
        pack_trial(TrialFolder(store, spec.trial_id), Packed(), files.__setitem__, weights=True)

    assert {path.rpartition("/")[2] for path in files} == {"row.json"}
