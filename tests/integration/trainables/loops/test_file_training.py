"""Final training on images that are kept as files."""

import threading
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from image_files import write_shards

from trainables.architecture.cell_network import ImageNetNetwork
from trainables.architecture.published import PUBLISHED
from trainables.config import TrainConfig
from trainables.data.datasets import open_any
from trainables.data.decoders import Decoders
from trainables.data.folders import import_folder
from trainables.distributed.shares import share
from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.images import FileImages
from trainables.loops.predictions import read_predictions
from trainables.loops.training import FinalRun, start

GENOTYPE = PUBLISHED["SHARPSEPCONV_DARTS"].to_json()
CPU = torch.device("cpu")
PAUSES = 2 * (3 + 1 + 1)
"""Of two epochs: steps, the one evaluation batch, the end."""


FOLDER, SHARDS = "one folder for each class", "Parquet shards"
both_layouts = pytest.mark.parametrize("layout", [FOLDER, SHARDS], indirect=True)


@pytest.fixture
def layout(request):
    """How the images are kept."""
    return getattr(request, "param", FOLDER)


@pytest.fixture
def build(cache_of_one_test, varied_folder, layout, one_thread, small_evaluations):
    """Gives a run on 10 training and 6 test images of 16 × 16 pixels, in batches of 4, 4 and 2."""

    def build(seed=0, workers=0, **changes):
        settings = {"image_size": 16, "epochs": 2, "batch_size": 4, "channels": 4, "layers": 3, "warmup_epochs": 0}
        kept = varied_folder if layout == FOLDER else write_shards(varied_folder, varied_folder.parent / "shards")
        config = TrainConfig(dataset=import_folder(kept), genotype=GENOTYPE, **{**settings, **changes})
        return FinalRun(config, seed=seed, dataset=open_any(config.dataset), device=CPU, workers=workers)

    return build


@pytest.fixture
def cache_of_one_test(tmp_path, monkeypatch):
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))


def spoil(folder, *names):
    for name in names:
        (path,) = folder.rglob(name)
        path.write_bytes(path.read_bytes()[:200])


def finish(run):
    for _ in run.steps():
        pass
    return run.outcome()


@both_layouts
def test_a_training_stopped_at_any_pause_equals_an_uninterrupted_one(small_network, build, resumes, varied_folder):
    """With an unreadable image in each split, and everything that is random."""
    spoil(varied_folder / "train", "dog-3.png")
    spoil(varied_folder / "test", "cat-2.jpg")
    runs = resumes(lambda: build(autoaugment=True, cutout=8))
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == PAUSES
    for position in range(PAUSES):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


@both_layouts
def test_what_processes_decode_trains_to_the_same_bits_also_when_resumed_amid_an_epoch(
    small_network, build, resumes, result_of, varied_folder
):
    """Two processes up to the first step, one from there on."""
    spoil(varied_folder / "train", "dog-4.png")
    uninterrupted = resumes(build).uninterrupted()[1]
    before = threading.active_count()

    first, second = build(workers=2), build(workers=1)
    paused = first.steps()
    next(paused)
    second.load(first.state())
    paused.close()

    assert result_of(finish(second)) == uninterrupted
    assert threading.active_count() == before  # nor are there processes, which a thread looks after


@both_layouts
def test_held_out_images_are_evaluated_like_test_images_and_resumed_at_any_pause(
    small_network, build, resumes, varied_folder
):
    """Four of the ten, one of each split unreadable: six are trained on, in two steps."""
    spoil(varied_folder / "train", "dog-1.png", "dog-4.png")
    spoil(varied_folder / "test", "cat-2.jpg")
    runs = resumes(lambda: build(validation_images=4, corrupt_limit=3))
    pauses, uninterrupted = runs.uninterrupted()
    epochs = uninterrupted[3]

    assert [row["corrupt_images"] for row in epochs] == [3, 3]
    assert all(round(3 * row["validation_error"]) % 100 == 0 for row in epochs)  # of three images that can be read
    assert [(pause.step, pause.metrics is not None) for pause in pauses] == 2 * [
        (1, False),
        (2, False),
        (2, False),
        (2, False),
        (2, True),
    ]
    for position in range(len(pauses)):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


