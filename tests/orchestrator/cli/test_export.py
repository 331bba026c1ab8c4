"""`sharptune export rows | tensorboard | wandb | mlflow`: what is exported is what the rows and epochs say."""

import json
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import CHAINS
from exported import recorded, scalars

from orchestrator import load_rows

HOSTILE = CHAINS.replace("width: [1, 2]", 'size: [{label: "../../../../<b>, &€", width: 2}]')


def test_a_line_for_each_trial_has_its_place_its_numbers_and_where_they_come_from(sharptune, run):
    run()
    done = sharptune("export", "rows", "chains.yaml")

    assert done.out.startswith("rows.parquet: 6 trials, ")
    table, known = pd.read_parquet("rows.parquet").set_index("trial_id"), load_rows("runs").set_index("trial_id")
    assert list(table["stage"]) == ["root"] * 2 + ["child"] * 4
    assert dict(table["error"].isna()) == dict.fromkeys(known.index, True)
    for column in ("label", "seed", "metric.error", "config.width", "timing.wall_seconds", "provenance.commit"):
        assert table[column].to_dict() == known[column].to_dict()
    assert sorted(table["axis.child.width"].dropna()) == [1, 1, 2, 2]
    assert json.loads(table["artifact.genotype"].iloc[0])["kind"] == "chain"


def test_before_it_has_run_a_trial_is_a_line_of_nulls(sharptune, chains):
    chains.with_name("runs").mkdir()

    told = sharptune("export", "rows", "chains.yaml", "--json").json

    assert (told["trials"], told["rows"]) == (6, 0)
    table = pq.read_table("rows.parquet")
    assert table["state"].to_pylist() == ["new"] * 6
    assert table["provenance.commit"].null_count == 6
    assert table["axis.root.seed"].to_pylist()[:2] == [0, 1]


def test_what_failed_and_what_is_blocked_say_why(sharptune, chains):
    chains.write_text(
        CHAINS.replace("steps: 2}\n    grid: {seed: [0, 1]}", "steps: 2, nan_at: 2}\n    grid: {seed: [0]}")
    )
    sharptune("run", "chains.yaml", "--runner", "local")
    sharptune("export", "rows", "chains.yaml")

    table = pd.read_parquet("rows.parquet")
    assert list(table["state"]) == ["failed", "blocked", "blocked"]
    assert table["error"][0].startswith("loss is nan in epoch 2")
    assert set(table["error"][1:]) == {f"needs trial {table['trial_id'][0]}, which failed"}


def test_all_rows_of_a_storage_are_exported_whoever_ran_them(sharptune, run):
    run()
    sharptune("export", "rows", "--all", "-o", "all.parquet")

    table = pd.read_parquet("all.parquet")
    assert list(table["trial_id"]) == list(load_rows("runs")["trial_id"])
    assert set(table["experiment"]) == {"chains"}


def test_the_epochs_are_those_that_were_recorded(sharptune, run):
    run()
    told = sharptune("export", "rows", "chains.yaml", "--epochs", "--json").json

    assert [each["lines"] for each in told["files"]] == [6, 18]
    lines = pd.read_parquet("rows-epochs.parquet")
    assert recorded() == {
        trial_id: some.rename(columns={"metric.error": "error"})[list(recorded()[trial_id][0])].to_dict("records")
        for trial_id, some in lines.groupby("trial_id")
    }


def test_what_is_exported_twice_is_the_same_file(sharptune, run):
    run()
    names = ("rows.parquet", "rows-epochs.parquet")
    sharptune("export", "rows", "chains.yaml", "--epochs")
    first = [Path(name).read_bytes() for name in names]
    sharptune("export", "rows", "chains.yaml", "--epochs")

    assert [Path(name).read_bytes() for name in names] == first
    assert sorted(path.name for path in Path().iterdir()) == ["chains.yaml", *reversed(names), "runs"]


