"""The losses and wrong answers of an epoch, added up while it is under way.

Shape letters: B = images of a batch, S = steps of an epoch, C = classes.
"""

import math

import torch
from torch import Tensor

from trainables.errors import TrialFailure
from trainables.loops.evaluation import wrong_answers

CHECK_EVERY = 50
"""Steps between two looks at the losses: each look makes the host wait for the GPU."""


class EpochSums:
    """Losses and wrong answers of the epoch under way, kept on the device so that no step waits for it."""

    def __init__(self, steps: int, device: torch.device) -> None:
        self.losses_S = torch.zeros(steps, device=device)
        self.sizes_S = torch.zeros(steps, dtype=torch.int64)
        self.wrong = torch.zeros((), dtype=torch.int64, device=device)

    def add(self, step: int, loss: Tensor, logits_BC: Tensor, labels_B: Tensor) -> None:
        """Take in one step, `step` from 0."""
        self.take(step, loss, wrong_answers(logits_BC, labels_B), images=len(labels_B))

    def take(self, step: int, loss: Tensor, wrong: Tensor, *, images: int) -> None:
        """Take in one step whose wrong answers are counted already."""
        self.losses_S[step] = loss
        self.sizes_S[step] = images
        self.wrong += wrong

    def check(self, epoch: int, done: int) -> None:
        """Look at the losses of the first `done` steps at once. Raises: TrialFailure, naming the first bad step."""
        losses = self.losses_S[:done].tolist()
        for step, loss in enumerate(losses, start=1):
            if not math.isfinite(loss):
                raise TrialFailure(f"loss is {loss} in epoch {epoch}, step {step}")

    def loss(self) -> float:
        """Return the mean loss per image."""
        losses_S = self.losses_S.cpu().double()
        return float((losses_S * self.sizes_S).sum() / self.sizes_S.sum())

    def error(self) -> float:
        """Return the wrong answers, in percent."""
        return 100.0 * int(self.wrong) / int(self.sizes_S.sum())

    def state(self) -> dict[str, Tensor]:
        return {"losses": self.losses_S, "sizes": self.sizes_S, "wrong": self.wrong}

    def load(self, state: dict[str, Tensor]) -> None:
        self.losses_S.copy_(state["losses"])
        self.sizes_S.copy_(state["sizes"])
        self.wrong.copy_(state["wrong"])
