"""What the headers of the packaged experiments say of their protocols is what their trials would do."""

from functools import cache

import pytest
from experiment_headers import mentions_in, mistakes_in, protocol_of

from orchestrator.document.experiment import load_experiment, packaged, parse_experiment
from orchestrator.planning.plan import Plan, expand
from trainables.catalog import CATALOG

NAMES = sorted(packaged())

TEXT = """\
# A small experiment.
#
# Protocol:
#   search (gradient): 60 epochs, no warm-up, batch 64 or 32, learning rate 0.025 to 0.001, p = 1, no Cutout,
#     no AutoAugment
#   search (random): random architectures
#   plain, train: 2,000 epochs, 5 of warm-up, batch 64, learning rate 0.025 to 1e-8, p = 2, Cutout 16, AutoAugment
#   plain, train: 1,000 epochs, 5 of warm-up, batch 64, learning rate 0.025 to 1e-8, p = 1, 2 or 10, Cutout 16,
#     no AutoAugment
#
# Networks of 36 channels and 20 cells, drop path 0.2, Cutout of 16.
#
# Published: with 50 epochs.

experiment: small
stages:
  search:
    trainable: search
    config: {epochs: 60, p: 1, warmup_epochs: 0, learning_rate_min: 0.001}
    grid: {strategy: [gradient, random], batch_size: [64, 32], seed: [0, 1]}
    exclude: [{strategy: random, batch_size: 32}]
  train:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}"}
    grid: &regimens
      regimen:
        - {label: AutoAugment, autoaugment: true}
        - {label: "1", epochs: 1000, p: 1}
        - {label: "2", epochs: 1000, p: 2}
        - {label: "10", epochs: 1000, p: 10}
      seed: [0]
  plain:
    trainable: train
    config: {genotype: SHARP_DARTS}
    grid: *regimens
"""


@cache
def text_of(name: str) -> str:
    return packaged()[name].read_text(encoding="utf-8")


@cache
def plan_of(name: str) -> Plan:
    return expand(load_experiment(name), CATALOG)


@cache
def small_plan() -> Plan:
    return expand(parse_experiment(TEXT), CATALOG)


