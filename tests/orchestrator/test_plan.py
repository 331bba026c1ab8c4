"""Plans: which trials a grid makes, what they are called, and what they take from each other."""

import json
from pathlib import Path

import pytest

from orchestrator.contents import Content
from orchestrator.errors import SpecError
from orchestrator.plan import Plan, expand
from orchestrator.spec import load_experiment, parse_experiment
from trainables.architecture.published import PUBLISHED
from trainables.catalog import CATALOG, Trainable
from trainables.errors import UnknownName
from trainables.trial import canonical_json

GOLDEN = json.loads((Path(__file__).parent / "plan_golden.json").read_text())


def plan(text: str, **options) -> Plan:
    return expand(parse_experiment(text, **options), CATALOG)


def mistakes(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan(text)
    return [problem.message for problem in caught.value.problems]


def stage(body: str, trainable: str = "search") -> str:
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
    return CHAIN.format(needs=needs, space=space)


def test_canonical_json_ids_and_defaults_are_those_pinned():
    """A change here renames trials: raise the trainable's version, and say why."""
    trials = {
        f"{trial.stage} {trial.label}": {"id": trial.trial_id, "canonical": canonical_json(trial.spec.to_json())}
        for trial in plan(GOLDEN["experiment"]).trials
    }

    assert trials == GOLDEN["trials"]


@pytest.mark.parametrize("name", ["search", "train"])
def test_defaults_are_those_pinned(name):
    fields = CATALOG[name].config_class().model_fields
    defaults = {key: info.get_default() for key, info in fields.items() if not info.is_required()}

    assert json.loads(json.dumps(defaults)) == GOLDEN["defaults"][name]


def test_the_product_of_the_axes_comes_in_the_files_order():
    labels = [trial.label for trial in plan(stage("    grid: {p: [2, 1], seed: [1, 0]}")).trials]

    assert labels == ["p=2 seed=1", "p=2 seed=0", "p=1 seed=1", "p=1 seed=0"]


def test_a_stage_without_a_grid_is_one_trial_with_seed_zero():
    (trial,) = plan(stage("")).trials

    assert (trial.label, trial.spec.seed, trial.spec.config, trial.coordinates) == ("s", 0, {}, {})


def test_a_value_equal_to_the_default_leaves_no_trace():
    plain, written = plan(stage("")), plan(stage("    config: {p: 2, weighting: scalar, dataset: cifar10, seed: 0}"))

    assert [trial.trial_id for trial in plain.trials] == [trial.trial_id for trial in written.trials]


def test_the_seed_stands_once_and_apart_from_the_config():
    (trial,) = plan(stage("    config: {seed: 7}")).trials

    assert trial.spec.seed == 7
    assert "seed" not in trial.spec.config


def test_stages_in_any_order_are_planned_after_what_they_need():
    text = """\
experiment: x
stages:
  late: {trainable: train, needs: early, config: {genotype: "${early.genotype}"}}
  early: {trainable: search}
"""
    made = plan(text)

    assert made.stages == ("early", "late")
    assert made.trials[1].parents == (made.trials[0].trial_id,)


def test_each_parent_has_its_own_grid_of_children():
    made = plan(chain())
    children = [trial for trial in made.trials if trial.stage == "train"]

    assert len(children) == 6 * 4
    assert {trial.parents for trial in children} == {(trial.trial_id,) for trial in made.of_stage("search")}
    assert all(trial.spec.config["genotype"] == {"parent": 0, "key": "genotype"} for trial in children)


def test_a_childs_label_and_coordinates_tell_its_ancestors_apart():
    trial = next(plan(chain()).of_stage("train"))

    assert trial.label == "weighting=scalar search.seed=0 p=1 seed=0"
    assert trial.coordinates == {"train.p": 1, "train.seed": 0, "search.weighting": "scalar", "search.seed": 0}
    assert trial.ancestors == {"search": trial.parents}


@pytest.mark.parametrize(("space", "operations"), [("darts", "original"), ("darts_ssc", "ssc")])
def test_operations_and_dataset_of_a_child_are_its_parents(space, operations):
    made = plan(chain(space=space))
    child = next(made.of_stage("train"))

    assert made.value(child, "operations") == operations
    assert made.value(child, "dataset") == "cifar10-mini"
    assert child.spec.config.get("operations", "ssc") == operations
    assert child.spec.config["dataset"] == "cifar10-mini"


def test_saying_what_the_parent_says_changes_nothing():
    said = chain().replace("channels: 8", "channels: 8, operations: ssc, dataset: cifar10-mini")

    assert [trial.trial_id for trial in plan(said).trials] == [trial.trial_id for trial in plan(chain()).trials]


def test_the_best_of_several_has_all_candidates_as_parents_and_its_criterion_in_the_config():
    made = plan(chain("{stage: search, over: seed, best: search_val_error_best}"))
    scalar = sorted(t.trial_id for t in made.of_stage("search") if t.coordinates["search.weighting"] == "scalar")
    children = [trial for trial in made.of_stage("train") if made.value(trial, "weighting") == "scalar"]

    assert len(children) == 4
    assert all(list(trial.parents) == scalar for trial in children)
    assert children[0].spec.config["genotype"] == {"parent": {"best": "search_val_error_best"}, "key": "genotype"}
    assert children[0].ancestors == {"search": tuple(scalar)}
    assert children[0].coordinates == {"train.p": 1, "train.seed": 0, "search.weighting": "scalar"}
    assert made.value(children[0], "search.seed") is None
    with pytest.raises(UnknownName):
        made.value(children[0], "search.sed")


def test_a_further_candidate_makes_new_children_of_the_best():
    needs = "{stage: search, over: seed, best: search_val_error_best}"
    before, after = plan(chain(needs)), plan(chain(needs).replace("seed: [0, 1, 2]", "seed: [0, 1, 2, 3]"))

    assert {t.trial_id for t in before.of_stage("search")} < {t.trial_id for t in after.of_stage("search")}
    assert {t.trial_id for t in before.of_stage("train")}.isdisjoint(t.trial_id for t in after.of_stage("train"))


def test_another_criterion_makes_other_children():
    one, other = (
        plan(chain(f"{{stage: search, over: seed, best: {metric}}}"))
        for metric in ("search_val_error", "search_val_error_best")
    )

    assert {t.trial_id for t in one.of_stage("train")}.isdisjoint(t.trial_id for t in other.of_stage("train"))


def test_candidates_that_differ_in_what_is_taken_over_are_refused():
    text = chain("{stage: search, over: space, best: search_val_error}").replace("space: darts_ssc", "p: 1")

    found = mistakes(text.replace("weighting: [scalar, max_w]", "space: [darts, darts_ssc]"))
    assert found == ["the candidates differ in operations, so it cannot be taken over from them"]


def test_taking_the_best_for_nothing_is_refused():
    text = chain("{stage: search, over: seed, best: search_val_error}").replace('"${search.genotype}"', "DARTS_V2")

    assert mistakes(text) == ["the best is taken, but nothing of it is used: no setting refers to it"]


THREE = """\
experiment: x
stages:
  search: {trainable: search, grid: {seed: [0, 1]}}
  first: {trainable: train, needs: search, config: {genotype: "${search.genotype}"}, grid: {seed: [0, 1]}}
  second: {trainable: train, needs: %s, config: {genotype: "${search.genotype}", epochs: 7}}
"""


def test_a_reference_reaches_over_a_stage_to_an_ancestor():
    made = plan(THREE % "first")
    trial = next(made.of_stage("second"))

    assert trial.parents == (*trial.ancestors["first"], *trial.ancestors["search"])
    assert trial.spec.config["genotype"] == {"parent": 1, "key": "genotype"}
    assert len(list(made.of_stage("second"))) == 4


def test_a_reference_beyond_a_choice_of_the_best_is_refused():
    found = mistakes(THREE % "{stage: first, over: seed, best: test_error}")

    assert found == ["which trial of 'search' is meant is not known, as 'second' takes the best of several"]


def test_a_reference_beyond_a_parent_that_took_the_best_is_refused():
    text = chain("{stage: search, over: seed, best: search_val_error}")
    last = 'third: {trainable: train, needs: train, config: {genotype: "${search.genotype}"}}'
    found = mistakes(f"{text}  {last}\n")

    assert found == ["which trial of 'search' is meant is not known, as 'train' takes the best of several"]


def test_a_metric_of_the_parent_can_be_a_setting():
    text = chain().replace("channels: 8", 'channels: "${search.best_epoch}"')
    trial = next(plan(text).of_stage("train"))

    assert trial.spec.config["channels"] == {"parent": 0, "key": "best_epoch"}
    assert plan(text).value(trial, "channels") == "${search.best_epoch}"


def test_a_genotype_is_its_cells_whatever_it_is_called(tmp_path):
    cells = PUBLISHED["DARTS_V2"].to_json()
    (tmp_path / "mine.json").write_text(json.dumps(cells))
    inline = json.dumps(cells)
    source = {"source": tmp_path / "e.yaml"}
    ids = {
        plan(stage(f"    config: {{genotype: {name}}}", "train"), **source).trials[0].trial_id
        for name in ("DARTS_V2", "DARTS", "mine.json", "./mine.json", inline)
    }

    assert len(ids) == 1


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


def test_labelled_axes_set_several_settings_together():
    body = "    grid:\n      size: [{label: small, channels: 4, layers: 3}, {channels: 8}]"
    small, unnamed = plan(stage(body)).trials

    assert (small.label, small.spec.config) == ("small", {"channels": 4, "layers": 3})
    assert (unnamed.label, unnamed.spec.config) == ("channels=8", {"channels": 8})
    assert small.coordinates == {"s.size": "small"}


EXCLUDED = """\
    grid: {{weighting: [scalar, max_w], p: [1, 2, 3], seed: [0, 1]}}
    exclude: [{condition}]
"""


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("{p: 1}", 8),
        ("{p: 1.0}", 8),
        ("{weighting: scalar, p: 1}", 10),
        ("{weighting: scalar, p: 1, seed: 1}", 11),
        ("{s.p: 2, batch_size: 64}", 8),  # a default counts
        ("{p: 1}, {p: 2, seed: 0}", 6),
        ("{weighting: scalar}, {p: 3}", 4),
    ],
)
def test_exclude_drops_the_points_that_match_wholly_typed_and_with_defaults(condition, left):
    assert len(plan(stage(EXCLUDED.format(condition=condition))).trials) == left


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("{weighting: scalar, p: 1}", 24 - 6),
        ("{search.seed: 0}", 24 - 8),
        ("{seed: 0}", 24 - 12),  # bare: the own stage first
        ("{dataset: cifar10-mini, p: 2}", 24 - 12),  # taken over from the parent
    ],
)
def test_exclude_reaches_ancestors_by_bare_and_by_qualified_keys(condition, left):
    made = plan(chain() + f"    exclude: [{condition}]\n")

    assert len(list(made.of_stage("train"))) == left


