"""Rows and epochs as Parquet: typed columns with nulls, which pandas, DuckDB and R's arrow read alike.

A column whose values are all truths, whole numbers, numbers or texts is of that type. Any other holds JSON text, which
its field's metadata says (`sharptune: json`), so that no digit and no nesting is lost.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from orchestrator.exports.trials import Exported, epochs_of, time_of
from orchestrator.ledger import Ledger
from orchestrator.rows import COLUMNS, PROVENANCE, flat
from trainables.trial import JSON

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = {"version", "seed"}
TIMES = ("timing.started", "timing.finished")
IN_EPOCHS = ("trial_id", "experiment", "stage", "label", "seed")
"""What says in the file of epochs whose they are, beside the axes."""
MOST_EXACT = 2**53
"""Up to here each whole number is a float."""
JSON_TEXT = {"sharptune": "json"}
METRICS = 3
PLACES = {"axis.": 1, "config.": 2, "timing.": 4, "provenance.": 5, "artifact.": 6, "parents": 7}
"""What columns of each kind begin with, in their order; metrics, which stand among them, have their own names."""


def rows_parquet(trials: Sequence[Exported]) -> bytes:
    """Return `rows_table` as a Parquet file."""
    return _file(rows_table(trials))


def rows_table(trials: Sequence[Exported]) -> "pa.Table":
    """Return a table of one line per trial, in this order.

    Columns: those of `load_rows`, and `axis.<stage>.<key>`, `artifact.<name>`, and `provenance.<name>` for all that is
    known of where a row comes from; they and their order hang on no order of trials.
    """
    return _table([_line(trial) for trial in trials])


def epochs_parquet(trials: Iterable[Exported], ledger: Ledger, note: Callable[[str], None]) -> tuple[bytes, int]:
    """Return a Parquet file of one line per epoch of the trials that have a row, and how many lines it has.

    Columns: what tells the trial, its axes, `epoch`, and each number that an epoch has (`metric.<name>` where the trial
    has a column of that name).
    """
    import pyarrow as pa

    with_rows = [trial for trial in trials if trial.row is not None]
    heads = _table([_head(trial) for trial in with_rows], first=IN_EPOCHS)
    parts = [pa.table({"epoch": pa.array([], pa.int64())})]
    places: list[int] = []
    for place, trial in enumerate(with_rows):
        assert trial.row is not None
        epochs = epochs_of(trial.row, ledger, note)
        if epochs:
            names = dict.fromkeys(name for epoch in epochs for name in epoch)
            parts.append(pa.table({name: [epoch.get(name) for epoch in epochs] for name in names}))
            places += [place] * len(epochs)
    numbers = pa.concat_tables(parts, promote_options="permissive")
    whole = heads.take(pa.array(places, pa.int64()))
    for name in numbers.column_names:
        whole = whole.append_column(f"metric.{name}" if name in heads.column_names else name, numbers[name])
    return _file(whole), len(places)


def _line(trial: Exported) -> dict[str, JSON]:
    row = trial.row
    line: dict[str, Any] = {} if row is None else flat(row)
    line.update(_head(trial), trainable=trial.spec.trainable, version=trial.spec.version)
    line.update(state=trial.state, error=trial.error)
    line["parents"] = list(trial.spec.parents)
    if row is not None:
        line.update({f"provenance.{name}": value for name, value in row.provenance.items() if name != "asked_by"})
        line.update({f"artifact.{name}": value for name, value in row.artifacts.items()})
        line["provenance.files"] = dict(row.files)
        line.update({name: _utc(line[name]) for name in TIMES if name in line})
    return line


def _head(trial: Exported) -> dict[str, JSON]:
    """Return what tells a trial from others."""
    whose = {name: getattr(trial, name) for name in ("trial_id", "experiment", "stage", "label")}
    return {**whose, "seed": trial.spec.seed, **{f"axis.{name}": value for name, value in trial.axes.items()}}


def _utc(said: JSON) -> Any:
    """Return a time without its zone, which is UTC; what is no time as it is."""
    when = time_of(said)
    return said if when is None else when.astimezone(UTC).replace(tzinfo=None)


def _table(lines: Sequence[Mapping[str, Any]], first: Sequence[str] = (*COLUMNS, *PROVENANCE, "parents")) -> "pa.Table":
    import pyarrow as pa

    names = sorted({*first, *(name for line in lines for name in line)}, key=_place)
    columns = [_column(name, [line.get(name) for line in lines]) for name in names]
    fields = [field for field, _ in columns]
    return pa.table([array for _, array in columns], schema=pa.schema(fields))


def _place(name: str) -> tuple[int, int, str]:
    """Return where a column stands: what tells a trial, then by kind and name."""
    if name in COLUMNS:
        return 0, COLUMNS.index(name), name
    return next((place for start, place in PLACES.items() if name.startswith(start)), METRICS), 0, name


def _column(name: str, values: Sequence[Any]) -> "tuple[pa.Field, pa.Array]":
    """Return a column's field and its values."""
    import pyarrow as pa

    typed, is_json = _type(name, [value for value in values if value is not None])
    if is_json:
        values = [None if value is None else json.dumps(value, sort_keys=True, default=str) for value in values]
    elif typed == pa.string():
        values = [None if value is None else value.encode("utf-8", "backslashreplace").decode() for value in values]
    field = pa.field(name.encode("utf-8", "backslashreplace").decode(), typed, metadata=JSON_TEXT if is_json else None)
    return field, pa.array(values, typed)


def _type(name: str, values: Sequence[Any]) -> "tuple[pa.DataType, bool]":
    """Return the type of a column of these values, and whether it holds JSON text."""
    import pyarrow as pa

    kinds = {type(value) for value in values}
    largest = max((abs(value) for value in values if type(value) is int), default=0)
    if kinds == {bool}:
        return pa.bool_(), False
    if (kinds == {int} and largest < 2**63) or (not kinds and name in WHOLE):
        return pa.int64(), False
    if kinds and kinds <= {int, float} and largest <= MOST_EXACT:
        return pa.float64(), False
    if name in TIMES and len(kinds) == 1 and str not in kinds:
        return pa.timestamp("us"), False
    return pa.string(), kinds not in (set(), {str})


def _file(table: "pa.Table") -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()
