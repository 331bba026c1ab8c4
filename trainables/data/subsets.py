"""Which images a trial uses: functions of the labels alone, never of a seed."""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


def subset(labels: npt.NDArray[np.int64], images: int | None, classes: int) -> Indices:
    """Return the indices of the first `images / classes` images of each class, ascending; of all images for None.

    `trainables.data.datasets.batch_problems` says beforehand, in a sentence, what this asserts.
    """
    if images is None:
        return np.arange(len(labels))
    each, rest = divmod(images, classes)
    assert rest == 0, f"{images} images of {classes} classes"
    chosen = [np.flatnonzero(labels == index)[:each] for index in range(classes)]
    assert all(len(part) == each for part in chosen), f"fewer than {each} images of a class"
    return np.sort(np.concatenate(chosen))


def training_split(
    labels: npt.NDArray[np.int64], images: int | None, validation: int | None, classes: int
) -> tuple[Indices, Indices]:
    """Return the indices of the images that a final training learns from, and of those it holds out; disjoint.

    Held out are, of the images that `subset` returns, the last `validation / classes` of each class; none for None. So
    no image is read that a training without them would not read. `batch_problems` says beforehand what this asserts.
    """
    chosen = subset(labels, images, classes)
    if validation is None:
        return chosen, chosen[:0]
    each, rest = divmod(validation, classes)
    assert rest == 0, f"{validation} images of {classes} classes"
    of_classes = [chosen[labels[chosen] == index] for index in range(classes)]
    assert all(len(part) > each > 0 for part in of_classes), f"no image of a class but the {each} held out"
    held_out = np.sort(np.concatenate([part[-each:] for part in of_classes]))
    return np.setdiff1d(chosen, held_out), held_out


def search_halves(labels: npt.NDArray[np.int64], images: int | None, classes: int) -> tuple[Indices, Indices]:
    """Return the indices that a search trains its weights on, and those for its alphas; disjoint.

    The first and the last half of the training set (arXiv:1806.09055, section 3.1); for a subset, of each class.
    """
    if images is None:
        middle = len(labels) // 2
        return np.arange(middle), np.arange(middle, len(labels))
    chosen = subset(labels, images, classes)
    assert (images // classes) % 2 == 0, f"{images} images of {classes} classes cannot be halved"
    first = subset(labels, images // 2, classes)
    return first, np.setdiff1d(chosen, first)