def test_excluded_points_need_not_fit_together():
    body = "    grid: {epochs: [3, 10], warmup_epochs: [0, 5]}\n    exclude: [{epochs: 3, warmup_epochs: 5}]"

    assert len(plan(stage(body)).trials) == 3


def test_include_adds_whole_points_also_off_the_axes():
    body = "    grid: {weighting: [scalar], seed: [0]}\n    include: [{weighting: max_w, seed: 5, p: 3}]"
    grid, added = plan(stage(body)).trials

    assert (added.spec.config, added.spec.seed) == ({"weighting": "max_w", "p": 3.0}, 5)
    assert grid.coordinates == {"s.weighting": "scalar", "s.seed": 0, "s.p": 2}


def test_include_alone_is_a_list_of_points():
    assert [trial.label for trial in plan(stage("    include: [{p: 1}, {p: 3}]")).trials] == ["p=1", "p=3"]


def test_include_can_be_meant_for_some_parents_only():
    made = plan(chain() + "    include: [{p: 3, seed: 0, weighting: max_w, search.seed: 1}]\n")
    (added,) = [trial for trial in made.of_stage("train") if made.value(trial, "p") == 3]

    assert added.coordinates["search.weighting"] == "max_w"
    assert added.coordinates["search.seed"] == 1


