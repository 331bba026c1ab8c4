"""A trained network in one file that explains itself, and the test of such a file on any dataset.

The file is safetensors. Its tensors are all parameters and buffers, the auxiliary head's too; its metadata has one
entry, `sharptune`, with a JSON text: what `describe` returns. Equal trials give equal bytes.

Shape letters: B = images of a batch, C = channels or classes, H, W = pixels.
"""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from trainables.architecture.final_networks import build_network
from trainables.architecture.genotype import read_architecture
from trainables.data.augmentation.transforms import EvalTransform
from trainables.data.catalog import DatasetInfo, are_numbers
from trainables.data.datasets import describe as describe_dataset
from trainables.data.datasets import open_any
from trainables.data.decoders import Decoders
from trainables.data.files import FileDataset
from trainables.data.subsets import subset
from trainables.errors import DamagedFile, SharptuneError
from trainables.loops.devices import choose_device, device_name, visible_gpus
from trainables.loops.evaluation import EVALUATION_BATCH, wrong_answers
from trainables.loops.images import FileImages, Images, ImageSource
from trainables.optimization.precision import Precision
from trainables.record import provenance
from trainables.record.trial_folder import TrialFolder
from trainables.trial import JSON, TrialRow

METADATA = "sharptune"
Which = Literal["best", "last", "selected"]
RECORDED: dict[Which, str] = {"best": "test_error_best", "last": "test_error", "selected": "test_error_selected"}
"""The row's metric that each weights were measured to have, in percent."""
_HEADER = 8
"""Bytes at the beginning of a safetensors file that tell the length of its header."""


Count = Annotated[int, Field(ge=1, le=1_000_000)]
Numbers = Annotated[list[float], Field(min_length=1, max_length=16)]


class _Kinds(BaseModel):
    """What a file says of itself is of these kinds, whoever wrote it; there may be more of it."""

    model_config = ConfigDict(strict=True)


class _Network(_Kinds):
    model_config = ConfigDict(strict=True, extra="forbid")

    network: str
    operations: str
    channels: Count
    layers: Count
    auxiliary: bool
    mid_channels: Count = 1
    classes: Count


class _Normalisation(_Kinds):
    model_config = ConfigDict(strict=True, extra="forbid")

    mean: Numbers
    std: Numbers


class _Config(_Kinds):
    test_images: Count | None
    precision: str = "fp32"


class _About(_Kinds):
    genotype: dict[str, Any]
    network: _Network
    normalisation: _Normalisation
    classes: Annotated[list[str], Field(min_length=1)]
    trial: str
    weights: Which
    epoch: int
    image_size: Count
    dataset: str
    config: _Config
    metrics: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """Weights and what they are the weights of."""

    tensors: dict[str, Tensor]
    about: dict[str, JSON]
    """What `describe` returns."""

    def network(self) -> nn.Module:
        """Return the network, in eval mode; it maps images, scaled as `normalisation` says, to (logits, None).

        Raises: SharptuneError when the parts do not belong together.
        """
        architecture, settings = read_architecture(self.about["genotype"]), self.about["network"]
        try:
            if settings["layers"] > max(len(self.tensors), 20):
                raise RuntimeError(f"{len(self.tensors)} tensors are too few for {settings['layers']} layers")
            with torch.device("meta"):  # takes no memory, whatever sizes a stranger wrote
                build_network(architecture, **settings).load_state_dict(self.tensors, assign=True)
            network = build_network(architecture, **settings)
            network.load_state_dict(self.tensors)
        except (KeyError, TypeError, RuntimeError) as error:
            raise DamagedFile(f"the weights are not those of the network they come with: {_one_line(error)}") from error
        return network.eval()

    def to_bytes(self) -> bytes:
        """Return the file."""
        text = json.dumps(self.about, sort_keys=True, allow_nan=False)
        return save_tensors(self.tensors, metadata={METADATA: text})


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How many images of a dataset a network got wrong."""

    images: int
    unreadable: int
    """Images, besides, of files that cannot be decoded."""
    top1_wrong: int
    top5_wrong: int | None
    """Images whose class is not among the five highest; None where there are no more than five classes."""
    device: str


def export_trial(folder: TrialFolder, which: Which) -> Export:
    """Return the weights of a finished final training, proven to be those its row was written with.

    Raises: SharptuneError when the trial has no such weights; DataError when its dataset is not known here.
    """
    row = folder.read_row()
    if row is None:
        raise SharptuneError(f"trial {folder.trial_id} has not finished")
    if row.state != "done":
        raise SharptuneError(f"trial {folder.trial_id} failed: {row.error}")
    if row.spec.trainable != "train":
        raise SharptuneError(
            f"trial {folder.trial_id} is a {row.spec.trainable} trial; only final training makes networks to export"
        )
    try:
        data = folder.read_file(row, f"weights-{which}.safetensors")
    except (FileNotFoundError, KeyError) as error:
        why = ": it trained without validation_images" if which == "selected" else ""
        raise SharptuneError(
            f"trial {folder.trial_id} has no weights-{which}.safetensors beside its row{why}"
        ) from error
    try:
        tensors, about = load_tensors(data), describe(row, which)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(
            f"what trial {folder.trial_id} trained cannot be read ({type(error).__name__}: {_one_line(error)})"
        ) from error
    _check(about, f"the row of trial {folder.trial_id}")
    return Export(tensors=tensors, about=about)


def read_export(path: Path) -> Export:
    """Return what stands in a file. Raises: DamagedFile when it is none of ours; OSError when it cannot be read."""
    data = path.read_bytes()
    try:
        length = int.from_bytes(data[:_HEADER], "little")
        tensors = load_tensors(data)
        about: Any = json.loads(json.loads(data[_HEADER : _HEADER + length]).get("__metadata__", {}).get(METADATA, ""))
    except (SafetensorError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFile(f"{path} is no file that sharptune export wrote: {_one_line(error)}") from error
    if not isinstance(about, dict) or not {"genotype", "network", "normalisation", "classes"} <= set(about):
        raise DamagedFile(f"{path} is no file that sharptune export wrote: it does not say what its weights are")
    _check(about, str(path))
    return Export(tensors=tensors, about=about)


def _check(about: dict[str, JSON], where: str) -> None:
    """Raises: DamagedFile, unless what is said of weights is of its kind; numbers may be whole ones."""
    try:
        _About.model_validate(about)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
        raise DamagedFile(f"{where} does not say what its weights are ({_one_line(wrong)})") from error


def _one_line(said: object) -> str:
    return " ".join(str(said).split())[:500]


def describe(row: TrialRow, which: Which) -> dict[str, JSON]:
    """Return everything that a file of weights says about itself.

    `genotype` is the cells or the path, `network` the other arguments of `build_network`; `normalisation` scales pixels
    that go from 0 to 1; `classes` are the names of the outputs, in order.

    Raises: UnknownName, DataError when the dataset it was trained on is not known here.
    """
    config = row.config
    info = describe_dataset(config["dataset"])
    arguments = ("network", "operations", "channels", "layers", "auxiliary", "mid_channels")
    return {
        "trial": row.trial_id,
        "weights": which,
        "epoch": config["epochs"] if which == "last" else int(row.metrics[f"{which}_epoch"]),
        "genotype": row.artifacts["genotype"],
        "network": {**{name: config[name] for name in arguments}, "classes": info.classes},
        "normalisation": {"mean": list(info.mean), "std": list(info.std)},
        "classes": list(info.class_names),
        "image_size": config.get("image_size") or info.image_size,
        "dataset": config["dataset"],
        "config": dict(config),
        "seed": row.spec.seed,
        "metrics": dict(row.metrics),
        "provenance": {name: row.provenance.get(name) for name in ("commit", "hardware", "versions")},
    }


def own_test(about: dict[str, JSON]) -> tuple[str, int | None]:
    """Return the dataset and the number of test images (None for all) that the row's test error was measured on."""
    return about["dataset"], about["config"]["test_images"]


