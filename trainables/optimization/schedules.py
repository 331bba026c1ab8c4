"""Learning rates as pure functions of the epoch."""

import math
from collections.abc import Mapping, Sequence

from trainables.config import Restart, SearchConfig, TrainConfig
from trainables.trial import JSON

SCHEDULE = "learning_rate"
"""The curve that settings alone determine."""


def cosine_power(
    epoch: int,
    *,
    epochs: int,
    learning_rate: float,
    learning_rate_min: float,
    p: float,
    warmup_epochs: int = 0,
    warm_restarts: Sequence[Restart] = (),
) -> float:
    """Return the learning rate of an epoch under Cosine Power Annealing; constant within the epoch.

    Source: arXiv:1903.09900, Eq. 2; p = 1 is its special case, cosine annealing (Eq. 1). Without warm-up T_cur is
    epoch - 1, so p = 1 is `torch.optim.lr_scheduler.CosineAnnealingLR`. With a warm-up of W epochs the rate climbs
    linearly from learning_rate / (W + 1) to its maximum in epoch W + 1 (both up to learning_rate_min), and from there
    T_cur = epoch - W and T = epochs - W, so that the last epoch has learning_rate_min. The released code does the same
    with a warm-up; without one it stretches the curve to end in learning_rate_min, which is neither equation.

    Args:
        epoch: from 1 to `epochs`.
        epochs: of all periods together, warm-up included.
        p: the power, at least 1.
        warmup_epochs: in the first period only.
        warm_restarts: the periods after the first one, each with its own maximum; they end at the same minimum.

    Raises:
        ValueError: p < 1, or an epoch outside 1..epochs.
    """
    if p < 1:
        raise ValueError(f"p must be at least 1, got {p}")
    if not 1 <= epoch <= epochs:
        raise ValueError(f"epoch must be in 1..{epochs}, got {epoch}")
    length = epochs - sum(restart.epochs for restart in warm_restarts)
    highest, warmup = learning_rate, warmup_epochs
    for restart in warm_restarts:
        if epoch <= length:
            break
        epoch -= length
        length, highest, warmup = restart.epochs, restart.learning_rate, 0
    return learning_rate_min + (highest - learning_rate_min) * _height(epoch, length, p, warmup)


def scheduled(config: SearchConfig | TrainConfig, epoch: int) -> float:
    """Return the weights' learning rate in an epoch."""
    return cosine_power(
        epoch,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        learning_rate_min=config.learning_rate_min,
        p=config.p,
        warmup_epochs=config.warmup_epochs,
        warm_restarts=config.warm_restarts,
    )


def _height(epoch: int, epochs: int, p: float, warmup: int) -> float:
    """Return the rate of an epoch of one period as a fraction of the way from the minimum to the maximum."""
    if warmup and epoch <= warmup + 1:
        return epoch / (warmup + 1)
    done = (epoch - warmup) / (epochs - warmup) if warmup else (epoch - 1) / epochs
    cosine = (1 + math.cos(math.pi * done)) / 2
    if p == 1:
        return cosine
    # Eq. 2's (p^(c+1) - p) / (p^2 - p), with p cancelled: exact also where p is so close to 1 that both sides vanish.
    return math.expm1(cosine * math.log(p)) / (p - 1)


def planned_curve(curve: str, settings: Mapping[str, JSON]) -> list[float] | None:
    """Return the learning rates, one per epoch, that settings mean; None for another curve, or too few settings."""
    names = ("epochs", "learning_rate", "learning_rate_min", "p", "warmup_epochs")
    if curve != SCHEDULE or any(settings.get(name) is None for name in names):
        return None
    chosen = {name: settings[name] for name in names}
    restarts = tuple(Restart.model_validate(each) for each in settings.get("warm_restarts") or ())
    return [cosine_power(epoch, **chosen, warm_restarts=restarts) for epoch in range(1, int(chosen["epochs"]) + 1)]