def test_held_out_images_are_the_last_of_each_class_cut_in_the_middle_in_every_epoch(build):
    run = build(validation_images=4)
    learned, validation = run._images.train, run._images.evaluated["validation"]
    first, later = (next(validation.batches([torch.arange(4)], epoch=epoch)).images_BHWC for epoch in (1, 2))
    split, decoders = open_any(run.config.dataset).train, Decoders(0, size=16)
    middles = FileImages(split, np.array([6, 7, 8, 9]), CPU, decoders=decoders)
    (expected,) = [batch.images_BHWC for batch in middles.batches([torch.arange(4)])]

    assert split.labels.tolist() == [0, 1] * 5
    assert (len(learned), len(validation)) == (6, 4)
    assert torch.equal(first, expected)
    assert torch.equal(later, expected)


def test_epochs_and_seeds_cut_the_images_in_their_own_ways(build):
    def pixels(seed, epoch):
        run = build(seed=seed)
        (batch,) = run._images.train.batches([torch.arange(10)], epoch=epoch)
        return batch.images_BHWC

    assert torch.equal(pixels(0, 1), pixels(0, 1))
    assert not torch.equal(pixels(0, 1), pixels(0, 2))
    assert not torch.equal(pixels(0, 1), pixels(1, 1))


@both_layouts
def test_unreadable_images_are_counted_in_every_epoch_and_left_out_of_tests(small_network, build, varied_folder):
    spoil(varied_folder / "train", "dog-3.png", "cat-0.jpg")
    spoil(varied_folder / "test", "cat-2.jpg")
    outcome = finish(build(corrupt_limit=3))

    assert [row["corrupt_images"] for row in outcome.epochs] == [3, 3]
    assert outcome.metrics["corrupt_images"] == 3
    assert "test_error_top5" not in outcome.metrics  # of two classes
    labels = read_predictions(outcome.files["predictions.npz"])["labels"]
    assert labels.tolist() == [0, 1, 0, 1, 1]


def test_the_next_image_takes_the_place_of_one_that_cannot_be_read(build, varied_folder):
    whole = build()
    (before,) = whole._images.train.batches([torch.arange(10)], epoch=1)
    spoil(varied_folder / "train", "dog-1.png", "cat-2.jpg", "dog-4.png")
    run = build()
    (after,) = run._images.train.batches([torch.arange(10)], epoch=1)

    replaced = [3, 4, 9]
    kept = [row for row in range(10) if row not in replaced]
    assert torch.equal(after.images_BHWC[kept], before.images_BHWC[kept])
    assert after.labels_B.tolist() == [0, 1, 0, 1, 1, 1, 0, 1, 0, 0]
    assert len(after.damaged) == 3
    assert not torch.equal(after.images_BHWC[3], after.images_BHWC[4])  # one image, cut in two ways


@pytest.mark.parametrize(
    ("split", "name", "layout", "named"),
    [
        ("train", "dog-3.png", FOLDER, "train/dog/dog-3.png"),
        ("test", "cat-2.jpg", FOLDER, "test/cat/cat-2.jpg"),
        ("train", "dog-3.png", SHARDS, "train-0001.parquet, row 2"),
        ("test", "cat-2.jpg", SHARDS, "test-0000.parquet, row 4"),
        ("validation", "cat-4.jpg", FOLDER, "train/cat/cat-4.jpg"),
    ],
    indirect=["layout"],
)
def test_more_unreadable_images_than_allowed_fail_the_trial_and_are_named(
    small_network, build, varied_folder, split, name, named
):
    spoil(varied_folder / ("test" if split == "test" else "train"), name)
    words = {"train": "1 training images", "test": "1 test images", "validation": "1 validation images"}[split]
    sentence = f"^{words} cannot be read, and corrupt_limit is 0 in all; the last: .*{named} is no image that can"

    with pytest.raises(TrialFailure, match=sentence):
        finish(build(corrupt_limit=0, validation_images=4 if split == "validation" else None))