def test_without_their_files_epochs_are_missed_and_rows_are_not(sharptune, run):
    run()
    for path in Path("runs").glob("trials/*/epochs*"):
        path.unlink()

    done = sharptune("export", "rows", "chains.yaml", "--epochs")

    assert (done.code, done.err.count("its epochs are not in its folder; copy epochs.parquet there too")) == (0, 6)
    assert pq.read_table("rows-epochs.parquet").num_rows == 0
    assert pq.read_table("rows.parquet").num_rows == 6


def test_rows_that_cannot_be_written_are_called_by_their_file(sharptune, run, monkeypatch):
    run()

    def full(self, path, data, durable=True):
        raise OSError(28, "No space left on device", f".tmp-{path}")

    monkeypatch.setattr("trainables.record.local_storage.LocalStorage.write", full)

    assert sharptune("export", "rows", "chains.yaml").err == "error: rows.parquet: No space left on device\n"


MISTAKES = {
    "nothing to export": (["rows"], "name an EXPERIMENT, or say --all"),
    "one and all": (["rows", "chains.yaml", "--all"], "name an EXPERIMENT, or say --all"),
    "a set beside no experiment": (["rows", "--all", "--set", "a=1"], "--set goes with an EXPERIMENT"),
    "a file of another kind": (["rows", "chains.yaml", "-o", "rows.csv"], "-o must end in .parquet, got 'rows.csv'"),
    "a folder there is not": (["rows", "chains.yaml", "-o", "no/rows.parquet"], "no/rows.parquet: No such file"),
    "an address with keys": (["rows", "chains.yaml", "-o", "s3://a:b@c/r.parquet"], "AWS_SECRET_ACCESS_KEY"),
    "no storage": (["rows", "chains.yaml", "--storage", "nowhere"], "there is no storage /"),
    "a trial there is not": (["abc"], "there is no trial 'abc'"),
    "options before a trial": (["--no-check", "abc"], "there is no trial 'abc'"),
    "an experiment for a trial": (["chains.yaml"], "chains.yaml is an experiment; sharptune export rows chains.yaml"),
}


@pytest.mark.parametrize(("words", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told_in_one_sentence(sharptune, chains, words, sentence):
    chains.with_name("runs").mkdir()
    done = sharptune("export", *words)

    assert (done.code, done.out) == (2 if "No such file" not in sentence else 1, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("tracker", "module"), [("tensorboard", "tensorboardX"), ("wandb", "wandb"), ("mlflow", "mlflow")]
)
def test_without_its_library_an_export_says_what_to_install(sharptune, chains, monkeypatch, tracker, module):
    chains.with_name("runs").mkdir()
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, f"{module}.exceptions", None)

    done = sharptune("export", tracker, "chains.yaml")

    assert (done.code, done.err) == (2, f"error: {module} is not installed: pip install 'sharptune[{tracker}]'\n")


def test_tensorboard_shows_a_curve_for_each_trial_whose_steps_are_epochs(sharptune, run):
    run()
    told = sharptune("export", "tensorboard", "chains.yaml", "--json").json

    assert {
        trial: scalars(Path(told["runs"][trial]) / "events.out.tfevents.0.sharptune")["error"] for trial in told["runs"]
    } == {
        trial: [(epoch["epoch"], pytest.approx(epoch["error"])) for epoch in epochs]
        for trial, epochs in recorded().items()
    }


def test_tensorboard_finds_no_curve_twice_and_no_file_elsewhere_whatever_labels_are(sharptune, chains):
    chains.write_text(HOSTILE)
    assert sharptune("run", "chains.yaml", "--runner", "local").code == 0

    def export() -> dict:
        assert sharptune("export", "tensorboard", "chains.yaml", "-o", "there/board").code == 0
        return {path: scalars(path) for path in Path("there").rglob("*") if path.is_file()}

    first = export()

    assert len(first) == 4
    assert export() == first
    assert {path.parts[:3] for path in first} == {("there", "board", "root"), ("there", "board", "child")}
    assert sorted(path.name for path in Path().iterdir()) == ["chains.yaml", "runs", "there"]
