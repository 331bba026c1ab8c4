"""`sharptune bundle … FILE.parquet`: rows to read with any tool, and the record they came from, to the byte."""

import io
import json
import os
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from doc_pages import ROOT
from made_benchmarked import EPOCHS, write_benchmarked
from made_up_rows import write_central_claim

from orchestrator import load_rows
from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from orchestrator.upkeep import archive, parquet
from trainables.record.storage import open_storage

FILE = "b.parquet"


def write_earlier(folder: Path) -> None:
    shutil.copytree(ROOT / "tests/data/earlier_storage/runs", folder)
    shutil.copy(ROOT / "tests/data/earlier_storage/earlier.yaml", folder.parent)


KINDS = {
    "earlier": ("earlier.yaml", write_earlier, ["table --explain", "figure --kind curves --json"]),
    "benchmarked": (
        "nas_bench_201_toy",
        lambda folder: write_benchmarked(folder, "nas_bench_201_toy", epochs=2),
        ["table", "figure collapse --json"],
    ),
    "answers": ("central_claim", write_central_claim, ["compare"]),
}
"""What there may be: searches and trainings of which some failed, searches with diagnoses, trainings with answers."""


@pytest.fixture
def sharptune(capsys, tmp_path, monkeypatch):
    """Call the command on what the package has, in a folder of this test's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)

    def call(*words: object) -> tuple[int, str, str]:
        code = invoke([str(word) for word in words])
        return (code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def _small(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_benchmarked(folder / "runs", "nas_bench_201_toy", epochs=2)
    return folder / "runs"


@pytest.fixture
def small(_small, tmp_path) -> Path:
    """A storage of searches with weights, and their diagnoses."""
    shutil.copytree(_small, tmp_path / "runs")
    return tmp_path / "runs"


@pytest.mark.parametrize("kind", KINDS)
def test_commands_print_the_same_bytes_of_what_was_packed_and_merged(kind, sharptune, tmp_path):
    experiment, write, asked = KINDS[kind]
    write(tmp_path / "runs")
    commands = [[first, experiment, *words] for first, *words in map(str.split, asked)]
    before = [_printed(sharptune, command) for command in commands]

    assert sharptune("bundle", experiment, FILE)[0] == 0
    shutil.rmtree("runs")
    assert sharptune("merge", FILE)[0] == 0

    assert [_printed(sharptune, command) for command in commands] == before
    assert sharptune("verify")[0] == 0


def _printed(sharptune, words) -> tuple:
    found = sharptune(*words)
    return found, [path.read_bytes() for path in Path().glob("*.html")]


def test_its_columns_are_the_rows_numbers_for_pandas_and_duckdb(small, sharptune):
    assert sharptune("bundle", "nas_bench_201_toy", FILE)[0] == 0
    rows = load_rows("runs").set_index("trial_id")

    frame = pd.read_parquet(FILE).set_index("trial_id")
    assert sorted(frame.index) == sorted(rows.index)
    for name in ("stage", "trainable", "state", "benchmark_cifar10", "kendall_tau", "timing.cpu_days"):
        pd.testing.assert_series_equal(frame[name].sort_index(), rows[name].sort_index(), check_dtype=False)
    curves = pd.read_parquet(io.BytesIO(frame.query("stage == 'search'")["file.epochs.parquet"].iloc[0]))
    assert list(curves["epoch"]) == [1, 2]
    found = duckdb.sql(
        f"""SELECT stage, count(*), any_value("file.row.json" ->> '$.state') FROM '{FILE}' GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    assert found == [("diagnose", 4, "done"), ("random", 2, "done"), ("search", 4, "done")]


def test_equal_records_make_equal_files_wherever_and_whenever(small, sharptune, tmp_path, monkeypatch):
    sharptune("bundle", "nas_bench_201_toy", FILE)
    for path in small.rglob("*"):
        os.utime(path, (1e9, 1e9))
    (small / "drivers").mkdir()
    moved = shutil.move(small, tmp_path / "elsewhere")
    monkeypatch.setattr(parquet, "AT_ONCE", 200)
    sharptune("bundle", "nas_bench_201_toy", "c.parquet", "--storage", moved)
    shutil.rmtree(moved)
    sharptune("merge", FILE)
    sharptune("bundle", "nas_bench_201_toy", "d.parquet")

    assert Path(FILE).read_bytes() == Path("c.parquet").read_bytes() == Path("d.parquet").read_bytes()
    assert str(tmp_path).encode() not in Path(FILE).read_bytes()


