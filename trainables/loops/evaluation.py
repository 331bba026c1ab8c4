"""How good the answers of a network are, and the file that keeps them.

Shape letters: N = images, C = classes.
"""

import io
import zipfile

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainables.errors import DamagedFile

_EPOCH_OF_ZIP = (1980, 1, 1, 0, 0, 0)


def wrong_answers(logits_NC: Tensor, labels_N: Tensor, *, k: int = 1) -> Tensor:
    """Return how many labels are not among the k highest logits: int64, shape (), on the logits' device.

    Of equal logits the one with the lower index counts as higher, so that the answer is one. A row with a logit that
    is no number is wrong.
    """
    own_N1 = logits_NC.gather(1, labels_N[:, None])
    index_C = torch.arange(logits_NC.shape[1], device=logits_NC.device)
    ahead_NC = (logits_NC > own_N1) | ((logits_NC == own_N1) & (index_C < labels_N[:, None]))
    right_N = (ahead_NC.sum(dim=1) < k) & ~logits_NC.isnan().any(dim=1)
    return (~right_N).sum()


def top_k_error(logits_NC: Tensor, labels_N: Tensor, *, k: int = 1) -> float:
    """Return the part of the labels that are not among the k highest logits, in percent."""
    return 100.0 * int(wrong_answers(logits_NC, labels_N, k=k)) / len(labels_N)


def predictions_file(logits_NC: Tensor, labels_N: Tensor) -> bytes:
    """Return a NumPy archive of `logits` (float16), `predicted` and `labels` (int64), in the order of the images.

    Equal answers give equal bytes, on every machine: nothing is compressed, and no time stands in it.
    """
    logits = logits_NC.detach().float().cpu().numpy()
    highest = float(np.finfo(np.float16).max)
    arrays = {
        "logits": np.clip(logits, -highest, highest).astype("<f2"),
        "predicted": logits.argmax(axis=1).astype("<i8"),
        "labels": labels_N.cpu().numpy().astype("<i8"),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH_OF_ZIP), content.getvalue())
    return buffer.getvalue()


def read_predictions(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    """Return the arrays of `predictions_file`. Raises: DamagedFile."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in ("logits", "predicted", "labels")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DamagedFile(f"the predictions cannot be read ({error})") from error
