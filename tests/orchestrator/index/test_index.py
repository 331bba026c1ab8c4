"""What the index gives is what the rows say now; whatever happens to it, no row is lost, doubled or stale."""

import os
import shutil
import time
from pathlib import Path

import pytest
from many_rows import IDS, SPECS, finish_all, row_of, segments, write
from meddling import MeddledStorage

from orchestrator.index.check import check_index
from orchestrator.index.index import MOST_SEGMENTS
from orchestrator.index.segment import Indexed, pack
from orchestrator.ledger import Ledger
from orchestrator.rows import load_rows
from trainables.record.storage import open_storage
from trainables.record.trial_folder import seal


@pytest.fixture
def storage(tmp_path):
    """Forty finished trials."""
    storage = open_storage(tmp_path / "runs")
    finish_all(storage)
    return storage


@pytest.fixture
def indexed(storage):
    """Forty finished trials, all of them in one segment."""
    assert Ledger(storage).index(IDS) == len(IDS)
    assert len(segments(storage)) == 1
    return storage


def reads(storage, ask):
    """Return what a ledger answers, how many files it read for that, and what it said."""
    counted, said = MeddledStorage(storage, lambda *operation: None), []
    answer = ask(Ledger(counted, said.append))
    return answer, counted.counts["read"], said


def states(ledger):
    return ledger.states(SPECS)


def test_rows_and_states_are_the_same_with_the_index_as_without_and_cost_a_few_reads(storage):
    plain = [reads(storage, ask)[0] for ask in (states, Ledger.rows)]
    frame = load_rows(storage)
    Ledger(storage).index(IDS)
    (found, read, _), (rows, _, _) = (reads(storage, ask) for ask in (states, Ledger.rows))

    assert [found, rows] == plain
    assert read <= 3
    assert [list(row.metrics) for row in rows.values()] == [list(row.metrics) for row in plain[1].values()]
    assert load_rows(storage).to_json() == frame.to_json()


def test_a_row_that_was_set_aside_is_not_shown_from_the_index(indexed):
    Ledger(indexed).folder(IDS[3]).set_aside("row.json", "damaged")

    found, _, _ = reads(indexed, states)
    assert [found[each].state for each in IDS[2:5]] == ["done", "new", "done"]
    assert IDS[3] not in Ledger(indexed).rows()


def test_a_trial_that_was_deleted_is_not_shown_from_the_index(indexed):
    shutil.rmtree(Path(indexed.uri, "trials", IDS[3]))

    assert list(Ledger(indexed).rows()) == sorted(set(IDS) - {IDS[3]})


@pytest.mark.parametrize("error", [5.5, 123.25])
def test_a_row_that_was_computed_anew_is_shown_as_it_is_now_and_indexed_by_the_next(indexed, error):
    write(indexed, row_of(SPECS[3], error), age=1800)

    assert Ledger(indexed).rows()[IDS[3]].metrics["test_error"] == error
    assert Ledger(indexed).index(IDS) == 1
    assert Ledger(indexed).rows()[IDS[3]].metrics["test_error"] == error
    assert Ledger(indexed).index(IDS) == 0


def test_a_row_that_failed_since_is_shown_as_failed(indexed):
    write(indexed, row_of(SPECS[3], state="failed"), age=1800)

    assert Ledger(indexed).states(SPECS)[IDS[3]].state == "failed"


def test_a_row_that_was_written_just_now_is_not_indexed_yet_for_one_that_replaces_it_could_look_the_same(storage):
    write(storage, row_of(SPECS[3]), age=0)

    assert Ledger(storage).index(IDS) == len(IDS) - 1


def test_failed_and_damaged_rows_are_not_indexed(storage):
    write(storage, row_of(SPECS[0], state="failed"))
    storage.write(f"trials/{IDS[1]}/row.json", b"{")
    os.utime(Path(storage.uri, "trials", IDS[1], "row.json"), (time.time() - 60,) * 2)

    assert Ledger(storage).index(IDS) == len(IDS) - 2


class Lying:
    """A row of the index that says of its error what its row does not."""

    def __init__(self, indexed: Indexed) -> None:
        self._indexed = indexed

    def __getattr__(self, name: str):
        return getattr(self._indexed, name)

    def copy(self, name: str) -> str:
        return self._indexed.copy(name).replace('"test_error": 5.0', '"test_error": 4.0')


def spoilt(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 1]) + data[201:]


DAMAGES = {"cut short": lambda data: data[:-40], "a flipped bit": spoilt, "empty": lambda data: b""}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_segment_is_left_out_and_said_once_and_the_next_driver_writes_it_anew(indexed, damage):
    name = segments(indexed)[0]
    path = Path(indexed.uri, "index", name)
    path.write_bytes(damage(path.read_bytes()))

    found, read, said = reads(indexed, lambda ledger: [ledger.states(SPECS), ledger.rows()][0])
    assert {state.state for state in found.values()} == {"done"}
    assert read > len(IDS)
    assert said == [f"index/{name} is not used: it is cut short or garbled; its rows are read one by one"]
    assert Ledger(indexed).index(IDS) == len(IDS)
    assert segments(indexed) == [name]
    assert reads(indexed, states)[1] <= 3


def put(storage, data: bytes, name: str) -> None:
    storage.write(f"index/{name}", data)


def segment_of(storage, rows) -> str:
    """Write a segment that says of these rows that they are those of the storage; return its name."""
    name, data = pack(
        Indexed.of(row.trial_id, storage.entry(f"trials/{row.trial_id}/row.json"), seal(row)) for row in rows
    )
    put(storage, data, name)
    return name


