"""One step down a loss, for a chosen part of the parameters.

Shape letters: B = images of a batch, C = channels or classes, H and W = pixels.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim import Optimizer

from trainables.optimization.precision import Precision


def descend(
    loss: Tensor,
    parameters: Sequence[nn.Parameter],
    optimizer: Optimizer,
    *,
    grad_clip: float | None = None,
    precision: Precision | None = None,
) -> None:
    """Take one step on exactly `parameters`, the optimizer's own; nothing else gets a gradient.

    Args:
        loss: a scalar.
        grad_clip: as in `clip_gradients`.
        precision: scales the loss and looks after overflows; none is float32.
    """
    optimizer.zero_grad()
    (precision.scaled(loss) if precision else loss).backward(inputs=list(parameters))
    clip_gradients(optimizer, grad_clip, precision)
    if precision:
        precision.step(optimizer)
    else:
        optimizer.step()


def clip_gradients(optimizer: Optimizer, grad_clip: float | None, precision: Precision | None = None) -> None:
    """Shorten the gradient of all the optimizer's parameters together to an L2 norm of at most `grad_clip`, if any."""
    if grad_clip is None:
        return
    if precision:
        precision.unscale(optimizer)
    # A norm that is not finite makes parameters that are not, which the loops find in the next step's loss.
    nn.utils.clip_grad_norm_([weight for group in optimizer.param_groups for weight in group["params"]], grad_clip)


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Give every group of the optimizer this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def learning_rate_of(optimizer: Optimizer) -> float:
    """Return the learning rate that the optimizer's next step takes."""
    return optimizer.param_groups[0]["lr"]
