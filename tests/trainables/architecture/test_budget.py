"""Budgets as people write them."""

import pytest

from trainables.architecture.budget import Budget, InvalidBudget, budget_of_key, read_budget
from trainables.errors import UnknownName


@pytest.mark.parametrize(
    ("text", "size", "limit"),
    [
        ("600M-addmult", "addmult", 600_000_000),
        ("0.6B-addmult", "addmult", 600_000_000),
        ("600_macs", "macs", 600),
        ("3.5M-params", "params", 3_500_000),
        ("3500k_params", "params", 3_500_000),
        ("600.0-params", "params", 600),
    ],
)
def test_a_budget_is_a_number_and_what_it_limits(text, size, limit):
    budget = read_budget(text)
    assert budget == Budget(size=size, limit=limit)
    assert budget_of_key(f"genotype_within_{text}") == budget_of_key(budget.key) == budget


def test_a_budget_prints_in_figures():
    assert str(read_budget("3.5M-params")) == "3,500,000 params"
    assert read_budget("3.5M-params").key == "genotype_within_3500000_params"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("600", "a budget is a number, k, M or B if any, and one of addmult, macs, params, as in 600M-addmult or"),
        ("", "a budget is a number"),
        ("-5M-params", "a budget is a number"),
        ("1e6-params", "a budget is a number"),
        ("6X-params", "the unit 'X' of the budget '6X-params' is none of k (thousand), M (million), B (billion)"),
        ("0M-params", "a budget is a whole number from 1 to 1,000,000,000,000,000, which '0M-params' is not"),
        ("0.5-params", "a budget is a whole number"),
        ("9999999B-params", "a budget is a whole number"),
    ],
)
def test_a_bad_budget_is_one_sentence_that_says_what_is_allowed(text, sentence):
    with pytest.raises(InvalidBudget) as error:
        read_budget(text)
    assert str(error.value).startswith(sentence)


def test_what_cannot_be_limited_gets_the_name_that_was_meant():
    with pytest.raises(UnknownName, match="did you mean 'params'"):
        read_budget("5M-parms")
