"""Stand-ins find what the trials they stand in for would find, by name, and forget nothing."""

from itertools import islice

import pytest

from trainables.architecture.genotype import read_architecture
from trainables.catalog import CATALOG
from trainables.errors import DamagedFile
from trainables.stand_in import stand_in

TWINS = {name: stand_in(entry) for name, entry in CATALOG.items()}
SEARCH = {"space": "darts_ssc", "dataset": "cifar10-mini", "epochs": 2, "warmup_epochs": 0}


def new_run(seed=0, kind="search", **settings):
    entry = TWINS[kind]
    return entry.run(entry.config_class()(**{**SEARCH, **settings}), seed=seed, threads=1, gpus=0)


def found(run):
    for _ in run.steps():
        pass
    outcome = run.outcome()
    return outcome.metrics, outcome.artifacts, outcome.files, outcome.epochs


@pytest.mark.parametrize("stopped_after", [1, 5, 6, 11])
def test_one_that_is_interrupted_anywhere_finds_the_same(stopped_after):
    first, second = new_run(), new_run()
    list(islice(first.steps(), stopped_after))
    second.load(first.state())

    assert found(second) == found(new_run())


def test_a_step_that_is_lost_changes_all_that_is_found():
    first, second = new_run(), new_run()
    steps = first.steps()
    next(steps)
    state = first.state()
    next(steps)
    second.load(state.replace(b", 0, 1, 1, []", b", 0, 2, 2, []"))
    metrics, artifacts, files, _ = found(second)
    other_metrics, other_artifacts, other_files, _ = found(new_run())

    assert b", 0, 1, 1, []" in state
    assert not set(metrics.values()) & set(other_metrics.values())
    assert artifacts != other_artifacts
    assert files != other_files


def test_seed_and_settings_make_the_digits():
    results = [found(new_run())[0], found(new_run(seed=1))[0], found(new_run(weighting="max_w"))[0]]

    assert len({result["search_val_error"] for result in results}) == 3


@pytest.mark.parametrize(
    ("space", "kind"), [("darts_ssc", "cells"), ("multichannel", "path"), (*["nas_bench_201"] * 2,)]
)
def test_a_search_finds_what_its_children_can_build_and_nothing_else(space, kind):
    _, artifacts, _, epochs = found(new_run(space=space))

    assert artifacts["genotype"]["kind"] == kind
    assert read_architecture(artifacts["genotype"])
    assert ("genotype_top_down" in artifacts) == (kind == "path")
    assert [epoch["epoch"] for epoch in epochs] == [1, 2]
    assert set(CATALOG["search"].curves) <= set(epochs[0])


def test_a_training_finds_the_genotype_that_it_was_given():
    genotype = found(new_run())[1]["genotype"]
    cells = {name: value for name, value in genotype.items() if name != "operations"}
    training = TWINS["train"].config_class()(genotype=cells, dataset="cifar10-mini", epochs=1, warmup_epochs=0)
    metrics, artifacts, _, _ = found(TWINS["train"].run(training, seed=0, threads=1, gpus=0))

    assert artifacts["genotype"] == cells
    assert set(metrics) > {"test_error", "params"}


def test_a_state_that_is_none_is_refused():
    with pytest.raises(DamagedFile):
        new_run().load(b"{")
