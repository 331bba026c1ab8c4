"""`sharptune cost`: exact sizes of final networks and supernets, and which options go with which."""

import json
from pathlib import Path

import pytest

from trainables.architecture.complexity import supernet_cost
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import ARCHITECTURES
from trainables.architecture.spaces import SPACES

HANDMADE = "MULTI_CHANNEL_HANDMADE_PATH"
SMALL = ("--channels", "4", "--layers", "3")
NUMBERS = ["params", "params_with_auxiliary", "macs", "addmult"]


def test_cost_as_json_has_the_four_numbers(sharptune):
    result = sharptune("cost", "DARTS_V2", "--json")

    assert result.code == 0
    assert list(result.json) == ["params", "params_with_auxiliary", "macs", "addmult"]
    assert result.json["params"] == 3_529_270
    assert result.json["macs"] < result.json["addmult"]


def test_without_a_network_cells_are_counted_for_cifar(sharptune):
    found = sharptune("cost", "DARTS", *SMALL, "--json")

    expected = architecture_cost(ARCHITECTURES["DARTS_V2"], network="cifar", channels=4, layers=3)
    assert list(found.json) == NUMBERS
    assert list(found.json.values()) == [getattr(expected, name) for name in NUMBERS]


def test_a_genotype_in_a_log_is_counted(sharptune, tmp_path):
    cells = ARCHITECTURES["DARTS_V2"].to_json()
    log = tmp_path / "search.log"
    log.write_text("epoch 3\ngenotype = Genotype({normal}, {normal_concat}, {reduce}, {reduce_concat})".format(**cells))

    assert sharptune("cost", f"{log}:3", *SMALL, "--json").json == sharptune("cost", "DARTS", *SMALL, "--json").json


def test_without_a_network_a_path_is_counted_whole(sharptune):
    alone, whole = sharptune("cost", HANDMADE, "--json"), sharptune("cost", "HANDMADE", "--network", "multichannel")
    released = sharptune("cost", HANDMADE, "--network", "multichannel_released", "--json")

    assert alone.json == {"params": 1035882, "params_with_auxiliary": 1035882, "macs": 15142400, "addmult": 15714816}
    assert f"{alone.json['addmult']:,}" in whole.out
    assert released.json["macs"] == 24_690_176


def test_every_option_of_cells_reaches_the_network(sharptune):
    def counted(*options):
        return sharptune("cost", "SHARP_DARTS", "--network", "imagenet", *options, "--json").json

    narrow, wide = counted(*SMALL), counted(*SMALL, "--mid-channels", "96")
    expected = architecture_cost(
        ARCHITECTURES["SHARP_DARTS"], network="imagenet", channels=4, layers=3, mid_channels=96
    )

    assert wide["params"] == expected.params > narrow["params"]
    original = sharptune("cost", "DARTS", *SMALL, "--operations", "original", "--json").json
    assert original["params"] < sharptune("cost", "DARTS", *SMALL, "--json").json["params"]


def test_the_text_says_what_was_counted(sharptune):
    out = sharptune("cost", "SHARP_DARTS", "--network", "imagenet", *SMALL).out

    assert out.startswith("SHARP_DARTS: ImageNet network of 3 cells and 4 channels, operations ssc\n")


def test_a_file_counts_like_the_name(sharptune, chains):
    chains.with_name("mine.json").write_text(json.dumps(ARCHITECTURES[HANDMADE].to_json()))

    assert sharptune("cost", "mine.json", "--json").json == sharptune("cost", HANDMADE, "--json").json


def test_a_space_counts_its_supernet_and_its_alphas(sharptune):
    found = sharptune("cost", "--space", "sharpdarts", *SMALL, "--json").json

    expected = supernet_cost(SPACES["sharpdarts"], channels=4, layers=3)
    assert list(found) == [*NUMBERS, "alphas"]
    assert (found["params"], found["macs"], found["alphas"]) == (expected.params, expected.macs, 252)


MISTAKES = {
    "nothing to count": ([], "say what to count"),
    "two things to count": (["DARTS", "--space", "darts"], "say what to count"),
    "a format of something else": (["DARTS", "--format", "json"], "--format goes with --paper"),
    "a path for CIFAR": ([HANDMADE, "--network", "cifar"], "set network: multichannel or multichannel_released"),
    "cells as a path": (["DARTS", "--network", "multichannel"], "set network: cifar or imagenet"),
    "layers of a path": ([HANDMADE, "--layers", "4"], "--layers does not apply: a path has channels and layers of"),
    "middle channels of a path": ([HANDMADE, "--mid-channels", "4"], "--mid-channels does not apply"),
    "a path of other operations": ([HANDMADE, "--operations", "original"], "a path is made of 'ssc' operations"),
    "operations that lack one": (["SHARP_DARTS", "--operations", "original"], "have no 'choke_conv_3x3'"),
    "operations of a space": (["--space", "darts", "--operations", "ssc"], "--operations does not apply"),
    "channels of a MultiChannelNet": (["--space", "multichannel", "--channels", "8"], "--channels does not apply"),
    "a space there is not": (["--space", "sharpdart"], "did you mean 'sharpdarts'?"),
    "options of the paper": (["--paper", "--channels", "8"], "--channels does not apply"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_what_does_not_go_together_is_refused_with_a_sentence(sharptune, arguments, sentence):
    result = sharptune("cost", *arguments)

    assert result.code == 2
    assert sentence in result.err
    assert result.out == ""


STORAGE = Path(__file__).parents[3] / "data" / "earlier_storage" / "runs"
SEARCH, TRAINING = "ace75bcd6ff4", "b0ffd7a3ab98"


@pytest.mark.parametrize("trial", [SEARCH, TRAINING])
def test_of_a_trial_its_own_network_is_counted(sharptune, trial):
    measured = json.loads((STORAGE / "trials" / trial / "row.json").read_text())["metrics"]

    counted = sharptune("cost", trial, "--storage", STORAGE, "--json").json

    assert {name: counted[name] for name in ("params", "macs", "addmult")} == {
        name: measured[name] for name in ("params", "macs", "addmult")
    }


def test_an_option_changes_only_what_it_names_of_a_trials_network(sharptune):
    own = sharptune("cost", TRAINING, "--storage", STORAGE)
    wider = sharptune("cost", TRAINING, "--channels", "4", "--storage", STORAGE)
    other = sharptune("cost", TRAINING, "--network", "imagenet", "--storage", STORAGE)

    assert "CIFAR network of 3 cells and 1 channels" in own.out
    assert "CIFAR network of 3 cells and 4 channels" in wider.out
    assert "ImageNet network of 14 cells and 48 channels" in other.out


def test_too_few_channels_for_a_network_are_a_sentence(sharptune):
    result = sharptune("cost", "DARTS", "--network", "imagenet", "--channels", "1")

    assert (result.code, result.out) == (2, "")
    assert "the network 'imagenet' needs 2 channels at least, got 1" in result.err
