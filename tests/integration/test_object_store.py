"""A real S3 server on this machine: what holds for a folder holds for an object store too."""

import uuid

import pytest
from drive import planned
from faults import FaultContract
from running_contract import RunningContract, go
from storage_contract import StorageContract
from takeover_contract import TakeoverContract

from orchestrator.running.stop import Stop, ask_to_stop
from trainables.record.beats import read_beats
from trainables.record.claims import Process
from trainables.record.storage import open_storage


class TestAnObjectStore(StorageContract):
    @pytest.fixture
    def storage(self, s3_uri):
        return open_storage(s3_uri(uuid.uuid4().hex))


class TestRunsOnAnObjectStore(RunningContract):
    @pytest.fixture
    def storage(self, s3_uri):
        return s3_uri(uuid.uuid4().hex)

    def test_a_run_ends_when_asked_through_the_storage_and_leaves_nothing_that_it_told(self, storage, monkeypatch):
        monkeypatch.setattr("orchestrator.running.beating.TURN_SECONDS", 0.01)
        monkeypatch.setattr("orchestrator.running.beating.LOOK_SECONDS", 0)
        opened = open_storage(storage)
        stop, trial = Stop(opened), planned(0, epochs=100, steps=10, seconds=0.05)
        told = []

        class Asking(list):
            def append(self, event):
                super().append(event)
                if event.kind == "progress" and not told:
                    told.extend(read_beats(opened).values())
                    ask_to_stop(opened, stop.driver, None, by="a test")

        states, _ = go(storage, [trial], stop=stop, events=Asking())

        assert states == {trial.trial_id: "resumable"}
        assert [beat.process for beat in told] == [Process.current()]
        assert opened.names("drivers") == []


class TestAFaultyObjectStore(FaultContract):
    remote = True
    every = 7

    @pytest.fixture
    def new_uri(self, s3_uri):
        return lambda: s3_uri(uuid.uuid4().hex)


class TestTakeoversInAnObjectStore(TakeoverContract):
    every = 9

    @pytest.fixture
    def new_uri(self, s3_uri):
        return lambda: s3_uri(uuid.uuid4().hex)


@pytest.mark.slow
class TestAFaultAtEveryOperationOfAnObjectStore(TestAFaultyObjectStore):
    every = 1


@pytest.mark.slow
class TestATakeoverAtEveryOperationOfAnObjectStore(TestTakeoversInAnObjectStore):
    every = 1