def test_weights_logs_and_what_is_large_stay_and_are_said(small, sharptune, monkeypatch):
    monkeypatch.setattr(parquet, "MOST_BYTES", 2000)
    code, out, _ = sharptune("bundle", "nas_bench_201_toy", FILE)
    large = [path for path in small.rglob("epochs.*") if path.stat().st_size > 2000]
    shutil.rmtree(small)
    sharptune("merge", FILE)

    assert code == 0
    assert f"; {4 + len(large)} files left out" in out
    assert large
    assert not [
        path for path in small.rglob("*") if path.is_file() and ("weights" in path.name or path.name == "log.txt")
    ]
    assert sharptune("verify")[1].endswith(
        f"; {4 + len(large)} files not here (left out of the bundle); nothing is wrong\n"
    )
    assert "--with-weights" not in out


def test_the_experiment_and_the_files_it_names_come_too(sharptune, tmp_path):
    write_earlier(tmp_path / "runs")
    code, out, _ = sharptune("bundle", "earlier.yaml", FILE)

    metadata = pq.read_schema(FILE).metadata
    assert code == 0
    assert "; 2 trials without a row" in out
    assert metadata[b"earlier.yaml"].decode() == Path("earlier.yaml").read_text()
    assert json.loads(metadata[b"sharptune"]) == {"bundle": 1, "experiment": "earlier"}


def test_many_trials_are_written_part_by_part_and_come_back_whole(small, sharptune, monkeypatch):
    monkeypatch.setattr(parquet, "AT_ONCE", 3)
    rows = Ledger(open_storage("runs")).rows()
    sharptune("bundle", "nas_bench_201_toy", FILE)
    shutil.rmtree(small)
    sharptune("merge", FILE)

    assert pq.ParquetFile(FILE).num_row_groups == 4
    assert Ledger(open_storage("runs")).rows() == rows


def test_the_searches_of_a_page_and_their_curves_take_less_than_two_megabytes(sharptune, tmp_path):
    write_benchmarked(tmp_path / "runs")
    sharptune("bundle", "nas_bench_201_small", FILE)

    assert EPOCHS == 50
    assert Path(FILE).stat().st_size < 1_000_000


@pytest.mark.parametrize("ending", ["parquet", "zip"])
def test_an_index_is_left_out_of_a_bundle(ending, small, sharptune):
    for row in small.rglob("row.json"):
        os.utime(row, (1.7e9, 1.7e9))  # rows of a moment ago may yet change within what a clock tells
    assert sharptune("index")[1].endswith(": 10 rows added to the index\n")
    sharptune("bundle", "nas_bench_201_toy", f"b.{ending}")
    shutil.rmtree(small)
    sharptune("merge", f"b.{ending}")

    assert len(list((small / "trials").iterdir())) == 10
    assert not (small / "index").exists()


def test_weights_are_for_other_bundles(small, sharptune):
    code, _, err = sharptune("bundle", "nas_bench_201_toy", FILE, "--with-weights")

    assert code == 2
    assert "with weights, a bundle ends in .zip or .tar.gz" in err
    assert not Path(FILE).exists()


def test_where_a_row_cannot_be_trusted_no_file_is_left(small, sharptune):
    next(small.rglob("epochs.*")).write_bytes(b"spoilt")
    code, _, err = sharptune("bundle", "nas_bench_201_toy", FILE)

    assert code == 2
    assert "sharptune verify says what to do" in err
    assert [path.name for path in Path().iterdir()] == ["runs"]


