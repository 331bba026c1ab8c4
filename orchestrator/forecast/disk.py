"""How many bytes the open trials of a plan leave on disk."""

from collections.abc import Mapping

from orchestrator.forecast.outlook import Outlook
from orchestrator.planning.plan import PlannedTrial

PER_CHANNEL: Mapping[str, float] = {"search": 900 * 4, "train": 130 * 4 * 2, "diagnose": 0}
"""Bytes per layer and squared channel of a network of cells: its parameters, of 4 bytes, times how often they are kept.
From DARTS: 1.9 million in a search of 8 layers and 16 channels, 3.3 million in a training of 20 and 36."""
BESIDES = 100_000
"""Bytes of a trial that are no weights: epochs, predictions, log."""


def bytes_of(outlook: Outlook) -> float:
    """Return it: of each trial as many as the done ones of its stage left, else what a network of its size has."""
    means = {stage: size / count for stage, (count, size) in outlook.bytes.items() if count}
    return sum(means[trial.stage] if trial.stage in means else _rough(trial) for trial in outlook.open)


def _rough(trial: PlannedTrial) -> float:
    settings = trial.effective.get(trial.stage, {})
    layers, channels = settings.get("layers"), settings.get("channels")
    if not (isinstance(layers, int) and isinstance(channels, int)):
        return 0.0
    return PER_CHANNEL.get(trial.spec.trainable, 0.0) * layers * channels**2 + BESIDES