def test_a_segment_that_says_what_no_row_says_is_found_by_its_sample_and_left_out(storage):
    name = segment_of(storage, [row_of(spec, 1.0) for spec in SPECS])

    found, _, said = reads(storage, Ledger.rows)
    assert {row.metrics["test_error"] for row in found.values()} == {5.0}
    assert len(said) == 1
    assert said[0].startswith(f"index/{name} is not used: its row of trial ")


def test_a_segment_with_one_row_that_is_not_so_is_found_by_the_check(indexed):
    Ledger(indexed).index(IDS)
    name = segment_of(indexed, [row_of(SPECS[0], 1.0), *(row_of(spec) for spec in SPECS[1:])])

    found = check_index(indexed)
    assert found.wrong == [(f"index/{name}", f"its row of trial {IDS[0]} is not that of the trial")]
    assert (found.segments, found.rows, found.old) == (1, len(IDS), 0)


@pytest.mark.parametrize("spoilt", [1, len(IDS)])
def test_rows_in_the_index_whose_own_seals_do_not_hold_are_found_by_a_sample_and_each_by_a_check(storage, spoilt):
    honest = [
        Indexed.of(spec.trial_id, storage.entry(f"trials/{spec.trial_id}/row.json"), seal(row_of(spec)))
        for spec in SPECS
    ]
    lying = [Lying(each) for each in honest[:spoilt]]
    name, data = pack([*lying, *honest[spoilt:]])
    put(storage, data, name)

    found, _, said = reads(storage, Ledger.rows)
    shown = [row.metrics["test_error"] for row in found.values()]
    left_out = [f"index/{name} is not used: its content does not match its sha256; its rows are read one by one"]
    assert (said == left_out and set(shown) == {5.0}) or (spoilt == 1 and said == [] and shown.count(5.0) == 39)
    assert check_index(storage).wrong == [(f"index/{name}", "its content does not match its sha256")]


def test_many_small_segments_become_one_without_what_is_no_more(storage):
    for spec in SPECS[: MOST_SEGMENTS + 1]:
        Ledger(storage).index([spec.trial_id])
        if spec is SPECS[0]:
            write(storage, row_of(spec, 7.0), age=60)

    assert len(segments(storage)) == 1
    assert check_index(storage).rows == MOST_SEGMENTS
    assert check_index(storage).old == 0
    assert len(Ledger(storage).rows()) == len(IDS)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", range(1, 6))
def test_killed_anywhere_while_it_writes_or_compacts_nothing_is_lost_or_doubled(storage, moment):
    for spec in SPECS[:MOST_SEGMENTS]:
        segment_of(storage, [row_of(spec)])
    done = iter(range(1, 100))

    def kill(kind, number, when):
        if kind in ("create", "delete") and next(done) == moment:
            raise Killed

    with pytest.raises(Killed):
        Ledger(MeddledStorage(storage, kill)).index(IDS)

    rows = {each: row.metrics["test_error"] for each, row in Ledger(storage).rows().items()}
    assert rows == dict.fromkeys(IDS, 5.0)
    Ledger(storage).index(IDS)
    assert check_index(storage).wrong == []
    assert reads(storage, states)[1] <= 3 * len(segments(storage))


def test_two_drivers_that_index_at_once_write_the_same_segment_or_two_and_neither_hurts(storage):
    def meanwhile(kind, number, when):
        if (kind, number, when) == ("create", 1, "before"):
            Ledger(storage).index(IDS[:30])

    Ledger(MeddledStorage(storage, meanwhile)).index(IDS)

    assert len(segments(storage)) == 2
    assert {row.metrics["test_error"] for row in Ledger(storage).rows().values()} == {5.0}
    assert len(Ledger(storage).rows()) == len(IDS)
    Ledger(storage).index(IDS)
    assert check_index(storage).wrong == []


def test_a_segment_that_became_part_of_a_larger_one_meanwhile_costs_reads_and_nothing_else(indexed):
    def vanish(kind, number, when):
        if (kind, number, when) == ("walk", 1, "after"):
            shutil.rmtree(Path(indexed.uri, "index"))

    said = []
    found = Ledger(MeddledStorage(indexed, vanish), said.append).states(SPECS)
    assert {state.state for state in found.values()} == {"done"}
    assert said == []


def test_a_few_trials_are_looked_at_one_by_one_on_a_disk_also_some_more(indexed, monkeypatch):
    _, read, _ = reads(indexed, lambda ledger: ledger.states(SPECS[:5]))
    monkeypatch.setattr("orchestrator.rows.MANY", 500)
    _, all_read, _ = reads(indexed, states)

    assert (read, all_read) == (5, len(IDS))


def test_a_pipe_and_a_link_in_place_of_segments_are_neither_waited_for_nor_followed(storage):
    folder = Path(storage.uri, "index")
    folder.mkdir()
    os.mkfifo(folder / f"{0:032x}.parquet")
    (folder / f"{1:032x}.parquet").symlink_to("/nowhere")
    (folder / "notes.txt").write_text("ours")

    found, _, said = reads(storage, states)
    assert {state.state for state in found.values()} == {"done"}
    assert len(said) == 1
    assert "is no file" in said[0]
    assert Ledger(storage).index(IDS) == len(IDS)
    assert "notes.txt" in storage.names("index")
    assert len(segments(storage)) == 2  # its own, and the link
