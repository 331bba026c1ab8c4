"""What an entry of the catalog says of a kind of trial, and what it means to leave it out."""

import pytest
from fakes import CHAIN, ChainConfig
from torch_free import TORCH_FREE

from trainables.catalog import CATALOG
from trainables.trainable import Context, Trainable, load

ASKED_WHILE_PLANNING = ("config", "check", "unread", "cost", "planned", "computed", "leaves", "transfer", "absent")


@pytest.mark.parametrize("entry", CATALOG.values(), ids=list(CATALOG))
def test_all_code_that_an_entry_names_is_there_and_what_planning_asks_is_free_of_torch(entry):
    paths = [path for name in ASKED_WHILE_PLANNING if (path := getattr(entry, name))]

    assert all(callable(load(path)) for path in [entry.start, entry.lacking, *paths])
    assert {path.partition(":")[0] for path in paths} <= set(TORCH_FREE)


def test_every_kind_says_what_its_trials_are_called_in_a_sentence():
    assert {name: entry.noun for name, entry in CATALOG.items()} == {
        "search": "search",
        "train": "training",
        "diagnose": "diagnosis",
    }


@pytest.mark.parametrize(("settings", "cost"), [({"epochs": 7, "steps": 2}, 7.0), ({"steps": 2}, 1.0)])
def test_a_kind_that_does_not_say_what_it_costs_costs_its_epochs_or_one(settings, cost):
    assert CHAIN.expected_cost(settings) == cost


def test_a_kind_that_says_nothing_refuses_nothing_and_leaves_nothing():
    settings = {"dataset": "cifar10", "learning_rate": 0.1}

    assert CHAIN.problems(ChainConfig(), Context()) == []
    assert CHAIN.planned_curve("learning_rate", settings) is None
    assert CHAIN.left_to(CHAIN, settings) == {}
    assert CHAIN.may_differ("dataset", "imagenet") is False
    assert CHAIN.why_absent("genotype", settings) is None
    assert CHAIN.why_not_here(settings, 1) == ""


def test_a_child_takes_over_what_it_inherits_of_what_its_parent_has_or_leaves():
    child = Trainable(name="c", version=1, config="", start="", metrics=(), inherits=("dataset", "operations", "x"))
    settings = {"dataset": "cifar10-mini", "space": "darts", "p": 2}

    assert CATALOG["search"].left_to(child, settings) == {"dataset": "cifar10-mini", "operations": "original"}
    assert CATALOG["search"].left_to(CHAIN, settings) == {}