def test_a_training_set_without_a_readable_image_fails_the_trial(small_network, build, varied_folder):
    for path in (varied_folder / "train").rglob("*.*"):
        path.write_bytes(b"garbage")

    with pytest.raises(TrialFailure, match=r"no image can be read: .* is one of them"):
        finish(build())


def test_a_rank_decodes_its_share_and_changes_it_as_in_the_whole_batch(build):
    run, rows = build(autoaugment=True, cutout=8), torch.arange(10)
    images = run._images

    def draw(purpose):
        return torch.Generator().manual_seed(len(purpose))

    (whole,) = images.train.batches([rows], epoch=1)
    shares = [partial(share, rank=rank, ranks=3) for rank in range(3)]
    parts = [next(images.train.batches([rows], epoch=1, share=each)) for each in shares]

    assert [len(part.labels_B) for part in parts] == [4, 3, 3]
    assert torch.equal(torch.cat([part.labels_B for part in parts]), whole.labels_B)
    changed = [images.augment(part.images_BHWC, draw, share=(part.mine, part.whole)) for part in parts]
    assert torch.equal(torch.cat(changed), images.augment(whole.images_BHWC, draw))


def test_a_rank_counts_what_another_could_not_read_and_names_it(build, varied_folder):
    spoil(varied_folder / "train", "dog-3.png")  # the eighth of ten rows
    first = SimpleNamespace(share=partial(share, rank=0, ranks=2), add_up=lambda own: [own + 1])

    (batch,) = build(corrupt_limit=1)._images.batches([torch.arange(10)], epoch=1, team=first)
    assert (len(batch.labels_B), batch.damaged) == (5, [])
    with pytest.raises(TrialFailure, match=r"^1 training images cannot be read, .* the last: .*train/dog/dog-3\.png"):
        list(build(corrupt_limit=0)._images.batches([torch.arange(10)], epoch=1, team=first))


def test_the_imagenet_network_is_trained_from_its_settings_to_its_row(build, varied_folder):
    config = build(network="imagenet", auxiliary=False, image_size=64, test_images=4, epochs=1).config
    run = start(config, seed=0, threads=1)
    outcome = finish(run)

    assert isinstance(run.network, ImageNetNetwork)
    assert 0 <= outcome.metrics["test_error"] <= 100
    assert outcome.metrics["corrupt_images"] == 0
    assert outcome.metrics["macs"] == run._cost.macs > build(network="imagenet", auxiliary=False)._cost.macs


def test_images_that_changed_after_their_folder_was_read_are_not_trained_on(small_network, build, varied_folder):
    run = build()
    spoil(varied_folder / "train", "dog-3.png")

    with pytest.raises(Exception, match=r"dog-3\.png has changed since its folder was read"):
        finish(run)


def test_a_state_of_other_settings_is_refused_and_the_count_kept(small_network, build, varied_folder):
    spoil(varied_folder / "train", "dog-3.png")
    run = build()
    finish(run)

    with pytest.raises(DamagedFile):
        build(image_size=24).load(run.state())
    fresh = build()
    fresh.load(run.state())
    assert fresh.outcome().metrics["corrupt_images"] == 1


def test_arrays_are_not_cut_to_a_size(mini, one_thread):
    config = TrainConfig(dataset="cifar10-mini", genotype=GENOTYPE, train_images=20, image_size=16)

    with pytest.raises(TrialFailure, match=r"image_size: CIFAR-10.* is one array, whose images are taken as they are"):
        start(config, seed=0, threads=1)
