"""The two levels of a differentiable search: alphas on one half of the images, weights on the other.

Shape letters: B = images of a batch, C = channels or classes, H and W = pixels.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.architecture.blocks import frozen_statistics
from trainables.optimization.descent import descend, learning_rate_of, set_learning_rate
from trainables.optimization.precision import Precision

Batch: TypeAlias = tuple[Tensor, Tensor]
"""x_BCHW and labels_B."""

RADIUS = 0.01
"""How far, all weights together, the finite difference of the second order steps to each side."""


class Supernet(Protocol):
    """A network with two disjoint sets of parameters."""

    def __call__(self, x_BCHW: Tensor) -> Tensor: ...

    def modules(self) -> Iterator[nn.Module]: ...

    def weight_parameters(self) -> list[nn.Parameter]: ...

    def alpha_parameters(self) -> list[nn.Parameter]: ...


class FirstOrder:
    """First-order DARTS: the gradient of the alphas takes the present weights for the best ones.

    Source: arXiv:1806.09055, section 2.3 with xi = 0. SGD for the weights, Adam with betas (0.5, 0.999) for the alphas.

    The running statistics of batch norms follow the steps of the weights alone: the alphas' images never touch them, in
    either order. (The released codes differ: there both batches of a step move them in the first order, and in the
    second the weights' batch three times more. They matter only where a supernet is evaluated.)

    Under any `precision` weights, alphas and what multiplies the operations are float32. In float16 either level has a
    loss scale of its own, and leaves out its own steps when its gradients overflow.
    """

    def __init__(
        self,
        network: Supernet,
        *,
        momentum: float,
        weight_decay: float,
        grad_clip: float | None,
        arch_learning_rate: float,
        arch_weight_decay: float,
        precision: str = "fp32",
    ) -> None:
        self._network = network
        self._grad_clip = grad_clip
        self._weights, self._alphas = network.weight_parameters(), network.alpha_parameters()
        # The weights' rate is set for every epoch; no step is taken with this one.
        self.weights_optimizer = torch.optim.SGD(self._weights, lr=0.0, momentum=momentum, weight_decay=weight_decay)
        self.alphas_optimizer = torch.optim.Adam(
            self._alphas, lr=arch_learning_rate, betas=(0.5, 0.999), weight_decay=arch_weight_decay
        )
        device = self._weights[0].device
        self.weights_precision, self.alphas_precision = Precision(precision, device), Precision(precision, device)

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the weights' learning rate; that of the alphas is constant."""
        set_learning_rate(self.weights_optimizer, learning_rate)

    def alphas_step(self, alphas_batch: Batch, weights_batch: Batch) -> tuple[Tensor, Tensor]:
        """Move the alphas down the loss of a batch of their half; return loss and logits_BC, detached.

        `weights_batch` is the one of the step of the weights that follows; only the second order looks at it.
        """
        with frozen_statistics(self._network):
            loss, logits_BC = self._loss(alphas_batch)
            descend(loss, self._alphas, self.alphas_optimizer, precision=self.alphas_precision)
        return loss.detach(), logits_BC.detach()

    def weights_step(self, weights_batch: Batch) -> tuple[Tensor, Tensor]:
        """Move the weights down the loss of a batch of their half; return loss and logits_BC, detached."""
        loss, logits_BC = self._loss(weights_batch)
        descend(
            loss,
            self._weights,
            self.weights_optimizer,
            grad_clip=self._grad_clip,
            precision=self.weights_precision,
        )
        return loss.detach(), logits_BC.detach()

    def _loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        x_BCHW, labels_B = batch
        with self.weights_precision.compute():
            logits_BC = self._network(x_BCHW)
        logits_BC = logits_BC.to(torch.promote_types(logits_BC.dtype, torch.float32))
        return F.cross_entropy(logits_BC, labels_B), logits_BC


class SecondOrder(FirstOrder):
    """Second-order DARTS: the gradient of the alphas sees how they move the weights in one step of theirs.

    With weights w, learning rate xi, and w' one step of SGD ahead of w (momentum and weight decay included, unclipped),

        gradient = d L_alphas(w') / d alphas - xi · d/d alphas of (v · d L_weights(w) / dw),  v = d L_alphas(w') / dw'

    whose last term is taken as the difference of d L_weights / d alphas at w ± R·v, over 2R, with R = 0.01 / |v|.
    Source: arXiv:1806.09055, section 2.3, Eq. 6 to 8, and its released code for the momentum: the buffer as it is
    stored, before this step.

    It is the same for every space and both weightings. (The code released with arXiv:1903.09900 forgot the weighting
    and the primitives of the network that looks ahead: in second order, Max-W silently became scalar.)

    It takes a `precision` of 32 bits: w and w ± R·v differ by less than half precision tells apart, and the last term
    drowns in what is rounded. Against its value in float64 it was off (relative L2 norm, darts_ssc and MultiChannelNets
    of 15 to 100 thousand weights, after 5 to 100 steps) by 0 to 14 % in fp32, 3 to 28 % in tf32 as imitated on a CPU, 6
    to 42 % in fp16 and 17 to 125 % in bf16; the whole gradient by up to 8, 13, 16 and 32 %.
    """

    def alphas_step(self, alphas_batch: Batch, weights_batch: Batch) -> tuple[Tensor, Tensor]:
        """Move the alphas; return loss and logits_BC of their batch, detached, as the weights of one step ahead see it.

        The weights are afterwards what they were before, bit for bit.
        """
        with frozen_statistics(self._network), self._weights_put_back() as start:
            gradients, loss, logits_BC = self._gradients(alphas_batch, weights_batch, start)
        for alphas, gradient in zip(self._alphas, gradients, strict=True):
            alphas.grad = gradient
        self.alphas_optimizer.step()
        return loss, logits_BC

    def _gradients(
        self, alphas_batch: Batch, weights_batch: Batch, start: Sequence[Tensor]
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """Return the alphas' gradients, and loss and logits_BC one step ahead of `start`; displaces the weights."""
        rate = learning_rate_of(self.weights_optimizer)

        loss, _ = self._loss(weights_batch)
        self._move(self._velocity(_gradient(loss, self._weights)), start, -rate)

        loss, logits_BC = self._loss(alphas_batch)
        both = _gradient(loss, [*self._alphas, *self._weights])
        direct, v = both[: len(self._alphas)], both[len(self._alphas) :]

        # No division by zero where the alphas' loss is flat: the difference is zero then.
        norm = nn.utils.get_total_norm(v)
        radius = RADIUS / norm.clamp_min(torch.finfo(norm.dtype).tiny)
        sides: list[Sequence[Tensor]] = []
        for side in (radius, -radius):
            self._move(v, start, side)
            sides.append(_gradient(self._loss(weights_batch)[0], self._alphas))
        gradients = [
            ahead - rate * (above - below) / (2 * radius) for ahead, above, below in zip(direct, *sides, strict=True)
        ]
        return gradients, loss.detach(), logits_BC.detach()

    def _velocity(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return by what, times the learning rate, a step of SGD with these gradients would move the weights."""
        group = self.weights_optimizer.param_groups[0]
        velocity: list[Tensor] = []
        for weight, gradient in zip(self._weights, gradients, strict=True):
            step = gradient.add(weight.detach(), alpha=group["weight_decay"])
            buffer = self.weights_optimizer.state.get(weight, {}).get("momentum_buffer")
            velocity.append(step if buffer is None else step.add_(buffer, alpha=group["momentum"]))
        return velocity

    @torch.no_grad()
    def _move(self, direction: Sequence[Tensor], start: Sequence[Tensor], length: Tensor | float) -> None:
        """Set the weights to start + length · direction."""
        for weight, origin, along in zip(self._weights, start, direction, strict=True):
            weight.copy_(origin + length * along)

    @contextmanager
    def _weights_put_back(self) -> Iterator[Sequence[Tensor]]:
        """Yield a copy of the weights, which are set to it again afterwards."""
        # Copies are put back, for what is added and subtracted again is not the same to the last bit. The weights are
        # moved themselves, not replaced for a call (torch.func.functional_call), since activations that are computed a
        # second time, in the backward pass, must meet the same weights.
        before = [weight.detach().clone() for weight in self._weights]
        try:
            yield before
        finally:
            with torch.no_grad():
                for weight, value in zip(self._weights, before, strict=True):
                    weight.copy_(value)


def _gradient(loss: Tensor, parameters: Sequence[nn.Parameter]) -> tuple[Tensor, ...]:
    """Return the gradients; zeros for parameters that took no part, such as those of pruned operations."""
    return torch.autograd.grad(loss, list(parameters), materialize_grads=True)
