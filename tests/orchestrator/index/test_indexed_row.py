"""A row that is unpacked late is the row: equal, as JSON, as a copy with another field, and in another process."""

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from many_rows import SPECS, row_of

from orchestrator.index.indexed_row import IndexedRow
from orchestrator.index.segment import LIGHT, REST, Indexed
from trainables.errors import DamagedFile
from trainables.record.entry import Entry
from trainables.record.trial_folder import seal, unseal
from trainables.trial import artifact_digest

ROW = unseal(seal(row_of(SPECS[0])), SPECS[0].trial_id)


INDEXED = Indexed.of(ROW.trial_id, Entry(bytes=1, modified=1.0, version=""), seal(ROW))


def late(indexed=INDEXED, read=lambda: b"{") -> IndexedRow:
    return IndexedRow.of(indexed, read)


def spoilt(column: str, old: str, new: str) -> Indexed:
    """Return a copy that says something else in a column."""
    copies = {name: INDEXED.copy(name) for name in (LIGHT, REST)}
    assert old in copies[column]
    copies[column] = copies[column].replace(old, new)
    return dataclasses.replace(INDEXED, copy=copies.__getitem__)


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


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**80), 2**80)), st.text())
def test_every_digit_and_letter_of_it_is_that_of_the_row(numbers, text):
    """As texts: 1 and 1.0, 0.0 and -0.0 are equal."""
    metrics = {f"{text}{place}": number for place, number in enumerate(numbers)}
    row = dataclasses.replace(ROW, metrics=metrics, provenance={"hardware": text})
    there = late(Indexed.of(row.trial_id, INDEXED.entry, seal(row)), lambda: seal(row))

    assert (repr(there.metrics), there.provenance) == (repr(metrics), {"hardware": text})


def test_what_no_row_has_it_has_not_either():
    with pytest.raises(AttributeError):
        late().weights  # noqa: B018


def test_where_the_copy_is_damaged_the_row_itself_is_read_and_where_that_is_too_it_is_said():
    no_numbers = [spoilt(LIGHT, "5.0", other) for other in ('"5.0"', "true")]
    for wrong in (spoilt(LIGHT, '"metrics": {', '"metrics": 7'), *no_numbers):
        assert late(wrong, lambda: seal(ROW)).metrics == ROW.metrics
        with pytest.raises(DamagedFile):
            late(wrong).metrics  # noqa: B018
    other = spoilt(REST, '"seed"', '"sed"')
    assert late(other, lambda: seal(ROW)).config == ROW.config
    with pytest.raises(DamagedFile):
        late(other).config  # noqa: B018


def test_what_of_a_copy_is_read_before_the_rest_is_proved_by_the_seal():
    for wrong in (spoilt(LIGHT, "5.0", "4.0"), dataclasses.replace(INDEXED, digests='{"genotype": "0"}')):
        with pytest.raises(DamagedFile):
            late(wrong).prove()
    late().prove()


def test_children_are_held_against_what_it_found_as_against_the_row_itself():
    genotype = {"kind": "cells"}
    row = dataclasses.replace(ROW, artifacts={"genotype": genotype}, metrics={"test_error": 5.0})
    indexed = Indexed.of(row.trial_id, INDEXED.entry, seal(row))
    for key in ("genotype", "test_error", "nothing"):
        assert late(indexed).digest(key) == row.digest(key)
    assert row.digest("genotype") == artifact_digest(genotype)
