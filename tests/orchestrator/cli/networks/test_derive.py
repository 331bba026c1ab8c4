"""`sharptune genotype derive`: the best architecture of a search within a budget."""

import json

import pytest
from made_searches import made_search

from orchestrator.cli.main import invoke
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import read_architecture
from trainables.trial import TrialSpec

CELLS = ["none", "skip_connect", "max_pool_3x3", "sep_conv_3x3"]
PATHS = {"kind": "multichannel", "scales": [4, 8], "blocks": 2, "layers": 1}
SMALL = ("--channels", "2", "--layers", "3")


@pytest.fixture
def derive(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)

    def call(*arguments):
        code = invoke(["genotype", "derive", *arguments])
        return (code, *capsys.readouterr())

    return call


@pytest.fixture
def cells(tmp_path):
    return made_search(tmp_path / "runs", CELLS)


@pytest.fixture
def path(tmp_path):
    return made_search(tmp_path / "runs", PATHS)


def test_the_best_cells_within_a_budget_are_shown_beside_what_network_simplex_finds(derive, cells):
    code, out, err = derive(cells, "--budget", "1.8k-params", *SMALL)
    head, _, names, *lines = out.splitlines()

    assert (code, err) == (0, "")
    assert head == f"{cells}, epoch 2: the best within 1,800 params, of the CIFAR network of 3 cells and 2 channels"
    assert names.split() == ["total", "weight", "params"]
    sizes = [int(line.split()[-1].replace(",", "")) for line in lines[:3]]
    weights = [float(line.split()[-2]) for line in lines[:3]]
    assert [line[:18].strip() for line in lines[:3]] == ["without a budget", "within it", "network simplex"]
    assert max(sizes[1:]) <= 1800 < sizes[0]
    assert weights == sorted(weights, reverse=True)
    assert lines[3].startswith("Network simplex ")
    assert lines[5] == "normal cell"


def test_its_json_is_the_genotype_with_its_weight_and_size_and_the_file_can_be_used_as_one(derive, cells, capsys):
    code, out, _ = derive(cells, "--budget", "1.8k-params", *SMALL, "--json", "--output", "found.json")
    told = json.loads(out)
    counted = architecture_cost(read_architecture(told["genotype"]), channels=2, layers=3)

    assert code == 0
    assert told["size"] == counted.params <= 1800
    assert told["budget"] == {"size": "params", "limit": 1800}
    assert (told["trial"], told["epoch"]) == (cells, 2)
    assert told["network"] == {"network": "cifar", "channels": 2, "layers": 3}
    assert told["gap"] == pytest.approx(told["weight"] - told["simplex"]["weight"])
    assert told["unlimited"]["size"] > 1800
    assert invoke(["cost", "found.json", *SMALL, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == told["size"]


def test_a_budget_that_does_not_bind_gives_the_genotype_of_the_search(derive, cells, capsys):
    _, out, _ = derive(cells, "--budget", "1B-macs", *SMALL)
    assert "The budget does not bind: this is the genotype that the search has found." in out
    _, told, _ = derive(cells, "--budget", "1B-macs", *SMALL, "--json")
    assert invoke(["genotype", "show", cells, "--json"]) == 0
    assert json.loads(told)["genotype"] == json.loads(capsys.readouterr().out)


def test_another_epoch_has_other_alphas(derive, cells):
    _, first, _ = derive(cells, "--budget", "1B-macs", *SMALL, "--epoch", "1", "--json")
    _, best, _ = derive(cells, "--budget", "1B-macs", *SMALL, "--json")
    assert json.loads(first)["epoch"] == 1
    assert json.loads(first)["genotype"] != json.loads(best)["genotype"]


def test_the_alphas_are_those_of_the_best_epoch_also_where_it_is_not_the_last(derive, tmp_path, capsys):
    trial = made_search(tmp_path / "runs", CELLS, best=1)
    _, out, _ = derive(trial, "--budget", "1B-macs", *SMALL, "--json")
    assert invoke(["genotype", "show", trial, "--json"]) == 0

    assert json.loads(out)["epoch"] == 1
    assert json.loads(out)["genotype"] == json.loads(capsys.readouterr().out)


def test_a_path_keeps_a_budget_too(derive, path):
    code, out, _ = derive(path, "--budget", "612k-params", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["genotype"]["kind"] == "path"
    assert told["size"] <= 612_000 < told["unlimited"]["size"]


def test_a_cell_of_nas_bench_201_keeps_a_budget_too(derive, tmp_path):
    trial = made_search(tmp_path / "runs", "nas_bench_201")
    _, whole, _ = derive(trial, "--budget", "1B-params", "--json")
    size = json.loads(whole)["size"]
    code, out, _ = derive(trial, "--budget", f"{size - 1}-params", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["genotype"]["kind"] == "nas_bench_201"
    assert told["size"] < size == told["unlimited"]["size"]
    assert told["network"] == {"network": "nas_bench_201"}


def test_the_network_is_for_the_images_and_classes_of_a_dataset(derive, cells):
    _, ten, _ = derive(cells, "--budget", "1B-macs", *SMALL, "--json")
    _, hundred, _ = derive(cells, "--budget", "1B-macs", *SMALL, "--json", "--dataset", "cifar100")
    assert json.loads(hundred)["size"] - json.loads(ten)["size"] == 90 * 4 * 2 * 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--budget", "12"], "a budget is a number, k, M or B if any, and one of addmult, macs, params"),
        (["--budget", "1M-prams"], "unknown size to limit: 'prams'; did you mean 'params'?"),
        (["--budget", "1M-params", "--epoch", "7", *SMALL], "has recorded no alphas for epoch 7; it has 2 epochs"),
        (["--budget", "1-params", *SMALL], "no architecture of this space has 1 params or less; the smallest has 832"),
        (["--budget", "1M-params", "--network", "multichannel"], "cells cannot become the network 'multichannel'"),
        (["--budget", "1M-params", "--dataset", "cifar11"], "unknown dataset 'cifar11'; did you mean"),
        ([], "Missing option '--budget'"),
    ],
)
def test_a_mistake_is_one_sentence(derive, cells, arguments, sentence):
    code, out, err = derive(cells, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def test_a_path_has_no_channels_to_choose(derive, path):
    code, _, err = derive(path, "--budget", "1M-params", "--channels", "3")
    assert code == 2
    assert "--channels does not apply to the network 'multichannel'" in err


def test_what_has_no_alphas_says_so(derive, tmp_path):
    drawn = made_search(tmp_path / "runs", CELLS, strategy="random")
    gone = made_search(tmp_path / "runs", CELLS, epochs=3)
    (tmp_path / "runs" / "trials" / gone / "epochs.parquet").unlink()
    damaged = made_search(tmp_path / "runs", CELLS, epochs=4)
    (tmp_path / "runs" / "trials" / damaged / "epochs.parquet").write_bytes(b"other")
    never = TrialSpec(trainable="search", version=2, config={}, seed=9)
    for trial, sentence in {
        drawn: f"trial {drawn} drew its architecture at random, so there are no alphas to derive from",
        gone: f"the epochs.parquet of trial {gone}, which holds its alphas, is not in its folder",
        damaged: "epochs.parquet is not the file its row was written with; sharptune retry",
        never.trial_id: never.trial_id,
    }.items():
        code, out, err = derive(trial, "--budget", "1M-params")
        assert (code, out) == (2, "")
        assert sentence in err
        assert len(err.splitlines()) == 1
