"""What is said where trials ask for GPUs and there are none."""

from collections.abc import Iterable, Mapping

from orchestrator.planning.plan import PlannedTrial
from trainables.trainable import Trainable


def lack_here(trials: Iterable[PlannedTrial], catalog: Mapping[str, Trainable]) -> str:
    """Return why this process cannot run some of these trials, and what to do about it; empty when it can.

    Loads what runs them.
    """
    asked: dict[str, str] = {}
    for trial in trials:
        if trial.stage not in asked:
            entry, settings = catalog[trial.spec.trainable], trial.effective.get(trial.stage, {})
            if reason := entry.why_not_here(settings, trial.resources.gpus):
                asked[trial.stage] = reason
    return f"{next(iter(asked.values()))}: {on_the_cpu(asked)}" if asked else ""


def on_the_cpu(stages: Iterable[str]) -> str:
    """Return the options by which stages run without GPUs."""
    return " ".join(f"--set stages.{stage}.resources.gpus=0" for stage in dict.fromkeys(stages))
