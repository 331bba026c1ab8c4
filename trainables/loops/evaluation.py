"""The answers of a network on a set of images, how good they are, and the file that keeps them.

Shape letters: N = images, C = classes.
"""

import math
from collections.abc import Callable, Generator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.errors import TrialFailure
from trainables.loops.images import ImageSource
from trainables.loops.predictions import packed
from trainables.trial import Step

EVALUATION_BATCH = 256
"""Images of one evaluation batch: small enough that a request to stop is heard soon."""


def evaluate(
    forward: Callable[[Tensor], Tensor], images: ImageSource, transform: Callable[[Tensor], Tensor], here: Step
) -> Generator[Step, None, Tensor]:
    """Yield `here` after each batch; return logits_NC, on the CPU.

    Callers put the network in eval mode. An evaluation that is interrupted starts again: it changes nothing.
    """
    found: list[Tensor] = []
    for batch in images.batches(torch.arange(len(images)).split(EVALUATION_BATCH)):
        with torch.no_grad():
            found.append(forward(transform(batch.images_BHWC)).float())
        yield here
    return torch.cat(found).cpu()


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


def evaluation_loss(logits_NC: Tensor, labels_N: Tensor, *, epoch: int) -> float:
    """Return the mean cross entropy of an evaluation. Raises: TrialFailure when it is no number."""
    loss = float(F.cross_entropy(logits_NC, labels_N))
    if not math.isfinite(loss):
        raise TrialFailure(f"loss is {loss} in the evaluation of epoch {epoch}")
    return loss


def predictions_file(logits_NC: Tensor, labels_N: Tensor) -> bytes:
    """Return a NumPy archive of `logits` (float16), `predicted` and `labels` (int64), in the order of the images."""
    logits = logits_NC.detach().float().cpu().numpy()
    highest = float(np.finfo(np.float16).max)
    arrays = {
        "logits": np.clip(logits, -highest, highest).astype("<f2"),
        "predicted": logits.argmax(axis=1).astype("<i8"),
        "labels": labels_N.cpu().numpy().astype("<i8"),
    }
    return packed(arrays)
