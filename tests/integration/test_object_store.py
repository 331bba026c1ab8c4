"""A real S3 server on this machine: what holds for a folder holds for an object store too."""

import uuid

import pytest
from faults import FaultContract
from running_contract import RunningContract
from storage_contract import StorageContract
from takeover_contract import TakeoverContract

from trainables.record.storage import open_storage


class TestAnObjectStore(StorageContract):
    @pytest.fixture
    def storage(self, s3_uri):
        return open_storage(s3_uri(uuid.uuid4().hex))


class TestRunsOnAnObjectStore(RunningContract):
    @pytest.fixture
    def storage(self, s3_uri):
        return s3_uri(uuid.uuid4().hex)


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
