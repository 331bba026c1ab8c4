"""Exported networks: they compute what was trained, explain themselves, and load as the docs say."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from finished_training import CONFIG, GENOTYPE, finished_training
from safetensors import safe_open
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from trainables.architecture.final_networks import build_network
from trainables.architecture.genotype import describe
from trainables.architecture.published_paths import PUBLISHED_PATHS
from trainables.data.augmentation.transforms import EvalTransform
from trainables.data.catalog import DATASETS
from trainables.data.folders import import_folder
from trainables.errors import DamagedFile, SharptuneError
from trainables.exporting import Export, export_trial, own_test, read_export, recorded_error, score
from trainables.loops.predictions import read_predictions
from trainables.loops.states import weights_file
from trainables.record.trial_folder import TrialFolder

DOC = Path(__file__).parents[3] / "docs" / "export.md"


@pytest.fixture(autouse=True)
def few_threads(one_thread, monkeypatch):
    """Scores are computed by one thread, as everything in tests."""
    monkeypatch.setattr("trainables.record.provenance.cpu_count", lambda: 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mini) -> TrialFolder:
    return finished_training(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def selecting(tmp_path_factory, mini) -> TrialFolder:
    """One that held images out, of so many epochs that the selected one need be neither the last nor the best."""
    config = CONFIG.model_copy(update={"train_images": 40, "validation_images": 20, "epochs": 6})
    return finished_training(tmp_path_factory.mktemp("runs"), config)


@pytest.fixture
def exported(trained) -> Export:
    return export_trial(trained, "best")


@pytest.mark.parametrize("which", ["best", "last"])
def test_the_error_of_an_exported_network_is_exactly_the_rows(trained, which):
    export = export_trial(trained, which)
    dataset, images = own_test(export.about)
    row = trained.read_row()
    found = score(export, dataset, images=images)

    assert 100 * found.top1_wrong / found.images == recorded_error(export.about)
    assert recorded_error(export.about) == row.metrics["test_error_best" if which == "best" else "test_error"]
    assert (found.images, found.device) == (30, "cpu")
    assert found.top5_wrong < found.top1_wrong


def test_the_error_of_the_selected_epochs_network_is_exactly_the_rows(selecting):
    row = selecting.read_row()
    export = export_trial(selecting, "selected")
    found = score(export, "cifar10-mini", images=30)
    stored = load_tensors(selecting.read_file(row, "weights-selected.safetensors"))

    assert export.about["epoch"] == row.metrics["selected_epoch"]
    assert 100 * found.top1_wrong / found.images == recorded_error(export.about) == row.metrics["test_error_selected"]
    assert all(torch.equal(stored[name], tensor) for name, tensor in export.tensors.items())


def test_a_training_that_held_nothing_out_has_no_selected_epoch(trained):
    with pytest.raises(
        SharptuneError, match=r"no weights-selected\.safetensors .*: it trained without validation_images"
    ):
        export_trial(trained, "selected")


def test_the_size_of_the_batches_does_not_change_what_is_counted(trained, exported):
    logits = read_predictions(trained.read_file(trained.read_row(), "predictions-best.npz"))["logits"]
    told = []
    found = score(exported, "cifar10-mini", images=30, batch_size=7, progress=told.append)
    labels = read_predictions(trained.read_file(trained.read_row(), "predictions-best.npz"))["labels"]
    top5 = np.argsort(-logits.astype(float), axis=1)[:, :5]

    assert told == [7, 7, 7, 7, 2]
    assert found.top1_wrong == (top5[:, 0] != labels).sum()
    assert found.top5_wrong == (top5 != labels[:, None]).all(axis=1).sum()


def test_a_network_trained_on_files_is_scored_on_those_that_can_be_read(tmp_path, varied_folder, monkeypatch):
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))
    (varied_folder / "test" / "dog" / "dog-1.png").write_bytes(b"garbage")
    changes = {"dataset": import_folder(varied_folder), "train_images": None, "test_images": None, "image_size": 32}
    trained = finished_training(tmp_path / "runs", CONFIG.model_copy(update={**changes, "batch_size": 5}))
    export = export_trial(trained, "last")
    found = score(export, own_test(export.about)[0])

    assert (found.images, found.unreadable, found.top5_wrong) == (5, 1, None)
    assert 100 * found.top1_wrong / found.images == recorded_error(export.about)
    assert export.about["image_size"] == 32


def test_the_file_says_everything_about_itself(trained, exported, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(exported.to_bytes())
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["sharptune"])

    assert about == exported.about == read_export(path).about
    assert about["trial"] == trained.trial_id
    assert about["genotype"] == describe(GENOTYPE, "ssc")
    assert about["network"] == {
        "network": "cifar",
        "operations": "ssc",
        "channels": 2,
        "layers": 3,
        "classes": 10,
        "auxiliary": True,
        "mid_channels": 32,
    }
    assert about["normalisation"]["mean"] == list(DATASETS["cifar10-mini"].mean)
    assert about["classes"][:2] == ["airplane", "automobile"]
    assert about["config"] == trained.read_row().config
    assert about["epoch"] == trained.read_row().metrics["best_epoch"]


def test_the_tensors_are_those_of_the_trial(trained, exported):
    stored = load_tensors(trained.read_file(trained.read_row(), "weights-best.safetensors"))

    assert stored.keys() == exported.tensors.keys()
    assert all(torch.equal(stored[name], tensor) for name, tensor in exported.tensors.items())


def test_equal_trials_give_equal_bytes(trained):
    assert len({export_trial(trained, "last").to_bytes() for _ in range(5)}) == 1


def test_the_five_lines_of_the_docs_load_it(exported, mini, tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    lines, imports, use, *_ = blocks
    monkeypatch.chdir(tmp_path)
    Path("model.safetensors").write_bytes(exported.to_bytes())
    images_BHWC = torch.from_numpy(mini.test.images[:9])
    space = {"torch": torch, "pixels": images_BHWC.permute(0, 3, 1, 2)}
    for block in (imports, lines):
        exec(block, space)
    with torch.no_grad():
        exec(use, space)
        expected_BC = exported.network()(EvalTransform(mini.info.mean, mini.info.std)(images_BHWC))[0]

    assert len(lines.splitlines()) == 5
    torch.testing.assert_close(space["logits"], expected_BC)
    assert space["names"] == [mini.info.class_names[index] for index in expected_BC.argmax(dim=1)]


def test_a_path_through_a_multichannel_net_is_exported_by_its_own_network(exported, tmp_path):
    path = next(iter(PUBLISHED_PATHS.values()))
    arguments = {**exported.about["network"], "network": "multichannel", "auxiliary": False}
    network = build_network(path, **arguments).eval()
    about = {**exported.about, "genotype": describe(path, "ssc"), "network": arguments}
    file = tmp_path / "path.safetensors"
    file.write_bytes(Export(tensors=load_tensors(weights_file(network.state_dict())), about=about).to_bytes())
    x_BCHW = torch.randn(1, 3, 32, 32)

    with torch.no_grad():
        assert torch.equal(read_export(file).network()(x_BCHW)[0], network(x_BCHW)[0])


def test_what_is_no_export_is_refused_in_a_sentence(exported, tmp_path):
    for name, content in {
        "empty": b"",
        "garbage": b"\xff" * 64,
        "weights": save_tensors({"a": torch.zeros(2)}),
        "other": save_tensors({"a": torch.zeros(2)}, metadata={"sharptune": "[]"}),
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DamagedFile, match=rf"{name} is no file that sharptune export wrote"):
            read_export(tmp_path / name)


def test_weights_of_another_network_are_refused(exported):
    some = {name: tensor for name, tensor in exported.tensors.items() if not name.startswith("classifier")}
    fewer = Export(tensors=some, about=exported.about)

    with pytest.raises(DamagedFile, match="not those of the network"):
        fewer.network()


def test_weights_that_changed_after_the_row_was_written_are_refused(trained, tmp_path):
    row = trained.read_row()
    name = "weights-best.safetensors"
    path = f"{trained.path}/{row.files[name]['path']}"
    good = trained.storage.read(path)
    trained.storage.write(path, good[:-1] + bytes([good[-1] ^ 1]))
    try:
        with pytest.raises(DamagedFile, match="is not the file its row was written with"):
            export_trial(trained, "best")
    finally:
        trained.storage.write(path, good)

    assert trained.read_file(row, name) == good


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "failed", "error": "loss is nan"}, "failed: loss is nan"),
        ({"files": {}}, r"has no weights-best\.safetensors beside its row"),
    ],
)
def test_a_trial_without_weights_is_refused_in_a_sentence(trained, monkeypatch, changes, sentence):
    row = replace(trained.read_row(), **changes)
    monkeypatch.setattr(TrialFolder, "read_row", lambda self: row)

    with pytest.raises(SharptuneError, match=sentence):
        export_trial(trained, "best")


def test_a_trial_that_has_not_finished_or_is_no_training_is_refused(trained, monkeypatch):
    with pytest.raises(SharptuneError, match="trial 0 has not finished"):
        export_trial(TrialFolder(trained.storage, "0"), "best")

    row = trained.read_row()
    search = replace(row, spec=replace(row.spec, trainable="search"))
    monkeypatch.setattr(TrialFolder, "read_row", lambda self: search)
    with pytest.raises(SharptuneError, match="is a search trial; only final training makes networks"):
        export_trial(trained, "best")


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (["cat", "dog"], "tells 2 classes apart, and .* has 10"),
        (
            [*DATASETS["cifar10"].class_names[1:], "airplane"],
            "class 0 of the network is 'automobile', and that of CIFAR-10, .* is 'airplane'",
        ),
    ],
)
def test_a_dataset_with_other_classes_is_refused(exported, classes, sentence):
    other = Export(tensors=exported.tensors, about={**exported.about, "classes": classes})

    with pytest.raises(SharptuneError, match=sentence):
        score(other, "cifar10-mini", images=10)


def test_classes_that_are_only_numbered_are_taken_to_be_in_order(exported):
    numbered = Export(tensors=exported.tensors, about={**exported.about, "classes": [str(n) for n in range(10)]})

    assert score(numbered, "cifar10-mini", images=10).images == 10


def tensors_file(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


GARBAGE = {
    "nothing": b"",
    "a long header": (2**62).to_bytes(8, "little") + b"{}",
    "a deep header": tensors_file(b"[" * 100_000),
    "a large tensor": tensors_file(
        json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    ),
    "nothing said": tensors_file(b"{}"),
    "no text": tensors_file(json.dumps({"__metadata__": {"sharptune": "[" * 100_000}}).encode()),
    "a list": tensors_file(json.dumps({"__metadata__": {"sharptune": "[]"}}).encode()),
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_file_of_any_content_is_a_sentence(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)

    with pytest.raises(DamagedFile, match="is no file that sharptune export wrote"):
        read_export(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("network", "layers"), 10**6),
        (("network", "channels"), 10**6),
        (("network", "channels"), "2"),
        (("network", "evil"), 1),
        (("network",), None),
        (("normalisation", "mean"), []),
        (("classes",), "abc"),
        (("config", "test_images"), 0),
        (("config",), []),
        (("dataset",), 1.5),
        (("metrics",), {"test_error": "low"}),
        (("genotype",), {"kind": "cells", "normal": [["skip_connect", 10**9]]}),
    ],
    ids=str,
)
def test_an_export_that_says_anything_of_itself_is_soon_refused(exported, tmp_path, place, value):
    """Whatever sizes it names, no memory is taken for them."""
    about = json.loads(json.dumps(exported.about))
    inner = about
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = tmp_path / "model.safetensors"
    path.write_bytes(replace(exported, about=about).to_bytes())

    with pytest.raises(SharptuneError):
        read_export(path).network()
