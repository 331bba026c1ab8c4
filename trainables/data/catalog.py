"""What datasets there are: names, sizes, digests. Importing this loads no torch, no pyarrow, no images.

A dataset's *identity* is its catalog name or, for a user's folder, `sha256:<hex>` of its content, so that a trial's id
never depends on where a folder lies.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetInfo:
    """A dataset's description: what it must be, and how to scale its pixels."""

    name: str
    """The identity: a catalog name, or `sha256:<hex>`."""
    title: str
    """What people call it."""
    classes: int
    class_names: tuple[str, ...]
    mean: tuple[float, float, float]
    """Mean of the training pixels per channel, red green blue, on the scale 0 to 1."""
    std: tuple[float, float, float]
    """Standard deviation of the same."""
    image_size: int
    """Height and width, in pixels."""
    train_counts: tuple[int, ...]
    """Training images of each class."""
    train_first_half_counts: tuple[int, ...]
    """Those in the first half of the training set, which the architecture search trains weights on; empty where they
    are only known once the dataset is on this machine, or no search reads it."""
    test_counts: tuple[int, ...]
    sha256: Mapping[str, str]
    """Digests of the decoded pixels of `train` and `test`: NHWC, uint8, official order; none where not known."""
    labels_sha256: Mapping[str, str]
    """Digests of the labels: little-endian int64, official order."""
    stored: Literal["arrays", "files"] = "arrays"
    """Decoded, as one array per split; or as encoded images of any sizes, which training cuts to `image_size`.

    Of the latter `sha256` are digests of the digests of the encoded images (see `files.py`).
    """
    train_total: int | None = None
    """Training images, where `train_counts` only says what no class has less of."""
    reader: str = field(default="", compare=False)
    """Import path, "package.module:name", of what reads the files it is published in; "" where those are in a layout
    that `folders.py` knows. `reader(folder)` returns its splits, `train` and `test`, decoded (`Images`) for arrays and
    encoded (`EncodedSplit`) for files. No part of what the dataset is, so neither compared nor written down.
    """

    @property
    def train_images(self) -> int:
        return sum(self.train_counts) if self.train_total is None else self.train_total

    @property
    def test_images(self) -> int:
        return sum(self.test_counts)

    def to_json(self) -> dict[str, Any]:
        return {key: _plain(getattr(self, key)) for key in self.__dataclass_fields__ if key != "reader"}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "DatasetInfo":
        """Raises: TypeError when keys are missing or unknown."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGENET_SIZE = 224

_CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# The released code's constants, which agree with the training pixels to 2e-7.
_CIFAR10_MEAN = (0.49139968, 0.48215827, 0.44653124)
_CIFAR10_STD = (0.24703233, 0.24348505, 0.26158768)
# fmt: off
_CIFAR100_CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
    "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
    "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
    "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
    "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
    "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
    "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
    "willow_tree", "wolf", "woman", "worm",
)
# fmt: on
# As they are commonly computed of the training pixels.
_CIFAR100_MEAN = (0.50707516, 0.48654887, 0.44091784)
_CIFAR100_STD = (0.26733429, 0.25643846, 0.27615047)

DATASETS: Mapping[str, DatasetInfo] = {
    "cifar10": DatasetInfo(
        name="cifar10",
        title="CIFAR-10",
        classes=10,
        class_names=_CIFAR10_CLASSES,
        mean=_CIFAR10_MEAN,
        std=_CIFAR10_STD,
        image_size=32,
        train_counts=(5000,) * 10,
        train_first_half_counts=(2491, 2518, 2515, 2522, 2490, 2411, 2537, 2530, 2507, 2479),
        test_counts=(1000,) * 10,
        sha256={
            "train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
            "test": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
        },
        labels_sha256={
            "train": "f5cfe00b0f00968c0cc5ff3b1d2de51b10e33efa277c2986f4e0fa63e58c9f4f",
            "test": "cbb7365de8ed11f05cc4c3a1e7f78144127c5e851efd83762fb18202461230bb",
        },
    ),
    # Digests of the pixels are not known here: its reader knows the published files.
    "cifar100": DatasetInfo(
        name="cifar100",
        title="CIFAR-100 (fine labels)",
        classes=100,
        class_names=_CIFAR100_CLASSES,
        mean=_CIFAR100_MEAN,
        std=_CIFAR100_STD,
        image_size=32,
        train_counts=(500,) * 100,
        train_first_half_counts=(),
        test_counts=(100,) * 100,
        sha256={},
        labels_sha256={},
        reader="trainables.data.cifar100:read_published",
    ),
    "cifar10-mini": DatasetInfo(
        name="cifar10-mini",
        title="CIFAR-10, the first 200 training and 100 test images of each class",
        classes=10,
        class_names=_CIFAR10_CLASSES,
        mean=_CIFAR10_MEAN,
        std=_CIFAR10_STD,
        image_size=32,
        train_counts=(200,) * 10,
        train_first_half_counts=(102, 112, 99, 92, 99, 85, 107, 102, 99, 103),
        test_counts=(100,) * 10,
        sha256={
            "train": "4e5ac895e46a9b569a45d0220f845bd1c317a6bbb96ae905af26bf5b6ca10a16",
            "test": "cc2bd4479eda140793858a9ea7f9016e6870fefd7f69f172720267e933ec44a5",
        },
        labels_sha256={
            "train": "3b74324b4f806d0a32cef87f8c1756efb72b4f763683d241ec513fcbf723285a",
            "test": "072ea9b326c481799997e78be43993a76bb32b2a2ef9edd09b17b9745608e381",
        },
    ),
    "cifar10-jpeg": DatasetInfo(
        name="cifar10-jpeg",
        title="CIFAR-10, the first 20 training and 10 test images of each class, enlarged to many sizes as JPEG",
        classes=10,
        class_names=_CIFAR10_CLASSES,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        image_size=IMAGENET_SIZE,
        train_counts=(20,) * 10,
        train_first_half_counts=(),
        test_counts=(10,) * 10,
        sha256={
            "train": "5e7bb8f64ec288be2778be53a8dfde026d62d4363e381e020060a708b7e73b46",
            "test": "e2d846d9e390bb5b86603a55fa08a6789649a1d84e1f785ccf867ec9cf1ebc6e",
        },
        labels_sha256={
            "train": "385c0c7beeac68d8cd0b1bbbaf46db28664bd3bdd52f1095bae42fc04ae019b4",
            "test": "872c9c628a40e997bf83762d19c366866d2b7d47ef6b42b300282990874be749",
        },
        stored="files",
    ),
    # Scaled by the true standard deviation: the released code took the mean in its place when the published networks
    # were trained. Digests of the files are not known here: a folder is ImageNet by its numbers of classes and images.
    "imagenet": DatasetInfo(
        name="imagenet",
        title="ImageNet (ILSVRC 2012)",
        classes=1000,
        class_names=tuple(str(label) for label in range(1000)),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        image_size=IMAGENET_SIZE,
        train_counts=(732,) * 1000,
        train_first_half_counts=(),
        test_counts=(50,) * 1000,
        sha256={},
        labels_sha256={},
        stored="files",
        train_total=1_281_167,
        reader="trainables.data.file_folders:read_imagenet",
    ),
}

EMBEDDED: Mapping[str, str] = {"cifar10-mini": "cifar10_mini", "cifar10-jpeg": "cifar10_jpeg"}
"""Datasets that ship with the package, and the folder beside this file that holds each."""
DOWNLOADED = ("cifar10", "cifar100")
"""Datasets that `sources.py` knows a download of. All others come from a folder that a person names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationSet:
    """Images to test on, and none to train on, in official files."""

    name: str
    """The identity."""
    title: str
    of: str
    """The dataset whose classes it has, in their order, and whose scaling of pixels."""
    images: int
    files: tuple[str, str]
    """The official names of the pixels' and the labels' file."""
    sha256: tuple[str, str]
    """Digests of these files."""
    source: str
    """Where a person finds the files."""

    @property
    def remedy(self) -> str:
        """What to do where it is missing."""
        pixels, labels = self.files
        return (
            f"take {pixels} and {labels} from {self.source} and run: sharptune data fetch {self.name} --folder FOLDER"
        )


