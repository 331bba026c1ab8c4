"""Plans from text: a stage of any grid, and a search whose genotypes are trained."""

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.plan import Plan, expand
from trainables.catalog import CATALOG


def plan(text: str, **options) -> Plan:
    """Return the plan of an experiment on the real catalog."""
    return expand(parse_experiment(text, **options), CATALOG)


def mistakes(text: str) -> list[str]:
    """Return what is wrong with an experiment."""
    with pytest.raises(SpecError) as caught:
        plan(text)
    return [problem.message for problem in caught.value.problems]


def stage(body: str, trainable: str = "search") -> str:
    """Return an experiment of one stage, `s`."""
    return f"experiment: x\nstages:\n  s:\n    trainable: {trainable}\n{body}"


CHAIN = """\
experiment: chain
stages:
  search:
    trainable: search
    config: {{dataset: cifar10-mini, space: {space}}}
    grid: {{weighting: [scalar, max_w], seed: [0, 1, 2]}}
  train:
    trainable: train
    needs: {needs}
    config: {{genotype: "${{search.genotype}}", channels: 8}}
    grid: {{p: [1, 2], seed: [0, 1]}}
"""


def chain(needs: str = "search", space: str = "darts_ssc") -> str:
    """Return an experiment of six searches and their trainings."""
    return CHAIN.format(needs=needs, space=space)
