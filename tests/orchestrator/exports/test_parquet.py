"""Rows as Parquet: what is read back is what was recorded, whatever it was."""

import io
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_worlds import make_world

from orchestrator.exports.files import beside, is_parquet
from orchestrator.exports.parquet import JSON_TEXT, rows_parquet
from orchestrator.exports.trials import Exported, safe_name

TRIALS = [Exported.of_row(row) for row in make_world().rows.values()]


def read(trials) -> pa.Table:
    return pq.read_table(io.BytesIO(rows_parquet(trials)))


def with_config(trial: Exported, **config) -> Exported:
    assert trial.row is not None
    return replace(trial, row=replace(trial.row, config=config))


def came_back(values) -> list:
    """Return the values of an axis, one for each trial, as they are read back."""
    table = read([replace(TRIALS[0], row=None, axes={"s.x": value}) for value in values])
    text = table.schema.field("axis.s.x").metadata == {b"sharptune": b"json"}
    return [json.loads(value) if text and value is not None else value for value in table["axis.s.x"].to_pylist()]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False], pa.bool_()),
        ([1, None, 3], pa.int64()),
        ([1, 2.5], pa.float64()),
        (["a", None], pa.string()),
        ([None, None], pa.string()),
    ],
)
def test_a_column_has_the_type_of_what_is_in_it(values, kind):
    trials = [with_config(trial, x=value) for trial, value in zip(TRIALS, values, strict=False)]

    assert read(trials).schema.field("config.x").type == kind
    assert came_back(values) == values


@pytest.mark.parametrize(
    "values",
    [
        [{"normal": [["none", 0]]}, [1, 2]],
        ["1", 1],
        [True, 1],
        [2**53 + 1, 0.5],
        [2**70, 1],
        ["a", {"a": 1}],
    ],
)
def test_what_has_no_one_type_is_json_and_loses_no_digit(values):
    assert came_back(values) == values
    assert list(map(type, came_back(values))) == list(map(type, values))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(st.lists(_values, min_size=1, max_size=3))
def test_whatever_is_recorded_is_read_back(values):
    assert came_back(values) == values


def test_what_is_no_text_is_spelled_out():
    """Half a character, as strangers may write into a row's JSON: Parquet knows none."""
    trials = [with_config(TRIALS[0], **{"x\ud800": "a\udfff"})]

    assert read(trials)["config.x\\ud800"].to_pylist() == ["a\\udfff"]


def test_the_columns_and_their_order_hang_on_no_order_of_trials():
    assert read(TRIALS).column_names == read(TRIALS[::-1]).column_names
    assert read(TRIALS).column_names[:4] == ["trial_id", "experiment", "stage", "label"]
    assert JSON_TEXT == {"sharptune": "json"}


def test_of_nothing_there_are_the_columns_that_all_have():
    table = read([])

    assert table.num_rows == 0
    assert {"trial_id", "seed", "state", "provenance.commit", "parents"} <= set(table.column_names)
    assert table.schema.field("seed").type == pa.int64()


def test_times_are_times():
    [trial] = TRIALS[:1]
    assert trial.row is not None
    timing = {"started": "2026-01-02T03:04:05+02:00", "finished": "soon"}

    line = read([replace(trial, row=replace(trial.row, timing=timing))]).to_pylist()[0]

    assert line["timing.started"].isoformat() == "2026-01-02T01:04:05"
    assert line["timing.finished"] == "soon"


@pytest.mark.parametrize("name", ["../../etc", "a/b\\c", "x\n\x1b[31m", "é" * 300, "", "...", "<b>&"])
def test_no_label_can_leave_its_folder(name):
    safe = safe_name(name)

    assert safe
    assert len(safe) <= 100
    assert not set(safe) & set("/\\\n\x1b<>&")
    assert not safe.startswith(".")


def test_a_file_beside_another_keeps_what_follows_the_address():
    assert beside("a.b/rows.parquet", "epochs") == "a.b/rows-epochs.parquet"
    assert beside("s3://b/rows.parquet?region=x.y", "epochs") == "s3://b/rows-epochs.parquet?region=x.y"
    assert is_parquet("s3://b/rows.parquet?region=x")
    assert not is_parquet("s3://b/rows?region=x.parquet")
