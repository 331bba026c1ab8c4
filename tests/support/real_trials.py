"""Real searches and trainings of seconds, to be rehearsed as they are: what is killed is torch at work."""

from collections.abc import Mapping
from dataclasses import replace

from orchestrator.document.experiment import parse_experiment
from orchestrator.planning.plan import Plan, expand
from orchestrator.running.rehearsal.stand_ins import Cast
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.table import build
from trainables.catalog import CATALOG
from trainables.data.datasets import ensure
from trainables.trial import TrialRow

TRIALS = """\
experiment: real
stages:
  search:
    trainable: search
    config:
      {space: [none, max_pool_3x3, skip_connect, sep_conv_3x3], dataset: cifar10-mini, train_images: 40, epochs: 3,
       warmup_epochs: 0, batch_size: 10, channels: 2, layers: 3}
    grid: {weighting: [scalar, max_w], seed: [0]}
    resources: {cpus: 1}
  train:
    trainable: train
    needs: search
    config:
      {genotype: "${search.genotype}", train_images: 40, test_images: 20, epochs: 4, warmup_epochs: 0, batch_size: 10,
       channels: 4, layers: 3, auxiliary: false}
    grid: {seed: [0]}
    resources: {cpus: 1}
tables:
  - {name: errors, stage: train, rows: [weighting], columns: [test_error, test_error_best, params, cpu_days_total]}
"""


def real_cast(faults: int, *, seeds: int = 1) -> tuple[Plan, Cast]:
    """Return the plan of a few trials, each search with its trainings, and all of them to be carried as they are."""
    ensure("cifar10-mini")
    text = TRIALS.replace("grid: {seed: [0]}", f"grid: {{seed: {list(range(seeds))}}}")
    plan = expand(parse_experiment(text, file="real.yaml"), CATALOG)
    trials = tuple(replace(t, max_failures=max(3, faults), checkpoint_minutes=0.01) for t in plan.trials)
    epochs = {trial.trial_id: trial.effective[trial.stage]["epochs"] for trial in plan.trials}
    return plan, Cast(trials=trials, catalog=CATALOG, undisturbed=CATALOG, epochs=epochs)


def tables(plan: Plan, rows: Mapping[str, TrialRow]) -> str:
    """Return a plan's tables of rows, as text."""
    return "\n".join(render(build(plan, rows, spec), "text") for spec in plan.tables)
