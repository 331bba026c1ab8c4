"""Which rows of a cell are one draw: by what they say that they took from parents, or else by all that is in them."""

import pytest
from drive import planned
from fakes import CHAIN

from orchestrator.tables.doubles import doubles_of
from trainables.trial import TrialRow

LINK = {"parent": 0, "key": "genotype"}


def row_of(trial, taken, found, **changes):
    """Return the row of a trial that took such digests from its parents, - for none, and what it found there."""
    told = dict(zip(trial.parents, taken, strict=True))
    values = {"metrics": {"error": 5.0}, "parents": {each: {"genotype": it} for each, it in told.items() if it != "-"}}
    config = {**trial.spec.config, "link": found}
    return TrialRow(
        trial_id=trial.trial_id, spec=trial.spec, state="done", artifacts={}, **{**values, "config": config, **changes}
    )


def pair(*parents, link=LINK, **config):
    return [planned(0, each, link=link, **config) for each in parents]


ONE, OTHER = ("a" * 12,), ("b" * 12,)
WITHIN = {"parent": 0, "key": "genotype_within_9_params"}


@pytest.mark.parametrize(
    ("trials", "taken", "found", "changes", "alike"),
    [
        (pair(ONE, OTHER), "xx", "xx", {}, True),
        (pair(ONE, OTHER), "xy", "xy", {}, False),
        (pair(ONE, OTHER), "xy", "xx", {}, True),  # what a parent says of its finding besides is another
        (pair(ONE, OTHER), "--", "xx", {}, True),
        (pair(ONE, OTHER), "--", "xy", {}, False),
        (pair(ONE, OTHER, link=WITHIN), "xx", "xx", {}, True),
        (pair(ONE, OTHER, link=WITHIN), "xx", "xy", {}, False),
        (pair((*ONE, *OTHER), (*OTHER, *ONE)), ("xy", "yx"), "xy", {}, False),
        (pair(ONE, OTHER), "xx", "xx", {"metrics": {"error": 6.0}}, False),
    ],
)
def test_two_that_worked_are_one_draw_where_they_are_alike_and_found_the_same(trials, taken, found, changes, alike):
    first = row_of(trials[0], taken[0], found[0])
    second = row_of(trials[1], taken[1], found[1], **changes)

    found_ones = doubles_of({trials[0].stage: CHAIN}, trials, [first, second])

    assert found_ones == ({second.trial_id: first.trial_id} if alike else {})


def test_of_three_the_first_counts_whoever_worked():
    trials = [*pair(ONE, OTHER), planned(0, ("c" * 12,), link=LINK)]
    rows = [row_of(trials[0], "x", "x"), row_of(trials[1], "y", "x")]
    rows.append(row_of(trials[2], "x", "x", provenance={"adopted_from": trials[1].trial_id}))

    assert doubles_of({trials[0].stage: CHAIN}, trials, rows) == dict.fromkeys(
        (trials[1].trial_id, trials[2].trial_id), trials[0].trial_id
    )
    assert doubles_of({trials[0].stage: CHAIN}, trials, rows[1:]) == {trials[2].trial_id: trials[1].trial_id}
