"""The two levels of a differentiable search: alphas on one half of the images, weights on the other.

Shape letters: B = images of a batch, C = channels or classes, H and W = pixels.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.optimization.descent import descend, set_learning_rate


class Supernet(Protocol):
    """A network with two disjoint sets of parameters."""

    def __call__(self, x_BCHW: Tensor) -> Tensor: ...

    def weight_parameters(self) -> list[nn.Parameter]: ...

    def alpha_parameters(self) -> list[nn.Parameter]: ...


class FirstOrder:
    """First-order DARTS: the gradient of the alphas takes the present weights for the best ones.

    Source: arXiv:1806.09055, section 2.3 with xi = 0. SGD for the weights, Adam with betas (0.5, 0.999) for the alphas.
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
    ) -> None:
        self._network = network
        self._grad_clip = grad_clip
        self._weights, self._alphas = network.weight_parameters(), network.alpha_parameters()
        # The weights' rate is set for every epoch; no step is taken with this one.
        self.weights_optimizer = torch.optim.SGD(self._weights, lr=0.0, momentum=momentum, weight_decay=weight_decay)
        self.alphas_optimizer = torch.optim.Adam(
            self._alphas, lr=arch_learning_rate, betas=(0.5, 0.999), weight_decay=arch_weight_decay
        )

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the weights' learning rate; that of the alphas is constant."""
        set_learning_rate(self.weights_optimizer, learning_rate)

    def alphas_step(self, x_BCHW: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """Move the alphas down the loss of a batch of their half; return loss and logits_BC, detached."""
        logits_BC = self._network(x_BCHW)
        loss = F.cross_entropy(logits_BC, labels_B)
        descend(loss, self._alphas, self.alphas_optimizer)
        return loss.detach(), logits_BC.detach()

    def weights_step(self, x_BCHW: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """Move the weights down the loss of a batch of their half; return loss and logits_BC, detached."""
        logits_BC = self._network(x_BCHW)
        loss = F.cross_entropy(logits_BC, labels_B)
        descend(loss, self._weights, self.weights_optimizer, grad_clip=self._grad_clip)
        return loss.detach(), logits_BC.detach()
