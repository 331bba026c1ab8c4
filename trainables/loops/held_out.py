"""Tests of a finished training on images by which nobody has selected anything.

The epoch of `test_error_best` is chosen on the very images that it is measured on; CIFAR-10.1 is the only set that
played no part in it (arXiv:1903.09900, section 2). Its metrics are `cifar10_1_error`, of the last weights,
`cifar10_1_error_best`, of those of the epoch that was best on CIFAR-10's own test set, and `cifar10_1_error_selected`,
of those of the epoch that validation images selected, if any were held out. Where the images are not on the machine, a
row simply lacks them.

Shape letters: B = images of a batch, N = images, C = channels or classes, H, W = pixels.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trainables.data.cache import present
from trainables.data.catalog import HELD_OUT
from trainables.data.datasets import open_dataset
from trainables.loops.evaluation import evaluate, top_k_error
from trainables.loops.images import Images
from trainables.trial import Step


def held_out_errors(
    network: nn.Module,
    kept: Mapping[str, Mapping[str, Tensor]],
    *,
    dataset: str,
    transform: Callable[[Tensor], Tensor],
    here: Step,
    device: torch.device,
    compute: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Generator[Step, None, dict[str, float]]:
    """Yield `here` after each batch; return errors in percent by their names, none where there are no such images.

    Nothing is changed, the network least of all, so that an interrupted call is simply made again.

    Args:
        network: in eval mode, with its last weights; returns a tuple whose first item is logits.
        kept: all parameters and buffers of other epochs, by what metrics call these: `best`, `selected`.
        dataset: what it was trained on.
        transform: what its images go through.
        compute: returns the context in which it is called.
    """
    name = HELD_OUT.get(dataset)
    if name is None or not present(name):
        return {}
    split = open_dataset(name).test
    images = Images(split, np.arange(len(split.labels)), device)
    labels_N = images.labels_N.cpu()
    own = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    errors: dict[str, float] = {}
    for metric, weights in {f"{name}_error": own, **{f"{name}_error_{of}": dict(kept[of]) for of in kept}}.items():

        def classify(x_BCHW: Tensor, weights: dict[str, Tensor] = weights) -> Tensor:
            with compute():
                return torch.func.functional_call(network, weights, (x_BCHW,))[0]

        logits_NC = yield from evaluate(classify, images, transform, here)
        errors[metric] = top_k_error(logits_NC, labels_N)
    return errors
