"""One step down a loss, for a chosen part of the parameters.

Shape letters: B = images of a batch, C = channels or classes, H and W = pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def descend(
    loss: Tensor,
    parameters: Sequence[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    *,
    grad_clip: float | None = None,
) -> None:
    """Take one step on exactly `parameters`, the optimizer's own; nothing else gets a gradient.

    Args:
        loss: a scalar.
        grad_clip: largest L2 norm of the gradient of all `parameters` together.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward(inputs=list(parameters))
    if grad_clip is not None:
        # A norm that is not finite makes parameters that are not, which the loops find in the next step's loss.
        nn.utils.clip_grad_norm_(parameters, grad_clip)
    optimizer.step()


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give every group of the optimizer this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
