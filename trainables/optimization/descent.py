"""One step down a loss, for a chosen part of the parameters.

Shape letters: B = images of a batch, C = channels or classes, H and W = pixels.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from trainables.optimization.precision import Precision


def descend(
    losses: Tensor | Iterable[Tensor],
    parameters: Sequence[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    *,
    grad_clip: float | None = None,
    precision: Precision | None = None,
) -> None:
    """Take one step on exactly `parameters`, the optimizer's own; nothing else gets a gradient.

    Args:
        losses: a scalar, or several whose sum is meant: each is gone back from before the next is asked for, so only
            one of them has its activations in memory.
        grad_clip: largest L2 norm of the gradient of all `parameters` together.
        precision: scales losses and looks after overflows; none is float32.
    """
    inputs = list(parameters)
    optimizer.zero_grad(set_to_none=True)
    for loss in [losses] if isinstance(losses, Tensor) else losses:
        (precision.scaled(loss) if precision else loss).backward(inputs=inputs)
    if grad_clip is not None:
        if precision:
            precision.unscale(optimizer)
        # A norm that is not finite makes parameters that are not, which the loops find in the next step's loss.
        nn.utils.clip_grad_norm_(parameters, grad_clip)
    if precision:
        precision.step(optimizer)
    else:
        optimizer.step()


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give every group of the optimizer this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def learning_rate_of(optimizer: torch.optim.Optimizer) -> float:
    """Return the learning rate that the optimizer's next step takes."""
    return optimizer.param_groups[0]["lr"]
