"""Mistakes of meaning: found at plan time, all at once, each with its place, what was read and what is allowed."""

import json

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG

BASE = """\
experiment: small
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini, epochs: 10}
    grid:
      weighting: [scalar, max_w]
      seed: [0, 1]
  train:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}", epochs: 10}
    grid:
      schedule: [{label: one, p: 1}, {label: two, p: 2}]
      seed: [0, 1]
tables:
  - name: errors
    stage: train
    rows: [weighting, schedule]
    columns: [test_error, search.params]
"""


def mistakes(text, *, overrides=(), max_trials=1000):
    """Return what is wrong with an experiment, one line each; nothing when all is well."""
    try:
        expand(parse_experiment(text, file="e.yaml", overrides=overrides), CATALOG, max_trials=max_trials)
    except SpecError as error:
        return [str(problem) for problem in error.problems]
    return []


def after(old, new):
    assert old in BASE
    return mistakes(BASE.replace(old, new, 1))


def test_the_example_has_no_mistake():
    assert mistakes(BASE) == []


DATASET = "dataset: cifar10-mini"
GENOTYPE = "${search.genotype}"
CELLS = "{normal: [[sepconv, 0], [skip_connect, 1]], normal_concat: [2], reduce: [], reduce_concat: []}"
RESTARTS = "warm_restarts: [{epochs: 1, learning_rat: 1}]"
BATCH = "epochs: 10, train_images: 20, batch_size: 9"
NEEDS = "needs: search"
BEST = "needs: {{stage: search, over: {}, best: {}}}"
AXIS = "weighting: [scalar, max_w]"
SCHEDULE = "schedule: [{label: one, p: 1}, {label: two, p: 2}]"
SAME_LABELS = "schedule: [{label: x, p: 1}, {label: x, p: 2}]"
SAME_POINTS = "schedule: [{label: x, p: 1}, {label: y, p: 1.0}]"
TRAIN_SEEDS = "      seed: [0, 1]\ntables"
TABLES = "tables"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        # names that do not exist
        ("trainable: search", "trainable: serach", "4: stages.search.trainable: read 'serach'; unknown trainable"),
        (DATASET, "dataset: cifar-10", "5: stages.search.config.dataset: read 'cifar-10'; unknown dataset"),
        (DATASET, "dataset: ./none", "5: stages.search.config.dataset: read './none'; dataset './none' is neither"),
        (
            DATASET,
            "epoch: 10",
            "5: stages.search.config.epoch: read 10; unknown setting 'epoch'; did you mean 'epochs'?",
        ),
        (DATASET, "space: darst", "5: stages.search.config.space: read 'darst'; unknown space 'darst'; did you mean"),
        (AXIS, "weighting: [maxw]", "7: stages.search.grid.weighting[0]: read 'maxw'; unknown weighting 'maxw'; did"),
        (AXIS, "weightin: [scalar]", "7: stages.search.grid.weightin: read ['scalar']; unknown setting 'weightin'"),
        (GENOTYPE, "DARTS_V3", "12: stages.train.config.genotype: read 'DARTS_V3'; unknown genotype 'DARTS_V3'; did"),
        (f'"{GENOTYPE}"', CELLS, "12: stages.train.config.genotype: read {normal: [['sepconv', 0]"),
        # wrong types and ranges
        (DATASET, "layers: '10'", "5: stages.search.config.layers: read '10'; must be a whole number"),
        (DATASET, "layers: 2", "5: stages.search.config.layers: read 2; must be at least 3"),
        (DATASET, "layers: 3.5", "5: stages.search.config.layers: read 3.5; must be a whole number"),
        (DATASET, "momentum: true", "5: stages.search.config.momentum: read true; must be a number, not true or false"),
        (DATASET, "momentum: 1", "5: stages.search.config.momentum: read 1; must be less than 1"),
        (DATASET, "p: .nan", "5: stages.search.config.p: read nan; must be a finite number"),
        (DATASET, "p: 0.5", "5: stages.search.config.p: read 0.5; must be at least 1"),
        (DATASET, "p: null", "5: stages.search.config.p: read null; must be a number"),
        (DATASET, "order: 3", "5: stages.search.config.order: read 3; must be 1"),
        (DATASET, "dataset: 3", "5: stages.search.config.dataset: read 3; must be text"),
        (DATASET, "warm_restarts: 3", "5: stages.search.config.warm_restarts: read 3; must be a list"),
        (DATASET, RESTARTS, "5: stages.search.config.warm_restarts[0].learning_rat: read 1; unknown key 'learning_rat"),
        ("seed: [0, 1]", "seed: [0, -1]", "8: stages.search.grid.seed[1]: read -1; must be at least 0"),
        ("seed: [0, 1]", "seed: [0, x]", "8: stages.search.grid.seed[1]: read 'x'; must be a whole number"),
        (f'genotype: "{GENOTYPE}", ', "", "9: stages.train: read {"),
        (GENOTYPE + '"', GENOTYPE + '", auxiliary: 1', "12: stages.train.config.auxiliary: read 1; must be true or"),
        # values that do not fit together
        ("epochs: 10", "epochs: 5", "5: stages.search.config.epochs: read 5; warmup_epochs must be less than"),
        ("epochs: 10", "epochs: 10, train_images: 310", "5: stages.search.config.train_images: read 310; 310 takes 31"),
        ("epochs: 10", BATCH, "5: stages.search.config.batch_size: read 9; batches of 9 leave one single image"),
        # needs
        (
            NEEDS,
            "needs: serach",
            "11: stages.train.needs: read 'serach'; unknown stage 'serach'; did you mean 'search'?",
        ),
        (NEEDS, "needs: train", "11: stages.train.needs: read 'train'; the stages need each other in a circle"),
        (
            NEEDS,
            "needs: {stage: search, over: seed}",
            "11: stages.train.needs: read {stage: 'search', over: 'seed'}; 'over'",
        ),
        (NEEDS, BEST.format("seed", "val_error"), "11: stages.train.needs.best: read 'val_error'; unknown metric of"),
        (NEEDS, BEST.format("p", "search_val_error"), "11: stages.train.needs.over: read 'p'; unknown axis of stage"),
        (
            NEEDS,
            BEST.format("sed", "search_val_error"),
            "11: stages.train.needs.over: read 'sed'; unknown key 'sed'; did",
        ),
        # references
        (GENOTYPE, "${search.genotpye}", "12: stages.train.config.genotype: read '${search.genotpye}'; unknown result"),
        (GENOTYPE, "${serach.genotype}", "12: stages.train.config.genotype: read '${serach.genotype}'; unknown stage"),
        (GENOTYPE, "x${search.genotype}", "12: stages.train.config.genotype: read 'x${search.genotype}'; a reference"),
        (GENOTYPE, "${search}", "12: stages.train.config.genotype: read '${search}'; a reference must be the whole"),
        (
            TRAIN_SEEDS,
            '      seed: ["${search.params}"]\ntables',
            "15: stages.train.grid.seed[0]: read '${search.params}'",
        ),
        # axes
        (AXIS, "weighting: []", "7: stages.search.grid.weighting: read []; the axis is empty"),
        (AXIS, "weighting: scalar", "7: stages.search.grid.weighting: read 'scalar'; an axis must be a list"),
        (AXIS, f"{AXIS}\n      epochs: [10]", "8: stages.search.grid.epochs[0]: read 10; epochs is given twice: here"),
        (SCHEDULE, f"{SCHEDULE}\n      p: [3]", "15: stages.train.grid.p[0]: read 3; p is given twice: here, and by"),
        (
            AXIS,
            f"{AXIS}\n      p: [1, 1.0]",
            "8: stages.search.grid.p[1]: read 1.0; the same point stands at position 0",
        ),
        (
            SCHEDULE,
            f"{SCHEDULE}\n      a/b: [{{layers: 4}}]",
            "15: stages.train.grid.a/b: read [{layers: 4}]; the name",
        ),
        (SCHEDULE, "schedule: [{p: 1}, 2]", "14: stages.train.grid.schedule[1]: read 2; all choices of the axis"),
        (SCHEDULE, "schedule: [{label: x}]", "14: stages.train.grid.schedule[0]: read {label: 'x'}; a choice must set"),
        (SCHEDULE, "schedule: [{label: 3, p: 1}]", "14: stages.train.grid.schedule[0].label: read 3; a label must be"),
        (
            SCHEDULE,
            SAME_LABELS,
            "14: stages.train.grid.schedule[1]: read {label: 'x', p: 2}; the label 'x' stands twice",
        ),
        (SCHEDULE, SAME_POINTS, "14: stages.train.grid.schedule[1]: read {label: 'y', p: 1.0}; the same point stands"),
        # exclude and include
        (TABLES, "    exclude: [3]\ntables", "16: stages.train.exclude[0]: read 3; must be a mapping"),
        (
            TABLES,
            "    exclude: [{colour: 3}]\ntables",
            "16: stages.train.exclude[0].colour: read 3; unknown key 'colour'",
        ),
        (TABLES, "    exclude: [{p: x}]\ntables", "16: stages.train.exclude[0].p: read 'x'; must be a number"),
        (TABLES, "    exclude: [{p: 3}]\ntables", "16: stages.train.exclude[0].p: read 3; matches nothing: p of stage"),
        (
            TABLES,
            "    exclude: [{schedule: three}]\ntables",
            "16: stages.train.exclude[0].schedule: read 'three'; unknown",
        ),
        (
            TABLES,
            "    exclude: [{schedule: one, p: 2}]\ntables",
            "16: stages.train.exclude[0]: read {schedule: 'one', p:",
        ),
        (
            TABLES,
            "    exclude: [{dataset: cifar10}]\ntables",
            "16: stages.train.exclude[0]: read {dataset: 'cifar10'};",
        ),
        (TABLES, "    exclude: [{p: 1}, {p: 2}]\ntables", "16: stages.train.exclude: read [{p: 1}, {p: 2}]; leaves no"),
        (
            TABLES,
            "    include: [{seed: 3}]\ntables",
            "16: stages.train.include[0]: read {seed: 3}; must be a whole point",
        ),
        (
            TABLES,
            "    include: [{schedule: one, seed: 1}]\ntables",
            "16: stages.train.include[0]: read {schedule: 'one',",
        ),
        (
            TABLES,
            "    include: [{schedule: one, p: 3, seed: 1}]\ntables",
            "16: stages.train.include[0].p: read 3; p is",
        ),
        # what a child takes over
        (
            GENOTYPE + '"',
            GENOTYPE + '", dataset: cifar10',
            "12: stages.train.config.dataset: read 'cifar10'; conflicts",
        ),
        (
            GENOTYPE + '"',
            GENOTYPE + '", operations: original',
            "12: stages.train.config.operations: read 'original'; con",
        ),
        # tables
        (
            "stage: train",
            "stage: trian",
            "18: tables[0].stage: read 'trian'; unknown stage 'trian'; did you mean 'train'?",
        ),
        (
            "rows: [weigh",
            "rows: [wiegh",
            "19: tables[0].rows[0]: read 'wieghting'; unknown key 'wieghting'; did you mean",
        ),
        (
            "[test_error,",
            "[tset_error,",
            "20: tables[0].columns[0]: read 'tset_error'; unknown column 'tset_error'; did",
        ),
        ("search.params", "search.genotype", "20: tables[0].columns[1]: read 'search.genotype'; unknown column"),
        ("search.params]", "test_error]", "20: tables[0].columns[1]: read 'test_error'; stands twice"),
        ("[test_error, search.params]", "[p]", "20: tables[0].columns: read ['p']; none of them is a metric"),
        ("rows: [weighting, schedule]", "rows: [weighting]", "17: tables[0]: read {"),
        ("rows: [weighting, schedule]", "filter: {weighting: scalar}", "17: tables[0]: read {"),
        ("rows:", "filter: {weighting: maxw}\n    rows:", "19: tables[0].filter.weighting: read 'maxw'; unknown"),
        ("rows:", "filter: {p: 7}\n    rows:", "19: tables[0].filter: read {p: 7}; matches no trial of the plan"),
        ("rows:", "filter: {p: []}\n    rows:", "19: tables[0].filter.p: read []; must not be empty"),
        (
            "rows:",
            "paper: tabel4\n    rows:",
            "19: tables[0].paper: read 'tabel4'; unknown published table 'tabel4'; did",
        ),
        ("rows:", "baseline: {p: 1}\n    rows:", "19: tables[0].baseline.p: read 1; must be one of the rows' keys"),
        ("rows:", "baseline: {schedule: three}\n    rows:", "19: tables[0].baseline.schedule: read 'three'; unknown"),
    ],
)
def test_a_mistake_is_reported_with_its_place_what_was_read_and_what_is_allowed(old, new, problem):
    found = after(old, new)

    assert any(line.startswith(f"e.yaml:{problem}") for line in found), "\n".join(found)
    assert len({line.split(": ")[1] for line in found}) <= 2, "\n".join(found)


