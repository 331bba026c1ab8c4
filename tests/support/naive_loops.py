"""What the two naive loops have in common: draws by the documented key, and images by their place in the data set."""

import hashlib
from math import fsum

import torch
from torch import Tensor, nn

from trainables.data.augmentation.transforms import EvalTransform, TrainTransform
from trainables.data.cache import Dataset, Split

SEED = 3


def generator(trainable: str, purpose: str, epoch: int = 0, step: int = 0) -> torch.Generator:
    """Return one seeded by the head of the sha256 of canonical JSON: sorted keys, no spaces."""
    named = f'"epoch":{epoch},"purpose":"{purpose}","rank":0,"seed":{SEED},"step":{step},"trainable":"{trainable}"'
    digest = hashlib.sha256(f"{{{named}}}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big"))


def of_each_class(split: Split, *places: int) -> Tensor:
    """Return the rows of the images that are the first (place 0), second ... of their class, ascending."""
    seen = [0] * 10
    rows: list[int] = []
    for row, label in enumerate(split.labels.tolist()):
        if seen[label] in places:
            rows.append(row)
        seen[label] += 1
    return torch.tensor(rows)


def images_and_labels(split: Split, rows_B: Tensor) -> tuple[Tensor, Tensor]:
    rows = rows_B.numpy()
    return torch.from_numpy(split.images[rows]), torch.from_numpy(split.labels[rows])


def augmented(
    dataset: Dataset, rows_B: Tensor, trainable: str, prefix: str, epoch: int, step: int
) -> tuple[Tensor, Tensor]:
    """Return training images with AutoAugment and a hole of 6 × 6, by draws of their own, and their labels."""
    transform = TrainTransform(dataset.info.mean, dataset.info.std, autoaugment=True, cutout=6)
    images_BHWC, labels_B = images_and_labels(dataset.train, rows_B)
    return transform(images_BHWC, lambda purpose: generator(trainable, prefix + purpose, epoch, step)), labels_B


def as_they_are(dataset: Dataset, split: Split, rows_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return images to test on, and their labels."""
    images_BHWC, labels_B = images_and_labels(split, rows_B)
    return EvalTransform(dataset.info.mean, dataset.info.std)(images_BHWC), labels_B


def channels_last(parameters: list[nn.Parameter]) -> None:
    """Lay kernels out as the loops do: by that torch chooses how it convolves, and so in which order it adds up."""
    for parameter in parameters:
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def wrong(logits_BC: Tensor, labels_B: Tensor) -> int:
    return int((logits_BC.argmax(dim=1) != labels_B).sum())


def loss_and_error(steps: list[tuple[Tensor, int, int]]) -> tuple[float, float] | tuple[None, None]:
    """Return the mean loss per image and the error in percent, of each step's mean loss, wrong answers and images."""
    images = sum(size for _, _, size in steps)
    if not images:
        return None, None
    loss = fsum(loss.item() * size for loss, _, size in steps)  # which a float64 holds exactly, in any order
    return loss / images, 100 * sum(missed for _, missed, _ in steps) / images


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