_CIFAR10_1_SOURCE = "the folder datasets of the repository modestyachts/CIFAR-10.1"

# arXiv:1806.00451. The digests are those that TensorFlow Datasets checks what it downloads by.
EVALUATION_SETS: Mapping[str, EvaluationSet] = {
    "cifar10_1": EvaluationSet(
        name="cifar10_1",
        title="CIFAR-10.1, version 6: 200 images of each class",
        of="cifar10",
        images=2000,
        files=("cifar10.1_v6_data.npy", "cifar10.1_v6_labels.npy"),
        sha256=(
            "2997188e5816f5bd545dc77771b6227828c28146049fcecf3fa10775474cacc6",
            "ae40beda001693674edc94d925ee8268cfe68905f8f9aff800c8dcdfcd6c9448",
        ),
        source=_CIFAR10_1_SOURCE,
    ),
    "cifar10_1_v4": EvaluationSet(
        name="cifar10_1_v4",
        title="CIFAR-10.1, version 4: not quite the same number of each class",
        of="cifar10",
        images=2021,
        files=("cifar10.1_v4_data.npy", "cifar10.1_v4_labels.npy"),
        sha256=(
            "5aaedc268df8f4cffca2ac0cf9e608ae1897a8cddb630c7a850a2ea8f6558e75",
            "1f9544300ded199539b6662364ce7fe6c2e1ea9f87408f06db4b1a6184cffb18",
        ),
        source=_CIFAR10_1_SOURCE,
    ),
}

HELD_OUT: Mapping[str, str] = {"cifar10": "cifar10_1"}
"""What networks trained on a dataset are tested on at their end, beside its own test set, where a machine has it."""


def cache_root() -> Path:
    """Return the folder of the dataset cache: `$SHARPTUNE_CACHE`, else `~/.cache/sharptune`."""
    chosen = os.environ.get("SHARPTUNE_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "sharptune"


def are_numbers(names: Sequence[str]) -> bool:
    """Say whether classes are only counted, from 0 on: their dataset does not name them."""
    return list(names) == [str(label) for label in range(len(names))]


def is_content_name(text: str) -> bool:
    """Say whether a text is the identity of a user's folder."""
    return re.fullmatch(r"sha256:[0-9a-f]{64}", text) is not None


def folder_of(identity: str) -> Path:
    """Return the place of a dataset in the cache, whether it is there or not."""
    return cache_root() / "datasets" / identity.replace(":", "-")
