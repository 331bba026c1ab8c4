"""Whatever happens to an index: on a disk, and in an object store that is looked at file by file, or by names alone."""

import itertools

import pytest
from index_contract import IndexContract, by_names
from many_rows import write_marked
from store_in_memory import StoreInMemory

from trainables.record.storage import open_storage


class TestOnADisk(IndexContract):
    @pytest.fixture
    def storage(self, another):
        return another()

    @pytest.fixture
    def another(self, tmp_path):
        numbers = itertools.count()
        return lambda: open_storage(tmp_path / f"runs-{next(numbers)}")


class TestInAnObjectStore(IndexContract):
    @pytest.fixture
    def storage(self, another):
        return another()

    @pytest.fixture
    def another(self, tmp_path, monkeypatch):
        monkeypatch.setattr("orchestrator.rows.cache_root", lambda: tmp_path)
        numbers = itertools.count()
        return lambda: StoreInMemory(f"s3://memory/{next(numbers)}")


class TestInAnObjectStoreOfThousands(TestInAnObjectStore):
    @pytest.fixture(autouse=True)
    def thousands(self, monkeypatch):
        by_names(monkeypatch)


class TestInAnObjectStoreWhoseListingTellsWhatIsDone(TestInAnObjectStore):
    @pytest.fixture(autouse=True)
    def marked(self, monkeypatch):
        monkeypatch.setattr("index_contract.write", write_marked)
