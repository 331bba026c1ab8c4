"""The command line on the fakes' catalog: an experiment of two roots and their four children, and what a call gives."""

import json
from pathlib import Path

import fakes

from orchestrator.cli.main import invoke
from orchestrator.document.experiment import load_experiment
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import PlannedTrial, expand
from trainables.record.storage import open_storage

FAKE_SHARPTUNE = Path(__file__).with_name("fake_sharptune.py")
"""The same command as a program, for a process of its own."""

CHAINS = """\
experiment: chains
stages:
  root:
    trainable: chain
    config: {epochs: 3, steps: 2}
    grid: {seed: [0, 1]}
  child:
    trainable: chain
    needs: root
    config: {link: "${root.genotype}", epochs: 3, steps: 2}
    grid: {width: [1, 2], seed: [0]}
tables:
  - name: widths
    stage: child
    rows: [width]
    columns: [error, error_best]
"""
ALIKE = """\
experiment: alike
stages:
  root:
    trainable: chain
    config: {epochs: 1, steps: 1}
    grid: {hold: [/nowhere/1, /nowhere/2], seed: [0]}
  child:
    trainable: chain
    needs: root
    config: {link: "${root.genotype}", epochs: 1, steps: 1}
    grid: {width: [1, 2], seed: [0, 1]}
tables:
  - name: pooled
    stage: child
    rows: [width]
    pool: [root.hold]
    columns: [error, cpu_days]
  - name: apart
    stage: child
    rows: [root.hold, width]
    columns: [error, cpu_days]
"""
"""Two roots that find the same, and the children of each."""


class Result(tuple):
    """(code, out, err) of one call."""

    code = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])

    @property
    def json(self):
        return json.loads(self.out)


def call(capsys, *arguments: object) -> Result:
    """Call the command in this process."""
    capsys.readouterr()
    code = invoke([str(argument) for argument in arguments], catalog=fakes.CATALOG)
    return Result((code, *capsys.readouterr()))


def planned(path: Path) -> list[PlannedTrial]:
    """Return the trials of an experiment's file."""
    return list(expand(load_experiment(path), fakes.CATALOG).trials)


def rows(storage: str = "runs") -> dict:
    """What must be identical between two ways of getting there."""
    return {
        trial_id: (row.config, row.state, row.metrics, row.artifacts, row.files["predictions.npz"]["sha256"])
        for trial_id, row in Ledger(open_storage(storage)).rows().items()
    }