def recorded_error(about: dict[str, JSON]) -> float:
    """Return the error, in percent, that these weights had on their own test images when they were trained."""
    return about["metrics"][RECORDED[about["weights"]]]


def score(
    export: Export,
    dataset: str,
    *,
    images: int | None = None,
    batch_size: int = EVALUATION_BATCH,
    progress: Callable[[int], None] = lambda images: None,
) -> Score:
    """Return how well a network does on the test images of a dataset, computed as final training computes it.

    Args:
        dataset: an identity.
        images: how many of them: the first images / classes of each class; all when None.
        batch_size: images at once; the last bits of logits may depend on it.
        progress: is told after each batch how many images it had.

    Raises: DataError, UnknownName; SharptuneError when the dataset's classes are not the network's.
    """
    data = open_any(dataset)
    check_classes(export, data.info)
    device = choose_device(provenance.cpu_count(), gpus=visible_gpus())
    precision = Precision(export.about["config"].get("precision", "fp32"), device)
    precision.set_up()
    network = export.network().to(device).to(memory_format=torch.channels_last)
    transform = EvalTransform(**export.about["normalisation"])
    rows = subset(data.test.labels, images, data.info.classes)
    test: ImageSource
    if isinstance(data, FileDataset):
        decoders = Decoders(provenance.cpu_count() - 1, size=export.about["image_size"])
        test = FileImages(data.test, rows, device, decoders=decoders)
    else:
        test = Images(data.test, rows, device)
    found = top1 = top5 = 0
    with closing(test):
        for batch in test.batches(torch.arange(len(test)).split(batch_size)):
            with torch.no_grad(), precision.compute():
                logits_BC = network(transform(batch.images_BHWC))[0].float()
            found += len(batch.labels_B)
            top1 += int(wrong_answers(logits_BC, batch.labels_B))
            top5 += int(wrong_answers(logits_BC, batch.labels_B, k=5))
            progress(batch.whole)
    return Score(
        images=found,
        unreadable=len(test) - found,
        top1_wrong=top1,
        top5_wrong=top5 if data.info.classes > 5 else None,
        device=device_name(device),
    )


def matched_by_position(export: Export, info: DatasetInfo) -> bool:
    """Say whether a dataset, or what the network was trained on, only counts its classes, and the other names them."""
    names, theirs = export.about["classes"], list(info.class_names)
    counted = are_numbers(names) or are_numbers(theirs)
    return counted and not all(name.isdigit() for name in (*names, *theirs))


def check_classes(export: Export, info: DatasetInfo) -> None:
    """Raises: SharptuneError unless a dataset's labels mean what the network's outputs mean.

    Classes that one side only counts are taken in their order. Names that are digits are names.
    """
    names, theirs = export.about["classes"], list(info.class_names)
    if len(names) != info.classes:
        raise SharptuneError(f"the network tells {len(names)} classes apart, and {info.title} has {info.classes}")
    if names == theirs or matched_by_position(export, info):
        return
    here = next(index for index, pair in enumerate(zip(names, theirs, strict=True)) if pair[0] != pair[1])
    raise SharptuneError(
        f"class {here} of the network is {names[here]!r}, and that of {info.title} is {theirs[here]!r}; "
        "the classes must be the same, in the same order"
    )
