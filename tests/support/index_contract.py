"""Whatever happens to the index of a storage, its rows are neither lost nor doubled nor stale: on a disk and elsewhere.

The tests take the fixtures `storage`, which is empty, and `another`, which makes others of its kind.
"""

import dataclasses
import zipfile

import pytest
from drive import planned
from many_rows import row_of, segments, write
from meddling import MeddledStorage

from orchestrator.index import segment
from orchestrator.index.check import check_index
from orchestrator.index.segment import Indexed
from orchestrator.ledger import Ledger
from orchestrator.upkeep import prune
from orchestrator.upkeep.bundle import pack
from orchestrator.upkeep.merge import merge
from trainables.record.entry import origins_of
from trainables.record.trial_folder import seal

SPECS = sorted((planned(seed, epochs=1).spec for seed in range(8)), key=lambda spec: spec.trial_id)
IDS = [spec.trial_id for spec in SPECS]
LAST = SPECS[-1]
"""Never among the rows that are looked at as a sample, which are the first."""
ALL = dict.fromkeys(IDS, 5.0)


class Killed(BaseException):
    pass


def few_are_many(monkeypatch) -> None:
    """Let an index be used for five trials."""
    for name in ("rows.FEW", "rows.MANY", "ledger.FEW"):
        monkeypatch.setattr(f"orchestrator.{name}", 4)


def by_names(monkeypatch) -> None:
    """Let an object store be looked at by the names of its trials, also where these are not thousands."""
    monkeypatch.setattr("orchestrator.rows.FEW_PAGES", 0)
    monkeypatch.setattr("orchestrator.rows.TRIALS_A_PAGE", 1)


def shown(storage, say=lambda sentence: None) -> dict[str, float]:
    """Return the error of each trial that is done, which tables, states and frames agree on."""
    rows = Ledger(storage, say).rows()
    states = Ledger(storage).states(SPECS)
    errors = {trial_id: row.metrics["test_error"] for trial_id, row in rows.items() if row.state == "done"}
    assert errors == {trial_id: at.row.metrics["test_error"] for trial_id, at in states.items() if at.state == "done"}
    asked = Ledger(storage).rows(IDS)
    assert errors == {trial_id: row.metrics["test_error"] for trial_id, row in asked.items() if row.state == "done"}
    return errors


def segment_of(storage, rows, of=None) -> str:
    """Write a segment that says of these rows that they are those `of` a storage; return its name."""
    entries = [(of or storage).entry(f"trials/{row.trial_id}/row.json") for row in rows]
    name, data = segment.pack(
        Indexed.of(row.trial_id, entry, seal(row)) for row, entry in zip(rows, entries, strict=True)
    )
    storage.write(f"index/{name}", data)
    return name


def set_aside(storage, spec) -> None:
    Ledger(storage).folder(spec.trial_id).set_aside("row.json", "damaged")


def run_anew(storage, spec, error=6.0) -> None:
    assert Ledger(storage).folder(spec.trial_id).commit_row(row_of(spec, error), origins_of({}))


def meddling(storage, kind, number, when, do):
    """Return the storage, in which something is done at one of its operations."""

    def meddle(*at):
        if at == (kind, number, when):
            do()

    return MeddledStorage(storage, meddle)


def die():
    raise Killed


def without(spec) -> dict[str, float]:
    return {trial_id: error for trial_id, error in ALL.items() if trial_id != spec.trial_id}


