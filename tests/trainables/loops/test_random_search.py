"""Random architectures: drawn by key, within bounds, resumable."""

import json

import pytest
import torch

from trainables.architecture.genotype import Genotype, MultiChannelPath, read_architecture
from trainables.architecture.spaces import MULTICHANNEL_SPACES, SPACES
from trainables.catalog import CATALOG
from trainables.config import SearchConfig
from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.random_search import RandomRun
from trainables.loops.search import start

BOUNDED = {"space": "multichannel", "params_min": 900_000, "params_max": 950_000}
"""One path in ten or so."""


def build(seed=0, **changes):
    return RandomRun(SearchConfig(strategy="random", **changes), seed=seed)


def finish(run):
    pauses = list(run.steps())
    return pauses, run.outcome()


@pytest.fixture
def quick_sizes(monkeypatch):
    """Sizes that cost nothing: the draws' numbers, in millions."""
    counted = []

    def measure(architecture, operations):
        counted.append(architecture)
        return {name: len(counted) * 10**6 for name in ("params", "addmult", "macs", "pools", "skips")}

    monkeypatch.setattr("trainables.loops.random_search.measure", measure)
    return counted


def test_start_builds_the_run_of_the_strategy_and_keeps_to_the_threads(one_thread):
    run = start(SearchConfig(strategy="random"), seed=0, threads=2, gpus=1)

    assert isinstance(run, RandomRun)
    assert torch.get_num_threads() == 2
    assert run.spent().device == "cpu"


def test_a_random_path_is_within_the_bounds_and_describes_itself():
    pauses, outcome = finish(build(**BOUNDED))

    assert 900_000 <= outcome.metrics["params"] <= 950_000
    assert len(pauses) > 1
    assert [pause.metrics for pause in pauses[:-1]] == [None] * (len(pauses) - 1)
    assert pauses[-1].metrics == outcome.metrics
    assert set(outcome.metrics) < set(CATALOG["search"].metrics)
    path = read_architecture(outcome.artifacts["genotype"])
    assert isinstance(path, MultiChannelPath)
    assert {step.channels_in for step in path.steps} <= set(MULTICHANNEL_SPACES["multichannel"].scales)
    (row,) = outcome.epochs
    assert read_architecture(json.loads(row["genotype"])) == path


def test_random_cells_are_made_of_the_spaces_primitives():
    _, outcome = finish(build(space="darts"))
    genotype = read_architecture(outcome.artifacts["genotype"])

    assert outcome.artifacts["genotype"]["operations"] == "original"
    assert isinstance(genotype, Genotype)
    assert {operation for operation, _ in (*genotype.normal, *genotype.reduce)} <= set(SPACES["darts"].primitives)
    assert outcome.metrics["params"] > 10**6


def test_seeds_and_draws_are_architectures_of_their_own(quick_sizes):
    for seed in range(3):
        finish(build(seed, params_min=(seed + 1) * 3 * 10**6))

    assert len(quick_sizes) == 9
    assert len(set(quick_sizes)) == 9


def test_the_bounds_are_included(quick_sizes):
    run = build(params_min=3 * 10**6, params_max=3 * 10**6)

    assert finish(run)[1].metrics["params"] == 3 * 10**6


def test_a_run_stopped_at_any_pause_equals_an_uninterrupted_one(resumes):
    runs = resumes(lambda: build(**BOUNDED))
    pauses, uninterrupted = runs.uninterrupted()

    for position in {0, len(pauses) // 2, len(pauses) - 1}:
        assert runs.stopped_at(position) == uninterrupted


def test_bounds_that_nothing_meets_fail_the_trial_and_say_what_was_seen(quick_sizes, monkeypatch):
    monkeypatch.setattr("trainables.loops.random_search.DRAWS", 4)

    with pytest.raises(TrialFailure, match=r"^4 random architectures have 1,000,000 to 4,000,000 parameters, but none"):
        finish(build(params_max=10))
    with pytest.raises(TrialFailure, match=r"but none has 90,000,000 or more$"):
        finish(build(params_min=9 * 10**7))


def test_a_state_of_another_trial_is_refused(quick_sizes):
    run, other = build(seed=0), build(seed=1)

    for damaged in (b"garbage", other.state()):
        with pytest.raises(DamagedFile):
            run.load(damaged)
