"""One batch, forward and back through a network: whole or in parts, in one process or in the several of a trial.

Shape letters: B = images of this rank's share of a batch, C = channels or classes, D = edges that may be dropped,
H, W = pixels.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.config import TrainConfig
from trainables.distributed.shares import share
from trainables.loops.evaluation import wrong_answers
from trainables.optimization.precision import Precision

if TYPE_CHECKING:
    from trainables.distributed.team import Team


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkBatch:
    """A rank's share of a batch, on the device, as a network takes it."""

    x_BCHW: Tensor
    labels_B: Tensor
    keep_DB: Tensor | None
    """What drop path multiplies the edges by; None while nothing is dropped."""
    whole: int
    """Images of the whole batch, of all ranks."""


def forward_backward(
    network: nn.Module, batch: NetworkBatch, *, config: TrainConfig, precision: Precision, team: "Team | None" = None
) -> tuple[Tensor, Tensor]:
    """Add the gradient of a batch's loss to that of the parameters; return the loss and how many answers are wrong.

    All are of the whole batch, whichever parts and ranks compute it: the loss is the mean over its images of the cross
    entropy and, with an auxiliary head, `auxiliary_weight` times that head's. Each of the `accumulate` parts is gone
    back from before the next one is computed, so only one of them has its activations in memory. The host of a single
    rank waits for the device in none of it.

    Args:
        network: maps (x_BCHW, keep_DB) to logits_BC and those of the auxiliary head, or None.
        precision: scales the gradient, which is to be unscaled before it is looked at.
        team: the ranks, where there are several.
    """
    parts = config.accumulate
    losses: list[Tensor] = []
    answers: list[Tensor] = []
    for number in range(parts):
        part = share(len(batch.labels_B), rank=number, ranks=parts)
        inputs = batch.x_BCHW[part], None if batch.keep_DB is None else batch.keep_DB[:, part]
        labels_B = batch.labels_B[part]
        with precision.compute():
            found = network(*inputs) if team is None else team.forward(*inputs, last=number == parts - 1)
        logits_BC, auxiliary_BC = found
        loss = F.cross_entropy(logits_BC.float(), labels_B)
        if auxiliary_BC is not None:
            loss = loss + config.auxiliary_weight * F.cross_entropy(auxiliary_BC.float(), labels_B)
        loss = loss * (len(labels_B) / batch.whole)
        precision.scaled(loss if team is None else loss * team.ranks).backward()  # ranks average their gradients
        losses.append(loss.detach().view(1))
        answers.append(logits_BC.detach().float())
    loss, wrong = torch.cat(losses).sum(), wrong_answers(torch.cat(answers), batch.labels_B)
    if team is not None:
        loss, wrong = team.add_up(loss, wrong)
    return loss, wrong