class IndexContract:
    """Of an index that a driver left, and what can happen to it."""

    @pytest.fixture(autouse=True)
    def looked_at(self, monkeypatch):
        few_are_many(monkeypatch)

    @pytest.fixture
    def finished(self, storage):
        for spec in SPECS:
            write(storage, row_of(spec))
        return storage

    @pytest.fixture
    def indexed(self, finished):
        assert Ledger(finished).index(IDS) == len(IDS)
        assert len(segments(finished)) == 1
        return finished

    def test_a_row_that_retry_archived_is_not_shown_and_the_one_that_was_run_anew_is(self, indexed):
        told = {"weights.safetensors": {"path": "weights.safetensors", "bytes": 1, "sha256": "0"}}
        set_aside(indexed, LAST)
        write(indexed, dataclasses.replace(row_of(LAST), files=told))
        assert Ledger(indexed).index(IDS) == 1
        assert shown(indexed) == ALL

        assert Ledger(indexed).retry(LAST.trial_id) == "row.json.damaged-2"

        assert shown(indexed) == without(LAST)
        run_anew(indexed, LAST)
        assert shown(indexed) == ALL | {LAST.trial_id: 6.0}
        Ledger(indexed).index(IDS)
        assert shown(indexed) == ALL | {LAST.trial_id: 6.0}

    def test_a_retry_that_was_killed_before_it_archived_the_row_leaves_it_shown_once(self, indexed):
        with pytest.raises(Killed):
            set_aside(meddling(indexed, "move", 1, "before", die), LAST)

        assert shown(indexed) == ALL
        set_aside(indexed, LAST)
        assert shown(indexed) == without(LAST)

    def test_a_trial_that_was_pruned_is_not_shown_also_where_that_was_killed_behind_its_row(self, indexed):
        indexed.write(f"trials/{LAST.trial_id}/spec.json", b"{}")
        useless = prune.useless(Ledger(indexed), IDS[:-1])

        with pytest.raises(Killed):
            list(prune.delete(Ledger(meddling(indexed, "delete", 1, "after", die)), useless))

        assert indexed.exists(f"trials/{LAST.trial_id}/spec.json")
        assert shown(indexed) == without(LAST)

    def test_a_driver_that_indexes_what_it_read_before_a_retry_brings_nothing_back(self, finished):
        def meanwhile():
            set_aside(finished, LAST)
            run_anew(finished, LAST)
            Ledger(finished).index(IDS)

        assert Ledger(meddling(finished, "create", 1, "before", meanwhile)).index(IDS) == len(IDS)

        assert len(segments(finished)) == 2
        assert shown(finished) == ALL | {LAST.trial_id: 6.0}
        set_aside(finished, LAST)
        assert shown(finished) == without(LAST)

    @pytest.mark.parametrize("moment", range(1, 6))
    def test_a_driver_killed_while_it_writes_or_renews_segments_loses_and_doubles_nothing(self, finished, moment):
        for specs in (SPECS[:2], SPECS[2:3]):
            Ledger(finished).index([spec.trial_id for spec in specs])
        done = iter(range(1, 100))

        def kill(kind, number, when):
            if kind in ("create", "delete") and next(done) == moment:
                raise Killed

        with pytest.raises(Killed):
            Ledger(MeddledStorage(finished, kill)).index(IDS)

        assert shown(finished) == ALL
        Ledger(finished).index(IDS)
        assert check_index(finished).wrong == []
        assert shown(finished) == ALL

    def test_two_drivers_that_index_at_once_double_nothing(self, finished):
        meanwhile = meddling(finished, "create", 1, "before", lambda: Ledger(finished).index(IDS[:6]))

        Ledger(meanwhile).index(IDS)

        assert len(segments(finished)) == 2
        assert shown(finished) == ALL
        Ledger(finished).index(IDS)
        assert check_index(finished).wrong == []

    @pytest.mark.parametrize("spoil", [lambda data: data[:-40], lambda data: b"", lambda data: data + b"0"])
    def test_the_rows_of_a_segment_cut_short_are_read_one_by_one_and_it_is_written_anew(self, indexed, spoil):
        (name,) = segments(indexed)
        indexed.write(f"index/{name}", spoil(indexed.read(f"index/{name}")))
        said = []

        assert shown(indexed, said.append) == ALL
        assert said == [f"index/{name} is not used: it is cut short or garbled; its rows are read one by one"]
        assert Ledger(indexed).index(IDS) == len(IDS)
        assert segments(indexed) == [name]
        assert check_index(indexed).wrong == []

    def test_a_segment_of_another_version_is_neither_used_nor_deleted(self, finished, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr("orchestrator.index.segment.VERSION", b"1")
            name = segment_of(finished, [row_of(spec, 6.0) for spec in SPECS])
        said = []

        assert shown(finished, said.append) == ALL
        assert said == [
            f"index/{name} is not used: another version of sharptune wrote it; its rows are read one by one"
        ]
        assert Ledger(finished).index(IDS) == len(IDS)
        assert len(segments(finished)) == 2
        assert name in segments(finished)

    def test_an_index_that_was_half_deleted_lacks_nothing_and_brings_nothing_back(self, indexed):
        set_aside(indexed, LAST)
        run_anew(indexed, LAST)
        (first,) = segments(indexed)
        segment_of(indexed, [row_of(spec) for spec in SPECS[:3]])
        for name in segments(indexed):
            data = indexed.read(f"index/{name}")
            indexed.delete(f"index/{name}")
            assert shown(indexed) == ALL | {LAST.trial_id: 6.0}, name == first
            indexed.write(f"index/{name}", data)
        assert shown(indexed) == ALL | {LAST.trial_id: 6.0}

    def test_a_segment_that_was_copied_from_another_storage_says_nothing_of_this_one(self, finished, another):
        other = another()
        for spec in SPECS:
            write(other, row_of(spec, 6.0 if spec is LAST else 5.0))
        Ledger(other).index(IDS)
        (name,) = segments(other)
        finished.write(f"index/{name}", other.read(f"index/{name}"))

        assert shown(finished) == ALL
        Ledger(finished).index(IDS)
        assert shown(finished) == ALL

    def test_where_one_segment_has_all_that_is_true_it_stays_when_they_are_put_together(self, indexed, another):
        (whole,) = segments(indexed)
        for number, spec in enumerate(SPECS[:2]):
            other = another()
            for _ in range(number + 2):  # whatever a storage calls a version, it is none of this one's
                other.write(f"trials/{spec.trial_id}/row.json", seal(row_of(spec, 6.0 + number)))
            segment_of(indexed, [row_of(spec, 6.0 + number)], of=other)
        assert len(segments(indexed)) == 3

        Ledger(indexed).index([])
        Ledger(indexed).index(IDS)

        assert segments(indexed) == [whole]
        assert shown(indexed) == ALL

    def test_a_row_replaced_by_hand_is_in_no_segment_when_the_index_was_written_again(self, indexed):
        indexed.write(f"trials/{LAST.trial_id}/row.json", seal(row_of(LAST, 6.0)))
        Ledger(indexed).index(IDS)

        assert shown(indexed) == ALL | {LAST.trial_id: 6.0}
        assert not indexed.remote or check_index(indexed).old == 0

    def test_rows_that_are_in_several_segments_are_shown_once(self, indexed):
        segment_of(indexed, [row_of(spec) for spec in SPECS])
        for begin in (2, 5):
            segment_of(indexed, [row_of(spec) for spec in SPECS[begin:]])

        assert len(segments(indexed)) >= 3  # on a disk, equal rows are one file
        assert shown(indexed) == ALL
        Ledger(indexed).index(IDS)
        assert shown(indexed) == ALL
        assert (len(segments(indexed)), check_index(indexed).rows) == (1, len(ALL))

    def test_storages_with_indexes_that_are_merged_show_what_the_trials_say(self, indexed, another):
        target = another()
        for spec in SPECS[:6]:
            write(target, row_of(spec, state="failed" if spec is SPECS[0] else "done"))
        Ledger(target).index(IDS)
        before = segments(target)

        verdicts = [merged.verdict for merged in merge(Ledger(indexed), Ledger(target))]

        assert {verdict: verdicts.count(verdict) for verdict in set(verdicts)} == {"replaced": 1, "taken": 2, "same": 5}
        assert segments(target) == before
        assert shown(target) == ALL
        assert Ledger(target).index(IDS) == 3 if target.remote else shown(target) == ALL
        assert check_index(target).wrong == []

    def test_a_bundle_of_a_storage_with_an_index_has_its_rows_and_nothing_of_the_index(
        self, indexed, another, tmp_path
    ):
        set_aside(indexed, LAST)
        run_anew(indexed, LAST)
        packed = pack(tmp_path / "b.zip", Ledger(indexed), IDS, {}, weights=False)

        with zipfile.ZipFile(tmp_path / "b.zip") as bundle:
            assert sorted(bundle.namelist()) == [f"trials/{trial_id}/row.json" for trial_id in IDS]
            target = another()
            for name in bundle.namelist():
                target.write(name, bundle.read(name))
        assert packed.trials == len(IDS)
        assert shown(target) == ALL | {LAST.trial_id: 6.0}
