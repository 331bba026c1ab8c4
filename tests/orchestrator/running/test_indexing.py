"""The index grows with a run; no run waits for it, and none fails by it."""

import errno
import os

import pytest
from drive import planned
from fakes import CATALOG
from many_rows import SPECS, finish_all, segments
from meddling import MeddledStorage

from orchestrator.index.check import check_index
from orchestrator.ledger import Ledger
from orchestrator.running import indexing
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from orchestrator.running.stop import Stop
from trainables.record.storage import open_storage

TRIALS = [planned(seed, epochs=1) for seed in range(len(SPECS))]


@pytest.fixture
def storage(tmp_path, monkeypatch):
    monkeypatch.setattr("orchestrator.index.index.SETTLED_SECONDS", 0)
    monkeypatch.setattr("orchestrator.rows.MANY", 20)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    return open_storage(tmp_path / "runs")


def go(storage, trials=TRIALS, stop=None):
    """Run; return the states and what was said of the run as a whole."""
    said = []
    states = run(
        trials,
        ledger=Ledger(storage),
        catalog=CATALOG,
        runner=LocalRunner(),
        listen=lambda event: said.append(event.text) if event.kind == "note" else None,
        stop=stop,
    )
    return states, said


def test_a_run_over_finished_trials_indexes_them_at_its_end_and_once(storage):
    finish_all(storage)

    for _ in range(2):
        states, said = go(storage)
        assert {state.state for state in states.values()} == {"done"}
        assert said == []
        assert len(segments(storage)) == 1
        assert check_index(storage).rows == len(TRIALS)


def test_few_trials_are_not_indexed(storage):
    finish_all(storage)
    go(storage, TRIALS[:10])

    assert storage.names("index") == []


def test_while_a_run_goes_on_the_index_grows_each_time_as_many_finished_again(storage, monkeypatch):
    monkeypatch.setattr(indexing, "AT_LEAST", 2)
    monkeypatch.setattr("orchestrator.rows.MANY", 5)
    states, said = go(storage, TRIALS[:10])

    assert {state.state for state in states.values()} == {"done"}
    assert 1 <= len(segments(storage)) <= 4  # after 2, 4 and 8, and at the end
    assert check_index(storage).wrong == []
    assert said == []


@pytest.mark.parametrize("kind", ["walk", "create"])
def test_where_the_index_cannot_be_read_or_written_the_run_ends_as_always_and_says_so(storage, kind):
    finish_all(storage)

    class Full(MeddledStorage):
        """Refuses what concerns the index."""

        def _do(self, each, path, *arguments, **settings):
            if each == kind and path.startswith("index"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            return super()._do(each, path, *arguments, **settings)

    states, said = go(Full(storage, lambda *operation: None))

    assert {state.state for state in states.values()} == {"done"}
    assert len(said) == 1
    assert said[0].startswith("the index was not written: ")
    assert "No space left on device" in said[0]


def test_a_run_that_is_stopped_does_not_write_the_index_before_it_ends(storage):
    finish_all(storage)
    stop = Stop(storage)
    stop.request()
    go(storage, stop=stop)

    assert storage.names("index") == []
