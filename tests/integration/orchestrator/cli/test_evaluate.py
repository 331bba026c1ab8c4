"""`sharptune export` and `evaluate`: files that hold what the rows say."""

import hashlib
import re
from pathlib import Path

import pytest
import torch
from finished_training import CONFIG, finished_training
from tiny_folders import write_rows

from orchestrator.tables.statistics import clopper_pearson
from trainables.record.trial_folder import TrialFolder


@pytest.fixture(autouse=True)
def few_threads(monkeypatch):
    """One thread while a command runs, and the process's own number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr("trainables.record.provenance.cpu_count", lambda: 1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> TrialFolder:
    torch.set_num_threads(1)
    return finished_training(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def call(sharptune, trained, monkeypatch):
    """Call the command where the finished training is in the storage."""
    monkeypatch.setenv("SHARPTUNE_STORAGE", trained.storage.uri)
    return sharptune


def test_an_exported_file_is_measured_and_agrees_with_its_row_exactly(call, trained):
    done = call("export", trained.trial_id[:6])

    name = f"{trained.trial_id}-best.safetensors"
    assert done.code == 0
    assert f"wrote {name}: trial {trained.trial_id}, best weights" in done.out
    assert "test_error_best of the trial's row: exactly the same" in done.out
    assert Path(name).is_file()
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("weights", ["best", "last"])
def test_the_same_is_told_as_json(call, trained, weights):
    done = call("export", trained.trial_id, "-o", "model.safetensors", "--weights", weights, "--json").json

    metric = {"best": "test_error_best", "last": "test_error"}[weights]
    assert (done["file"], done["trial"], done["weights"]) == ("model.safetensors", trained.trial_id, weights)
    assert done["bytes"] == Path("model.safetensors").stat().st_size
    assert (done["test"]["metric"], done["test"]["equal"]) == (metric, True)
    assert done["test"]["top1_error"] == done["test"]["recorded"] == trained.read_row().metrics[metric]


def test_the_network_of_the_selected_epoch_is_exported_where_images_were_held_out(sharptune, call, trained, tmp_path):
    config = CONFIG.model_copy(update={"train_images": 40, "validation_images": 20})
    selecting = finished_training(tmp_path / "runs", config)
    storage = ("--storage", selecting.storage.uri)
    done = sharptune("export", selecting.trial_id, "--weights", "selected", "--json", *storage).json
    refused = call("export", trained.trial_id, "--weights", "selected")

    assert done["epoch"] == selecting.read_row().metrics["selected_epoch"]
    assert (done["test"]["metric"], done["test"]["equal"]) == ("test_error_selected", True)
    assert (refused.code, refused.out) == (2, "")
    assert "it trained without validation_images" in refused.err


def test_a_file_is_only_written_when_its_test_is_not_wanted_or_not_possible(call, trained, monkeypatch, tmp_path):
    unchecked = call("export", trained.trial_id, "--no-check", "--json")
    monkeypatch.setattr("trainables.data.datasets.EMBEDDED", {})
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "empty"))
    impossible = call("export", trained.trial_id, "--json")

    assert unchecked.json["test"] is impossible.json["test"] is None
    assert (unchecked.err, impossible.code) == ("", 0)
    assert "note: the test error was not measured: dataset cifar10-mini is not on this machine" in impossible.err


def test_a_file_and_its_trial_are_evaluated_alike(call, trained):
    call("export", trained.trial_id, "-o", "model.safetensors", "--no-check")
    of_file = call("evaluate", "model.safetensors", "--dataset", "cifar10-mini", "--json").json
    of_trial = call("evaluate", trained.trial_id[:8], "--dataset", "cifar10-mini", "--json").json

    assert of_file == of_trial
    assert (of_file["images"], of_file["dataset"], of_file["device"]) == (1000, "cifar10-mini", "cpu")
    assert of_file["recorded"] is of_file["equal"] is None  # the row's error is that of 30 of these images
    for top in ("top1", "top5"):
        interval = clopper_pearson(of_file[f"{top}_wrong"], 1000)
        assert of_file[f"{top}_error"] == pytest.approx(of_file[f"{top}_wrong"] / 10)
        assert of_file[f"{top}_interval"] == pytest.approx([100 * interval.low, 100 * interval.high])
    assert of_file["top5_error"] < of_file["top1_error"]


def test_without_a_dataset_the_trials_own_test_is_repeated(call, trained):
    done = call("evaluate", trained.trial_id, "--weights", "last")
    as_json = call("evaluate", trained.trial_id, "--weights", "last", "--batch-size", "7", "--json").json

    assert "CIFAR-10, the first 200 training and 100 test images of each class; 30 test images, on cpu" in done.out
    assert f"top-1 error   {as_json['top1_error']:.2f} %  [" in done.out
    assert "top-5 error" in done.out
    assert "test_error of the trial's row: exactly the same" in done.out
    assert as_json["equal"] is True
    assert as_json["recorded"] == trained.read_row().metrics["test_error"]


def test_names_of_classes_decide_which_they_are_and_order_only_where_there_are_none(call, trained, tmp_path):
    call("export", trained.trial_id, "-o", "model.safetensors", "--no-check")
    for split, seed in (("train", 0), ("test", 50)):
        write_rows(tmp_path / "counted" / f"{split}.parquet", list(range(10)), seed=seed, size=32)
        write_rows(tmp_path / "named" / f"{split}.parquet", [str(label) for label in range(2, 12)], seed=seed, size=32)
    counted = call("evaluate", "model.safetensors", "--dataset", tmp_path / "counted")
    refused = call("evaluate", "model.safetensors", "--dataset", tmp_path / "named")

    assert (counted.code, refused.code) == (0, 2)
    assert "note: counted or the network only counts its classes; they are taken in order" in counted.err
    assert (
        "class 0 of the network is 'airplane', and that of named is '10'; the classes must be the same" in refused.err
    )


def test_an_error_that_differs_a_little_from_the_row_is_told_with_both_numbers(call, trained, monkeypatch):
    monkeypatch.setattr("trainables.exporting.recorded_error", lambda about: 3.254)
    done = call("evaluate", trained.trial_id)

    assert done.code == 0
    assert "test_error_best of the trial's row: 3.254 %, and here" in done.out


def test_writing_over_a_file_leaves_a_whole_one_in_its_place(call, trained):
    Path("model.safetensors").write_bytes(b"something else")
    first = call("export", trained.trial_id, "-o", "model.safetensors", "--no-check")
    digest = hashlib.sha256(Path("model.safetensors").read_bytes()).hexdigest()
    call("export", trained.trial_id, "-o", "model.safetensors", "--no-check")

    assert first.code == 0
    assert hashlib.sha256(Path("model.safetensors").read_bytes()).hexdigest() == digest


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["export", "zzz"], "there is no trial 'zzz'"),
        (["evaluate", "zzz"], "there is no trial 'zzz' in .*; nor is there a file 'zzz'"),
        (["evaluate", "chains.yaml"], "chains.yaml is no file that sharptune export wrote"),
        (["evaluate", "TRIAL", "--dataset", "cifar10-min"], "unknown dataset .*; did you mean 'cifar10-mini'"),
        (["evaluate", "TRIAL", "--dataset", "cifar10_1"], "is not on this machine; take cifar10.1_v6_data.npy"),
        (
            ["export", "TRIAL", "-o", "nowhere/model.safetensors"],
            "nowhere/model.safetensors: No such file or directory",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(call, trained, arguments, sentence):
    done = call(*(trained.trial_id if word == "TRIAL" else word for word in arguments))

    assert done.code in (1, 2)
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert re.search(sentence, done.err)
