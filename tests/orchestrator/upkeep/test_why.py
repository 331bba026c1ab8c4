"""`sharptune why`: which key, parent, version or default makes a trial another than the nearest that is done."""

import dataclasses
import re
from pathlib import Path

import fakes
import pytest
from command_line import CHAINS, call, planned
from plans import chain, plan, stage

from orchestrator.ledger import Ledger
from orchestrator.upkeep.why import Why
from trainables.catalog import CATALOG
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder
from trainables.trial import TrialRow, TrialSpec

SHORT = CHAINS.replace("epochs: 3", "epochs: 1")


@pytest.fixture
def why(copied, capsys):
    """Write an experiment down beside a storage in which SHORT is done, and ask why its trials are new."""
    copied(SHORT)

    def why(text: str, *arguments):
        Path("other.yaml").write_text(text)
        return call(capsys, "why", "other.yaml", *arguments)

    return why


def commit(storage, trial) -> None:
    """Write a row that says done."""
    row = TrialRow(trial_id=trial.trial_id, spec=trial.spec, config={}, state="done", metrics={}, artifacts={})
    TrialFolder(storage, trial.trial_id).commit_row(row)


def test_trials_that_are_new_for_the_same_reason_are_one_line(why):
    result = why(SHORT.replace("width: [1, 2]", "width: [1, 2, 3]"))
    new = {trial.label: trial.trial_id for trial in planned(Path("other.yaml")) if "width=3" in trial.label}
    there = {trial.label: trial.trial_id for trial in planned(Path("chains.yaml"))}

    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "2 new: width: 1 there, 3 here",
        *(
            f"  {new[f'root.seed={seed} width=3 seed=0']}  child root.seed={seed} width=3 seed=0  beside "
            f"{there[f'root.seed={seed} width=1 seed=0']}  chains: child root.seed={seed} width=1 seed=0, done"
            for seed in (0, 1)
        ),
        "other.yaml: 8 trials; 6 done, 2 new",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{epochs: 1, steps: 2}\n    grid: {seed", "{epochs: 2, steps: 2}\n    grid: {seed", "epochs: 1 there, 2 here"),
        ("seed: [0, 1]", "seed: [0, 2]", "seed: 0 there, 2 here"),
        ("seed: [0, 1]", "seed: [0, 2]", "its parent's seed: 0 there, 2 here"),
        ("steps: 2}\n    grid: {seed", "steps: 2, width: 5}\n    grid: {seed", "its parent's width: 1 there, 5 here"),
        ("width: [1, 2], seed: [0]", "width: [2], seed: [7]", "seed: 0 there, 7 here"),
        ('"${root.genotype}"', "{kind: mine, digest: x}", "link: its parent's genotype there, {kind: 'mine', "),
    ],
)
def test_the_setting_seed_or_parent_that_differs_is_named(why, old, new, said):
    assert old in SHORT
    out = why(SHORT.replace(old, new)).out

    assert f" new: {said}" in out


def test_the_chain_goes_to_the_first_ancestor_that_differs(copied, capsys):
    third = """\
  last:
    trainable: chain
    needs: child
    config: {link: "${child.genotype}", epochs: 1, steps: 1}
tables:
"""
    three = SHORT.replace("tables:\n", third, 1)
    copied(three)
    Path("other.yaml").write_text(three.replace("steps: 2}\n    grid: {seed", "steps: 2, hold: no}\n    grid: {seed"))

    out = call(capsys, "why", "other.yaml", "--filter", "last.seed=0").out

    assert "4 new: its parent's parent's hold: null there, 'no' here\n" in out


def test_a_version_that_is_another_is_named(why, monkeypatch):
    monkeypatch.setattr(fakes, "CATALOG", {"chain": dataclasses.replace(fakes.CHAIN, version=2)})

    out = why(SHORT).out

    assert "2 new: version: 1 there, 2 here\n" in out
    assert "4 new: its parent's version: 1 there, 2 here; version: 1 there, 2 here\n" in out


def test_a_default_that_is_another_now_is_named(why, monkeypatch):
    class Later(fakes.ChainConfig):
        epochs: int = 1

    fakes.Later = Later
    monkeypatch.setattr(fakes, "CATALOG", {"chain": dataclasses.replace(fakes.CHAIN, config="fakes:Later")})

    out = why(SHORT).out

    assert "2 new: epochs: 1 in both, but the default is another now\n" in out


def test_nested_content_is_counted_not_printed(copied, capsys):
    text = SHORT.replace('"${root.genotype}"', "{a: [1, 2, 3, 4, 5, 6, 7, {b: 8}]}")
    copied(text)
    Path("other.yaml").write_text(text.replace("b: 8", "b: 9"))

    assert "link: other content here: 1 of 8 entries differ\n" in call(capsys, "why", "other.yaml").out


def test_of_content_the_name_is_said_by_which_the_experiment_calls_it(tmp_path):
    """On the real catalog, rows made up."""
    text = stage("    config: {genotype: DARTS_V2, dataset: cifar10-mini}\n", trainable="train")
    storage = open_storage(tmp_path)
    before, after = plan(text).trials[0], plan(text.replace("DARTS_V2", "DARTS_V1")).trials[0]
    commit(storage, before)

    near = Why(Ledger(storage), CATALOG, [after]).nearest(after.trial_id)

    assert near is not None
    assert re.fullmatch(
        r"genotype: other content here \('DARTS_V1'\): \d+ of \d\d entries differ", str(near.differences[0])
    )


