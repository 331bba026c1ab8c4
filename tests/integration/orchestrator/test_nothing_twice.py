"""Real searches that find the same, and trainings of it: what is taken over is what would have been computed."""

import copy

import pytest
from jobs import essence

from orchestrator.document.experiment import parse_experiment
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import expand
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from trainables.catalog import CATALOG
from trainables.data.datasets import ensure
from trainables.record.storage import open_storage

SEARCHES = """\
experiment: twice
stages:
  search:
    trainable: search
    config:
      {space: [none, max_pool_3x3, skip_connect, sep_conv_3x3], dataset: cifar10-mini, train_images: 20, epochs: 1,
       warmup_epochs: 0, batch_size: 10, channels: 2, layers: 3}
    grid: {arch_learning_rate: [0.0003, 0.00030001], seed: [0]}
  train:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}", %s}
    grid: {seed: [0]}
"""
WRITTEN = """\
experiment: written
stages:
  train:
    trainable: train
    config: {dataset: cifar10-mini, genotype: %s, %s}
    grid: {seed: [0]}
"""
SETTINGS = (
    "train_images: 20, test_images: 20, epochs: 2, warmup_epochs: 0, batch_size: 10, channels: 4, layers: 3, "
    "auxiliary: false"
)


def go(storage, text, *, adopt=True):
    """Run an experiment and return the rows of its trials, in the plan's order."""
    trials = expand(parse_experiment(text), CATALOG).trials
    ledger = Ledger(open_storage(storage))
    run(trials, ledger=ledger, catalog=CATALOG, runner=LocalRunner(), adopt=adopt)
    rows = [ledger.row(trial.trial_id) for trial in trials]
    assert all(row is not None and row.state == "done" for row in rows)
    return [row for row in rows if row is not None]


@pytest.fixture(scope="module")
def computed(tmp_path_factory, dataset_cache):
    """A storage in which each trial has worked, and its rows."""
    ensure("cifar10-mini")
    storage = tmp_path_factory.mktemp("computed")
    return storage, go(storage, SEARCHES % SETTINGS, adopt=False)


def test_a_training_of_what_another_search_found_too_takes_over_what_it_would_have_computed(computed, tmp_path):
    _, rows = computed
    once = go(tmp_path, SEARCHES % SETTINGS)

    assert rows[0].artifacts == rows[1].artifacts
    assert sorted(bool(row.adopted_from) for row in once) == [False, False, False, True]
    assert [essence(row) for row in once[2:]] == [essence(row) for row in rows[2:]]
    assert [weights(row) for row in once] == [weights(row) for row in rows]


def test_so_does_one_of_the_same_cells_written_down_and_another_order_of_edges_is_another_training(computed):
    storage, rows = computed
    cells = {name: value for name, value in rows[0].artifacts["genotype"].items() if name not in ("kind", "operations")}
    swapped = copy.deepcopy(cells)
    swapped["normal"][:2] = reversed(swapped["normal"][:2])

    (same,) = go(storage, WRITTEN % (cells, SETTINGS))
    (other,) = go(storage, WRITTEN % (swapped, SETTINGS))

    assert same.adopted_from in {row.trial_id for row in rows[2:]}
    assert same.metrics == rows[2].metrics
    assert other.adopted_from == ""
    assert weights(other) != weights(same)


def weights(row):
    return {name: told["sha256"] for name, told in row.files.items() if name.startswith("weights")}
