"""Whatever happens to an index: on a disk, and in an object store that is looked at file by file, or by names alone."""

import itertools

import pytest
from index_contract import ALL, LAST, IndexContract, by_names, shown
from many_rows import row_of, write, write_marked
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

    def test_a_row_that_a_late_writer_replaced_is_shown_where_the_store_does_not_refuse_a_second_one(self, indexed):
        indexed.exclusive = False
        write(indexed, row_of(LAST, 6.0))

        assert shown(indexed) == ALL | {LAST.trial_id: 6.0}


class TestInAnObjectStoreWhoseListingTellsWhatIsDone(TestInAnObjectStore):
    @pytest.fixture(autouse=True)
    def marked(self, monkeypatch):
        monkeypatch.setattr("index_contract.write", write_marked)