def test_of_the_best_of_several_the_candidates_are_compared(tmp_path):
    """On the real catalog, rows made up."""
    needs = "{stage: search, over: seed, best: search_val_error_best}"
    old, new = (plan(chain(needs).replace("[0, 1, 2]", seeds)) for seeds in ("[0, 1]", "[0, 1, 2]"))
    storage = open_storage(tmp_path)
    for trial in old.trials:
        commit(storage, trial)
    trial = next(trial for trial in new.trials if trial.stage == "train")

    near = Why(Ledger(storage), CATALOG, new.trials).nearest(trial.trial_id)

    assert near is not None
    assert [str(each) for each in near.differences] == ["its parents' seed: [0, 1] there, [0, 1, 2] here"]


def test_in_a_storage_without_its_kind_nothing_is_near(chains, sharptune):
    Path("runs").mkdir()

    out = sharptune("why", "chains.yaml").out

    assert out.splitlines()[0] == "6 new: never started; nothing of its kind is done here"
    assert out.splitlines()[-2:] == ["  and 3 more", "chains.yaml: 6 trials; 6 new"]


def test_what_failed_and_what_is_blocked_by_it_say_so(copied, sharptune):
    copied(CHAINS.replace("epochs: 3", "epochs: 2, raise_at: 2", 1))

    out = sharptune("why", "chains.yaml").out
    root = planned(Path("chains.yaml"))[0].trial_id

    assert "2 failed: ValueError: no good in epoch 2\n" in out
    assert f"2 blocked: its ancestor {root} failed: ValueError: no good in epoch 2\n" in out
    assert sharptune("why", root[:8]).out.startswith("1 failed: ValueError: no good in epoch 2\n  " + root)


def test_a_trial_of_the_storage_is_explained_by_its_id(copied, sharptune):
    trials = copied(SHORT)
    done, new = (planned(Path("chains.yaml"))[number].trial_id for number in (0, -1))
    (trials / new / "row.json").unlink()

    assert sharptune("why", done).out == f"{done}: 1 trial; 1 done\n"
    out = sharptune("why", new[:9]).out
    assert out.startswith("1 new: its parent's seed: 0 there, 1 here\n")
    assert f"  {new}  chains: child root.seed=1 width=2 seed=0  beside " in out


def test_json_has_the_differences_key_by_key(why):
    result = why(SHORT.replace("width: [1, 2]", "width: [3]"), "--json", "--filter", "width=3")
    trials = result.json["trials"]

    assert len(trials) == 2
    for trial in trials:
        assert trial["differences"] == [{"key": "width", "there": 1, "here": 3, "name": "", "by_default": False}]
        assert (trial["state"], trial["reason"]) == ("new", "width: 1 there, 3 here")
        assert trial["nearest"] in {each.trial_id for each in planned(Path("chains.yaml"))}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing"], "no trial in "),
        (["chains.yaml", "--filter", "widht=1"], "did you mean 'width'?"),
        (["chains.yaml", "--filter", "width=9"], "none of the 6 trials of chains has width=9"),
        (["chains.yaml", "--storage", "nowhere"], "there is no storage"),
    ],
)
def test_a_mistake_is_a_sentence(copied, sharptune, arguments, sentence):
    copied(SHORT)
    result = sharptune("why", *arguments)

    assert (result.code, result.out) == (2, "")
    assert sentence in result.err


def test_what_is_named_in_a_hostile_way_does_not_reach_the_terminal(copied, sharptune):
    text = SHORT.replace('"${root.genotype}"', '"\\e[2J"')
    copied(text)
    Path("other.yaml").write_text(text.replace("[2J", "[3J"))

    out = sharptune("why", "other.yaml").out

    assert "\x1b" not in out
    assert "x1b[3J' here" in out


def test_many_generations_of_a_stranger_end_no_command_by_an_error(tmp_path, sharptune):
    """Each trial has the two before it as parents, so that there are more ways back than anybody could go."""
    storage = open_storage(tmp_path / "deep")
    ids: list[str] = []
    for number in range(60):
        spec = TrialSpec(trainable="chain", version=1, config={}, seed=number, parents=tuple(sorted(ids[-2:])))
        TrialFolder(storage, spec.trial_id).write_spec(spec)
        ids.append(spec.trial_id)
    row = TrialRow(trial_id=ids[0], spec=spec_of(storage, ids[0]), config={}, state="failed", metrics={}, artifacts={})
    TrialFolder(storage, ids[0]).commit_row(row)
    done = TrialSpec(trainable="chain", version=1, config={}, seed=999, parents=(ids[-2],))
    TrialFolder(storage, done.trial_id).commit_row(
        TrialRow(trial_id=done.trial_id, spec=done, config={}, state="done", metrics={}, artifacts={})
    )

    blocked = sharptune("why", ids[-1], "--storage", tmp_path / "deep")
    merged = sharptune("merge", tmp_path / "deep", "--storage", "here", "--json")

    assert f"1 blocked: its ancestor {ids[0]} failed: failed\n" in blocked.out
    assert merged.code == 0
    assert sharptune("prune", "chains.yaml", "--storage", tmp_path / "deep", "--yes").code == 0
    assert storage.names("trials") == []


def spec_of(storage, trial_id: str) -> TrialSpec:
    spec = TrialFolder(storage, trial_id).read_spec()
    assert spec is not None
    return spec