def test_an_open_axis_is_named_with_its_values_and_the_ways_out():
    (line,) = after("rows: [weighting, schedule]", "rows: [weighting]")

    assert line.endswith(
        "a cell would mix schedule = 'one', 'two'; put schedule into rows, columns or pool, or fix it by filter"
    )


def test_all_mistakes_of_a_document_are_told_at_once_in_its_order():
    text = """\
experiment: ../evil
stages:
  search:
    trainable: search
    config: {dataset: cifar11, epochs: -1, epoch: 3, momentum: true}
    grid:
      weighting: [scalar, maxw, scalar]
      seed: []
      seed: [1]
    exclude: [{p: 5}]
    resources: {gpus: 17}
    frobnicate: 1
  train:
    trainable: train
    needs: serach
    config: {genotype: DARTS_V3}
  other:
    trainable: train
    needs: search
    config: {genotype: "${search.genotpye}"}
  a: {trainable: search, needs: b}
  b: {trainable: search, needs: a}
  ../c: {trainable: search}
tables:
  - {name: t, stage: search, rows: [wieghting], columns: [search_val_eror]}
"""
    found = mistakes(text)
    places = [line.split(": ")[0] + " " + line.split(": ")[1] for line in found]

    assert places == [
        "e.yaml:1 experiment",
        "e.yaml:5 stages.search.config.dataset",
        "e.yaml:5 stages.search.config.epochs",
        "e.yaml:5 stages.search.config.epoch",
        "e.yaml:5 stages.search.config.momentum",
        "e.yaml:7 stages.search.grid.weighting[1]",
        "e.yaml:7 stages.search.grid.weighting[2]",
        "e.yaml:8 stages.search.grid.seed",
        "e.yaml:9 stages.search.grid.seed",
        "e.yaml:10 stages.search.exclude[0].p",
        "e.yaml:11 stages.search.resources.gpus",
        "e.yaml:12 stages.search.frobnicate",
        "e.yaml:15 stages.train.needs",
        "e.yaml:16 stages.train.config.genotype",
        "e.yaml:20 stages.other.config.genotype",
        "e.yaml:21 stages.a.needs",
        "e.yaml:23 stages.../c",
        "e.yaml:25 tables[0].rows[0]",
        "e.yaml:25 tables[0].columns[0]",
    ]