def test_include_names_choices_of_labelled_axes_by_label():
    body = "    grid:\n      size: [{label: a, channels: 4}, {label: b, channels: 8}]\n      p: [1]\n"
    made = plan(stage(body + "    include: [{size: b, p: 3}]"))

    assert made.trials[-1].spec.config == {"channels": 8, "p": 3.0}


def test_one_rule_for_keys():
    made = plan(chain())
    child = list(made.of_stage("train"))[-1]

    assert made.value(child, "p") == 2
    assert made.value(child, "search.p") == 2
    assert made.value(child, "weighting") == "max_w"
    assert made.value(child, "seed") == 1
    assert made.value(child, "search.seed") == 2
    assert made.value(child, "momentum") == 0.9
    with pytest.raises(UnknownName, match="did you mean 'weighting'"):
        made.value(child, "wieghting")
    with pytest.raises(UnknownName):
        made.value(child, "search.nothing")
    with pytest.raises(UnknownName, match="unknown stage 'serach'"):
        made.value(child, "serach.p")


def test_resources_and_patience_come_from_the_stage():
    trial = plan(stage("    resources: {gpus: 0.5, cpus: 4}\n    max_failures: 0")).trials[0]

    assert (trial.resources.gpus, trial.resources.cpus, trial.max_failures) == (0.5, 4, 0)


