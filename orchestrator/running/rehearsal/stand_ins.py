"""The stand-ins of a plan's trials: with other ids than the real ones, and compressed in time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrator.forecast.durations import path_weights
from orchestrator.planning.plan import Plan, PlannedTrial, Resources
from trainables.stand_in import epochs_of, stand_in
from trainables.trainable import Trainable

LEAST = 0.2
"""Of the mean time of a trial, what each takes at least."""
SAVES = 2.5
"""How often in an epoch of mean length a trial saves where it is, beside its end."""


def twins(catalog: Mapping[str, Trainable]) -> dict[str, Trainable]:
    """Return a catalog by which experiments are planned for a rehearsal: stand-ins, which take no time."""
    return {name: stand_in(entry) for name, entry in catalog.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """What a rehearsal runs: trials, what carries them, and how many epochs each has."""

    trials: tuple[PlannedTrial, ...]
    catalog: Mapping[str, Trainable]
    undisturbed: Mapping[str, Trainable]
    """The catalog of the run in which nothing goes wrong, and nothing is waited for."""
    epochs: Mapping[str, int]


def rehearsed(
    plan: Plan, catalog: Mapping[str, Trainable], *, seconds: float, slots: int, faults: int, here: bool
) -> Cast:
    """Return the stand-ins of a plan that was made with `twins`.

    Args:
        catalog: of the real trials.
        seconds: that all of them take, as long as nothing goes wrong.
        slots: how many run at once.
        faults: how often a trial's process may be killed at most.
        here: on this machine, where each takes one CPU, whatever it asks of a cluster.
    """
    unique = list({trial.trial_id: trial for trial in plan.trials}.values())
    costs = {trial.trial_id: trial.expected_cost for trial in unique}
    cost = max(sum(costs.values()) / slots, *path_weights(unique, costs).values(), 1e-9)
    pace = seconds / cost
    mean = pace * sum(costs.values()) / len(unique)
    epochs = {trial.trial_id: epochs_of(trial.effective[trial.stage]) for trial in unique}
    minutes = mean * len(epochs) / sum(epochs.values()) / SAVES / 60
    return Cast(
        trials=tuple(_compressed(trial, faults, minutes, here) for trial in unique),
        catalog={name: stand_in(entry, pace=pace, least=LEAST * mean) for name, entry in catalog.items()},
        undisturbed=twins(catalog),
        epochs=epochs,
    )


def _compressed(trial: PlannedTrial, faults: int, minutes: float, here: bool) -> PlannedTrial:
    resources = Resources(cpus=1, gpus=0) if here else trial.resources
    lives = max(trial.max_failures, faults)
    return replace(trial, resources=resources, max_failures=lives, checkpoint_minutes=minutes)
