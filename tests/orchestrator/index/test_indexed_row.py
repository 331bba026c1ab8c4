"""A row that is unpacked late is the row: equal, as JSON, as a copy with another field, and in another process."""

import copy
import dataclasses
import pickle

import pytest
from many_rows import SPECS, row_of

from orchestrator.index.indexed_row import IndexedRow
from trainables.errors import DamagedFile
from trainables.record.trial_folder import seal, unseal

ROW = unseal(seal(row_of(SPECS[0])), SPECS[0].trial_id)


def late(content=None, read=lambda: b"{") -> IndexedRow:
    return IndexedRow.of(content or seal(ROW), ROW.trial_id, {}, read)


def test_it_is_the_row_in_every_way_it_is_used():
    assert late() == ROW
    assert late() == ROW
    assert late() == late()
    assert late().to_json() == ROW.to_json()
    assert seal(late()) == seal(ROW)
    assert dataclasses.replace(late(), error="x") == dataclasses.replace(ROW, error="x")
    assert copy.deepcopy(late()) == ROW
    assert pickle.loads(pickle.dumps(late().metrics)) == ROW.metrics
    assert repr(late()).partition("(")[2] == repr(ROW).partition("(")[2]
    assert late() != dataclasses.replace(ROW, error="x")


def test_what_no_row_has_it_has_not_either():
    with pytest.raises(AttributeError):
        late().weights  # noqa: B018


def test_where_the_copy_is_damaged_the_row_itself_is_read_and_where_that_is_too_it_is_said():
    spoilt = seal(ROW).replace(b"5.0", b"4.0")

    assert late(spoilt, lambda: seal(ROW)).metrics == ROW.metrics
    with pytest.raises(DamagedFile):
        late(spoilt).metrics  # noqa: B018
