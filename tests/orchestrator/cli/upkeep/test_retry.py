"""`sharptune retry` of some of the trials that failed: by their settings, as tables filter."""

import pytest
from command_line import CHAINS, planned
from plans import chain, plan

from orchestrator.planning.selection import select

FAILING = """\
experiment: chains
stages:
  root:
    trainable: chain
    config: {epochs: 1, steps: 1, raise_at: 1}
    grid:
      width: [1, 2, 3]
      how: [{label: slow, hold: nowhere}, {label: fast, steps: 2}]
"""


@pytest.fixture
def failed(chains, run):
    """Ids of six failed trials, by label."""
    chains.write_text(FAILING.replace("steps: 1, ", ""))
    assert run().code == 1
    return {trial.label: trial.trial_id for trial in planned(chains)}


def again(result) -> set[str]:
    return {line.split()[0] for line in result.out.splitlines() if " will run again; " in line}


@pytest.mark.parametrize(
    ("filters", "labels"),
    [
        (["width=2"], ["width=2 slow", "width=2 fast"]),
        (["width=2", "how=fast"], ["width=2 fast"]),
        (["width=[1, 3]", "root.how=slow"], ["width=1 slow", "width=3 slow"]),
        (["width=1", "width=3", "how=slow"], ["width=1 slow", "width=3 slow"]),
        (["seed=0", "steps=2"], ["width=1 fast", "width=2 fast", "width=3 fast"]),
    ],
)
def test_only_trials_with_these_settings_run_again(sharptune, failed, filters, labels):
    options = [word for text in filters for word in ("--filter", text)]
    dry = sharptune("retry", "chains.yaml", *options, "--dry-run")
    assert {line.split()[0] for line in dry.out.splitlines()} == {failed[label] for label in labels}
    assert dry.out.count("would run again: failed, ValueError: no good in epoch 1\n") == len(labels)

    assert again(sharptune("retry", "chains.yaml", *options)) == {failed[label] for label in labels}
    assert sharptune("status", "--json").json["counts"]["failed"] == len(failed) - len(labels)
    assert sharptune("retry", "chains.yaml", *options).out.startswith("chains.yaml: no trial with ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("widht=2", "--filter widht=2: unknown key 'widht'; did you mean 'width'?"),
        ("width=x", "--filter width=x: read 'x'; must be a whole number"),
        ("how=slwo", "unknown label of how: 'slwo'; did you mean 'slow'? known: fast, slow"),
        ("width=9", "none of the 6 trials of chains has width=9"),
        ("width", "--filter width: must look like weighting=max_w"),
        ("width=", "must look like"),
        ("width=[1", "must look like"),
        ("rot.width=1", "unknown stage 'rot'; did you mean 'root'?"),
        ("root.widht=1", "did you mean 'width'?"),
    ],
)
def test_a_filter_that_means_nothing_is_a_sentence(sharptune, failed, text, sentence):
    result = sharptune("retry", "chains.yaml", "--filter", text)

    assert (result.code, result.out) == (2, "")
    assert sentence in result.err
    assert sharptune("status", "--json").json["counts"]["failed"] == 6


def test_json_says_which_run_again_and_where_their_rows_are_kept(sharptune, failed):
    options = ("--filter", "width=2", "--filter", "how=fast", "--json")
    expected = {
        "id": failed["width=2 fast"],
        "state": "failed",
        "reason": "ValueError: no good in epoch 1",
        "again": True,
    }

    dry, wet = sharptune("retry", "chains.yaml", *options, "--dry-run"), sharptune("retry", "chains.yaml", *options)

    assert dry.json["trials"] == [{**expected, "kept": None}]
    assert wet.json["trials"] == [{**expected, "kept": "row.json.failed-1"}]
    assert sharptune("retry", "chains.yaml", *options).json["trials"] == []


def test_a_filter_beside_a_trial_is_refused(sharptune, failed):
    result = sharptune("retry", next(iter(failed.values())), "--filter", "width=1")

    assert result.code == 2
    assert "--filter goes with an EXPERIMENT" in result.err


def test_a_finished_trial_would_not_run_again(sharptune, chains, run):
    chains.write_text(CHAINS)
    run()

    trial = planned(chains)[0].trial_id

    assert sharptune("retry", trial, "--dry-run") == (0, f"{trial} would not run again: it has not failed\n", "")


def test_a_key_of_an_ancestor_and_a_name_mean_what_they_mean_in_tables():
    whole = plan(chain())

    assert {trial.stage for trial in select(whole, ["p=1.0"])} == {"train"}
    assert len(select(whole, ["weighting=max_w"])) == 3 + 3 * 4
    assert len(select(whole, ["search.seed=1", "seed=0"])) == 2 * 2
    assert len(select(whole, ["dataset=cifar10-mini"])) == len(whole.trials)
    assert len(select(whole, [])) == len(whole.trials)