def test_resources_names_and_labels_are_no_part_of_a_trials_identity():
    one = "    grid:\n      a: [{label: x, p: 1}]\n"
    other = "    grid:\n      b: [{label: y, p: 1.0}]\n    resources: {cpus: 4}\n    max_failures: 0\n"

    assert plan(stage(one)).trials[0].trial_id == plan(stage(other)).trials[0].trial_id


def test_longer_trials_are_expected_to_cost_more():
    made = plan(stage("    grid: {epochs: [10, 20], channels: [16, 32]}"))
    cost = {trial.label: trial.expected_cost for trial in made.trials}

    assert cost["epochs=10 channels=16"] < cost["epochs=20 channels=16"] < cost["epochs=20 channels=32"]


def test_two_stages_may_share_a_trial():
    text = "experiment: x\nstages:\n  a: {trainable: search}\n  b: {trainable: search, grid: {p: [1, 2]}}\n"
    made = plan(text)

    assert len(made.trials) == 3
    assert made.trials[0].trial_id == made.trials[2].trial_id


TABLE = chain() + "tables:\n  - {name: t, stage: train, columns: [test_error, search.params], %s}\n"


@pytest.mark.parametrize(
    "rest",
    [
        "rows: [weighting, p]",
        "rows: [search.weighting], filter: {p: 1.0}",
        "rows: [weighting], filter: {p: [1]}",
        "filter: {weighting: max_w, p: 1}",
        "rows: [p], filter: {weighting: max_w}, baseline: {p: 1}, statistic: best",
    ],
)
def test_a_table_fixes_every_axis_but_seeds(rest):
    (table,) = plan(TABLE % rest).tables

    assert table.name == "t"


def test_a_key_among_the_columns_fixes_its_axis():
    (table,) = plan((TABLE % "rows: [weighting]").replace("[test_error,", "[p, test_error,")).tables

    assert table.columns == ["p", "test_error", "search.params"]


def test_a_tables_filter_and_baseline_come_as_the_plan_shows_values():
    (table,) = plan(TABLE % "rows: [p], filter: {weighting: max_w, p: [1.0, 2]}, baseline: {p: 2.0}").tables

    assert (table.filter, table.baseline) == ({"weighting": "max_w", "p": [1, 2]}, {"p": 2})
    assert [type(value) for value in table.filter["p"]] == [int, int]


def test_a_key_that_determines_an_axis_fixes_it():
    text = """\
experiment: x
stages:
  s:
    trainable: search
    grid:
      size: [{label: a, channels: 4}, {label: b, channels: 8}]
tables:
  - {name: t, stage: s, rows: [channels], columns: [params]}
"""
    assert plan(text).tables[0].rows == ["channels"]


@pytest.mark.parametrize("name", ["quickstart", "cifar10_short"])
def test_packaged_experiments_are_two_searches_and_twelve_trainings(name):
    made = expand(load_experiment(name), CATALOG)

    assert [len(list(made.of_stage(stage))) for stage in made.stages] == [2, 12]
    assert [table.rows for table in made.tables] == [["weighting", "p"]]