@pytest.mark.parametrize("twelfth", range(12))
def test_a_bit_that_turned_is_never_merged(twelfth, small, sharptune):
    sharptune("bundle", "nas_bench_201_toy", FILE)
    whole = Path(FILE).read_bytes()
    place = 50 + twelfth * (len(whole) // 12)
    Path(FILE).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    sharptune("merge", FILE, "--storage", "other")

    for row in Path("other").glob("trials/*/row.json"):
        assert row.read_bytes() == (small / "trials" / row.parent.name / "row.json").read_bytes()
    assert Path(FILE).read_bytes() != whole


# --- what strangers send ---

ID = "0123456789ab"
TOLD = {"sharptune": '{"bundle": 1, "experiment": "x"}'}


def strange(metadata=TOLD, dictionary=False, **columns) -> bytes:
    """Return a Parquet file of these columns."""
    given = {"trial_id": [ID], "file.row.json": ["{}"], **columns}
    length = max(map(len, given.values()))
    table = pa.table({name: values * (length if len(values) == 1 else 1) for name, values in given.items()})
    buffer = io.BytesIO()
    pq.write_table(
        table.replace_schema_metadata(metadata),
        buffer,
        compression="zstd",
        use_dictionary=dictionary,
        write_page_checksum=True,
    )
    return buffer.getvalue()


def leading_to(path: str) -> bytes:
    return strange(**{"file.row.json": [json.dumps({"files": {"x": {"path": path}}})], "file.x": [b"x"]})


WHOLE = strange(**{"file.x": [os.urandom(2000)]})
STRANGE = {
    "up": leading_to("../../../outside"),
    "absolute": leading_to("/tmp/outside"),
    "hidden": leading_to(".tmp-x"),
    "escape": leading_to("\x1b[2J"),
    "id": strange(trial_id=["../../outside"]),
    "no id": strange(trial_id=[None]),
    "name": strange(**{"file.../../outside": [b"x"]}),
    "twice": strange(trial_id=[ID, ID]),
    "one path twice": leading_to("row.json"),
    "export": strange(metadata=None),
    "other version": strange(metadata={"sharptune": '{"bundle": 99}'}),
    "garbled metadata": strange(metadata={"sharptune": "[" * 100_000}),
    "numbers": strange(**{"file.x": [1.5]}),
    "lists": strange(**{"file.x": [[b"x"]]}),
    "no rows": strange().replace(b"file.row.json", b"fil3.row.json"),
    "bomb": strange(**{"file.x": [bytes(3_000_000)]}),
    "shared bomb": strange(dictionary=True, trial_id=[f"{n:012x}" for n in range(50)], **{"file.x": [bytes(90_000)]}),
    "cut": WHOLE[:-30],
    "beheaded": WHOLE[30:],
    "garbage": b"garbage",
    "empty": b"",
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strangers_file_is_refused_in_a_sentence_and_nothing_is_written(name, sharptune, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "ALWAYS_BYTES", 1_000_000)
    monkeypatch.setattr(archive, "MOST_TIMES", 10)
    place = tmp_path / "a/b/c"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    Path(FILE).write_bytes(STRANGE[name])

    code, out, err = sharptune("merge", FILE)

    assert (code, out) == (2, "")
    assert err.startswith(f"error: {FILE}: it")
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert not list(tmp_path.rglob("outside"))
    assert {path.name for path in place.iterdir()} <= {FILE, "runs"}
    assert not Path("runs/trials").exists()


def test_a_row_that_lies_is_named_and_not_taken(small, sharptune):
    sharptune("bundle", "nas_bench_201_toy", FILE)
    table = pq.read_table(FILE)
    at = table.column_names.index("file.row.json")
    rows = [text.replace('"state": "done"', '"state": "failed"') for text in table["file.row.json"].to_pylist()[:1]]
    lied = table.set_column(
        at, table.schema.field(at), pa.array([*rows, *table["file.row.json"].to_pylist()[1:]], pa.large_string())
    )
    pq.write_table(lied, "lied.parquet")
    shutil.rmtree(small)

    code, out, _ = sharptune("merge", "lied.parquet")

    assert code == 1
    assert "damaged: row.json: its content does not match its sha256" in out
    assert len(list((small / "trials").iterdir())) == 9
