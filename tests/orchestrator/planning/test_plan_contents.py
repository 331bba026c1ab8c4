"""Names that stand for contents: genotypes, files and datasets are planned as what they hold."""

import json

import pytest
from plans import mistakes, plan, stage

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.grids.resolvers import Content
from orchestrator.planning.plan import expand
from trainables.architecture.published import PUBLISHED
from trainables.trainable import Trainable


def test_a_genotype_is_its_cells_whatever_it_is_called(tmp_path):
    cells = PUBLISHED["DARTS_V2"].to_json()
    (tmp_path / "mine.json").write_text(json.dumps(cells))
    printed = "Genotype({normal}, {normal_concat}, {reduce}, {reduce_concat})\n"
    (tmp_path / "search.log").write_text(
        f"epoch 1\n{printed.format_map(cells)}epoch 2\n{printed.format_map(PUBLISHED['DARTS_V1'].to_json())}"
    )
    (tmp_path / "genotypes.py").write_text(f"A = {printed}B = {printed.format_map(cells)}")
    inline = json.dumps(cells)
    source = {"source": tmp_path / "e.yaml"}
    ids = {
        plan(stage(f"    config: {{genotype: {name}}}", "train"), **source).trials[0].trial_id
        for name in ("DARTS_V2", "DARTS", "mine.json", "./mine.json", inline, "search.log:1", "genotypes.py:B")
    }

    assert len(ids) == 1


def test_what_is_wrong_with_a_genotype_in_a_log_is_said_with_both_files(tmp_path):
    (tmp_path / "search.log").write_text("\ngenotype = Genotype(normal=[('conv', 0)])\n")

    with pytest.raises(SpecError) as caught:
        plan(stage("    grid: {genotype: [DARTS, search.log]}", "train"), source=tmp_path / "e.yaml")

    assert str(caught.value) == (
        f"experiment.yaml:5: stages.s.grid.genotype[1]: read 'search.log'; {tmp_path}/search.log:2: a genotype needs "
        "the key 'normal_concat'"
    )


def test_names_of_one_genotype_are_one_point():
    found = mistakes(stage("    grid: {genotype: [DARTS_V2, DARTS_V1, DARTS]}", "train"))

    assert found == ["the same point stands at position 0 already"]


def test_a_genotypes_file_says_how_its_operations_are_built(tmp_path):
    cells = {"kind": "cells", "operations": "original", **PUBLISHED["DARTS_V2"].to_json()}
    (tmp_path / "found.json").write_text(json.dumps(cells))
    text = stage("    config: {genotype: found.json}", "train")
    made = plan(text, source=tmp_path / "e.yaml")

    assert made.value(made.trials[0], "operations") == "original"
    assert "kind" not in made.trials[0].spec.config["genotype"]
    with pytest.raises(SpecError, match="conflicts with 'original', which its genotype has"):
        plan(text.replace("found.json", "found.json, operations: ssc"), source=tmp_path / "e.yaml")


def test_a_name_is_replaced_by_its_content_and_shown_as_written():
    chains = {"chain": Trainable(name="chain", version=1, config="fakes:ChainConfig", start="", metrics=())}
    resolvers = {"link": lambda written, *, base: Content(value="content" if written in ("a", "b") else written)}
    text = stage("    config: {link: %s}", "chain")
    made = [expand(parse_experiment(text % name), chains, resolvers=resolvers) for name in ("a", "b", "content", "c")]
    first, second, third, fourth = (one.trials[0].trial_id for one in made)

    assert first == second == third != fourth
    assert made[0].value(made[0].trials[0], "link") == "a"


def test_a_dataset_that_is_not_here_is_a_mistake_of_the_plan():
    (found,) = mistakes(stage(f"    config: {{dataset: 'sha256:{'0' * 64}'}}"))

    assert "is not on this machine" in found


CHAIN = """\
experiment: e
stages:
  search:
    trainable: search
    config: {{dataset: cifar10-mini}}
    grid: {{seed: [0]}}
  train:
    trainable: train
    needs: search
    config: {{genotype: "${{search.genotype}}", dataset: {dataset}}}
    grid: {{seed: [0]}}
"""


def test_what_was_found_on_one_dataset_is_trained_on_another_only_if_that_is_kept_as_files():
    """Nothing is searched on files, so there the difference is meant; elsewhere it may be a slip."""
    search, train = plan(CHAIN.format(dataset="cifar10-jpeg, network: imagenet")).trials

    assert (search.values["search"]["dataset"], train.values["train"]["dataset"]) == ("cifar10-mini", "cifar10-jpeg")
    (found,) = mistakes(CHAIN.format(dataset="cifar10"))
    assert found.startswith("conflicts with 'cifar10-mini', which its parent in stage 'search' has; leave it out")
