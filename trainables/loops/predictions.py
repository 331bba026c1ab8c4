"""The file of a network's answers, as bytes and as arrays; free of torch, for those who only count.

Shape letters: N = images, C = classes.
"""

import io
import zipfile
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from trainables.errors import DamagedFile

ARRAYS = ("logits", "predicted", "labels")
_EPOCH_OF_ZIP = (1980, 1, 1, 0, 0, 0)


def packed(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Return arrays as a NumPy archive.

    Equal arrays give equal bytes, on every machine: nothing is compressed, and no time stands in it.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH_OF_ZIP), content.getvalue())
    return buffer.getvalue()


def read_predictions(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """Return `logits` (N, C), `predicted` (N,) and `labels` (N,) of a file of predictions. Raises: DamagedFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > len(data):
                raise ValueError("they are compressed")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in ARRAYS}
    except Exception as error:  # what garbage can make them raise has no common base
        raise DamagedFile(f"the predictions cannot be read ({error})") from error


def right_answers(data: bytes) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.generic]]:
    """Return, image by image, whether the answer of a file of predictions is right, and the labels: both (N,).

    Raises: DamagedFile.
    """
    arrays = read_predictions(data)
    predicted_N, labels_N = arrays["predicted"], arrays["labels"]
    if predicted_N.shape != labels_N.shape or labels_N.ndim != 1:
        raise DamagedFile("the predictions cannot be read (they are not one for each label)")
    return (predicted_N == labels_N) & ~np.isnan(np.asarray(arrays["logits"], np.float32)).any(axis=-1), labels_N