def test_one_mistake_does_not_bring_others_in_its_wake():
    """A stage that cannot be read leaves references, excludes and tables that rest on it unjudged."""
    broken = BASE.replace("trainable: search", "trainable: nothing", 1)

    assert len(mistakes(broken)) == 1


def test_an_override_that_is_wrong_is_named_instead_of_a_line():
    (line,) = mistakes(BASE, overrides=["stages.search.config.epochs=x"])

    assert line == (
        "--set stages.search.config.epochs=x: stages.search.config.epochs: read 'x'; must be a whole number"
    )


def test_a_large_grid_asks_for_max_trials():
    (line,) = mistakes(BASE, max_trials=19)

    assert "this makes 20 trials, more than 19; --max-trials 20 allows them if meant" in line
    assert mistakes(BASE, max_trials=20) == []


def test_a_grid_far_too_large_is_refused_without_being_written_down():
    seeds = ", ".join(map(str, range(2000)))
    axes = "\n      ".join(f"{name}: [{seeds}]" for name in ("arch_weight_decay", "cutout"))
    (line,) = mistakes(BASE.replace(AXIS, AXIS + "\n      " + axes))

    assert "this makes 16000000 trials" in line


def test_a_cross_field_mistake_points_at_the_axis_value_that_causes_it():
    found = after(AXIS, "warmup_epochs: [0, 12]")

    assert [line.split("; ")[0] for line in found if "warmup" in line] == [
        "e.yaml:7: stages.search.grid.warmup_epochs[1]: read 12"
    ]


STRANGE = [None, True, 1e400, "", "${search.genotype}", "train", [], {"a": 1}, [None], ".."]


SMALL = (
    BASE.replace("seed: [0, 1]", "seed: [0]")
    .replace(AXIS, "weighting: [max_w]")
    .replace(SCHEDULE, "schedule: [{label: one, p: 1}]")
)
"""The example with one value on each axis: every kind of place, once."""


def places(value, path=()):
    """Yield the path of every value in a document."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_no_value_at_any_place_makes_planning_crash(strange, tmp_path):
    document = parse_experiment(SMALL).document
    refused = 0
    for path in places(document.value):
        text = json.dumps(document.replaced(path, strange, "here").value) if path else json.dumps(strange)
        try:
            expand(parse_experiment(text, source=tmp_path / "e.yaml"), CATALOG)
        except SpecError:
            refused += 1

    assert refused > 20