@pytest.mark.parametrize("name", NAMES)
def test_a_header_says_of_every_stage_what_its_trials_do(name):
    assert protocol_of(text_of(name))
    assert mistakes_in(text_of(name), plan_of(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_prose_of_a_header_names_no_setting_that_no_stage_has(name):
    used: dict[str, set[object]] = {}
    for trial in plan_of(name).trials:
        for field, value in trial.effective[trial.stage].items():
            if isinstance(value, int | float):
                used.setdefault(field, set()).add(float(value))

    assert [(field, value) for field, value in mentions_in(text_of(name)) if value not in used[field]] == []


def test_a_true_protocol_is_accepted():
    assert len(protocol_of(TEXT)) == 4
    assert mistakes_in(TEXT, small_plan()) == []


@pytest.mark.parametrize(
    ("true", "false", "mistake"),
    [
        ("60 epochs", "50 epochs", "epochs is 60 and not 50"),
        ("60 epochs, no warm-up", "60 epochs, 5 of warm-up", "warmup_epochs is 0 and not 5"),
        ("batch 64 or 32", "batch 64", "batch_size is 32, 64 and not 64"),
        ("batch 64 or 32", "batch 64, 48 or 32", "batch_size is 32, 64 and not 32, 48, 64"),
        ("0.025 to 0.001", "0.05 to 0.001", "learning_rate is 0.025 and not 0.05"),
        ("0.025 to 0.001", "0.025 to 1e-4", "learning_rate_min is 0.001 and not 0.0001"),
        ("p = 1, no Cutout", "p = 2, no Cutout", "p is 1 and not 2"),
        ("no Cutout", "Cutout 16", "cutout is 0 and not 16"),
        ("Cutout,\n#     no AutoAugment", "Cutout,\n#     AutoAugment", "autoaugment is 0 and not 1"),
    ],
)
def test_a_value_that_no_trial_has_or_that_is_left_out_is_a_mistake(true, false, mistake):
    assert TEXT.count(true) == 1

    assert mistakes_in(TEXT.replace(true, false), small_plan()) == [f"search (gradient): {mistake}"]


@pytest.mark.parametrize(
    ("true", "false", "mistake"),
    [
        ("p = 1, 2 or 10", "p = 1 or 2", "p is 1, 2, 10 and not 1, 2"),
        ("p = 1, 2 or 10", "p = 1 or 10", "the values are combined otherwise"),
        ("no AutoAugment\n#\n", "AutoAugment\n#\n", "autoaugment is 0, 1 and not 1"),
        ("2,000 epochs, 5 of", "2,000 epochs, 4 or 5 of", "warmup_epochs is 5 and not 4, 5"),
    ],
)
def test_several_entries_for_the_same_trials_hold_all_of_them_together(true, false, mistake):
    assert TEXT.count(true) == 1

    assert mistakes_in(TEXT.replace(true, false), small_plan()) == [f"train: {mistake}", f"plain: {mistake}"]


def test_values_that_are_combined_otherwise_are_a_mistake():
    swapped = TEXT.replace("2,000 epochs", "N epochs").replace("1,000 epochs", "2,000 epochs")

    assert mistakes_in(swapped.replace("N epochs", "1,000 epochs"), small_plan()) == [
        "train: the values are combined otherwise",
        "plain: the values are combined otherwise",
    ]


@pytest.mark.parametrize(
    ("true", "false", "mistakes"),
    [
        ("#   search (random): random architectures\n", "", ["nothing is said of search"]),
        (
            "#   search (random): random architectures",
            "#   search (evolved): random architectures",
            ["there are no trials of search (evolved)", "nothing is said of search"],
        ),
        (
            "search (random): random",
            "search (gradient): random",
            ["search (gradient): random architectures are not there", "nothing is said of search"],
        ),
        (
            "plain, train: 2,000",
            "train: 2,000",
            ["plain: epochs is 1000, 2000 and not 1000; autoaugment is 0, 1 and not 0"],
        ),
        ("plain, train:", "train:", ["nothing is said of plain"]),
        ("plain, train: 2,000", "plain, train, trian: 2,000", ["there is no stage trian"]),
        (
            "random architectures",
            "no architectures",
            ["cannot read 'search (random): no architectures'", "nothing is said of search"],
        ),
    ],
)
def test_what_is_left_out_or_stands_under_another_name_is_a_mistake(true, false, mistakes):
    assert true in TEXT

    assert mistakes_in(TEXT.replace(true, false), small_plan()) == mistakes


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("60 epochs,", "60 epochs, second order,"),
        ("60 epochs,", "sixty epochs,"),
        ("no Cutout,", "without Cutout,"),
        ("no Cutout,", ""),
        ("p = 1, no", "p = 1 to 2, no"),
    ],
)
def test_a_word_that_is_unknown_or_missing_is_a_mistake(true, false):
    assert TEXT.count(true) == 1

    found = mistakes_in(TEXT.replace(true, false), small_plan())

    assert found[0].startswith("cannot read 'search (gradient): ")
    assert found[1:] == ["nothing is said of search"]


def test_a_file_without_a_protocol_says_nothing_of_any_stage():
    text = TEXT.replace("Protocol:", "Protocol as ever:")

    assert protocol_of(text) == []
    assert mistakes_in(text, small_plan()) == [f"nothing is said of {stage}" for stage in ("search", "train", "plain")]


def test_a_search_without_a_label_is_one_that_no_other_entry_names():
    assert mistakes_in(TEXT.replace("search (random):", "search:"), small_plan()) == []


def test_prose_is_read_outside_of_the_protocol_and_of_what_quotes_others():
    assert mentions_in(TEXT) == [("cutout", 16.0), ("drop_path", 0.2), ("channels", 36.0), ("layers", 20.0)]
    assert ("p", 10.0) in mentions_in(TEXT.replace("# Networks", "# With p = 1, 2 or 10, batch 64 and networks"))
