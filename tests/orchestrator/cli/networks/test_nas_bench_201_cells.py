"""Cells of NAS-Bench-201 in `sharptune genotype`: shown, looked up, beside another, drawn."""

import json
import statistics
from xml.etree import ElementTree

import pytest

from orchestrator.cli.main import invoke
from trainables.architecture.genotype import NasBench201Cell, read_genotype
from trainables.architecture.nas_bench_201.benchmark import CELLS, DATASETS, benchmark
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow, TrialSpec

SEARCH = TrialSpec(trainable="search", version=1, config={}, seed=0, parents=())


def written(digits):
    return NasBench201Cell.from_digits(digits).to_string()


@pytest.fixture
def sharptune(capsys, tmp_path, monkeypatch):
    """Returns a function that runs `sharptune genotype` in a folder of its own and returns (code, out, err)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)

    def call(*arguments):
        code = invoke(["genotype", *arguments])
        return (code, *capsys.readouterr())

    return call


@pytest.fixture
def trial(tmp_path):
    """The id of a trial that found all skips."""
    artifacts = {"genotype": NasBench201Cell.from_digits("111111").to_json()}
    row = TrialRow(
        trial_id=SEARCH.trial_id, spec=SEARCH, config={}, state="done", metrics={}, artifacts=artifacts, error=None
    )
    folder = tmp_path / "runs" / "trials" / SEARCH.trial_id
    folder.mkdir(parents=True)
    (folder / "row.json").write_bytes(seal(row))
    return SEARCH.trial_id


def test_a_cell_is_shown_with_what_the_benchmark_measured_of_it(sharptune):
    _, out, _ = sharptune("show", written("333132"))
    lines = out.splitlines()

    assert lines[0] == "333132: cell 333132 of NAS-Bench-201"
    assert "  node 2 = nor_conv_3x3(input) + nor_conv_3x3(node 1)" in lines
    assert "  output = skip_connect(input) + nor_conv_3x3(node 1) + nor_conv_1x1(node 2)" in lines
    assert f"written   {written('333132')}" in lines
    assert "NAS-Bench-201, validation accuracy after 200 epochs, in %:" in lines
    (cifar10,) = (line.split() for line in lines if line.split()[0] == "cifar10")
    assert cifar10 == ["cifar10", "91.61", "91.68", "91.72", "91.42", *["1", "of", "15,625"], "0.00", "1,073,466"]
    assert "test" not in out


def test_a_marked_cell_says_so_and_others_do_not(sharptune):
    odd = "note: its entry has one 3×3 convolution less, as another cell has that computes the same"
    shared = "note: its runs on CIFAR-10 are those of 340 other cells, which compute the same"

    assert sharptune("show", written("103030"))[1].splitlines()[-1] == odd
    assert sharptune("show", written("000000"))[1].splitlines()[-1] == shared
    assert "note:" not in sharptune("show", written("333132"))[1]


def test_what_a_trial_found_is_shown_and_its_file_stands_for_it(sharptune, trial, tmp_path):
    (tmp_path / "skips.json").write_text(sharptune("show", trial, "--json")[1])

    assert "39.77" in sharptune("show", trial[:5])[1]
    assert read_genotype("skips.json", base=tmp_path).digits == "111111"
    assert sharptune("show", "skips.json")[1].splitlines()[0] == "skips: cell 111111 of NAS-Bench-201"


def test_a_cell_is_looked_up_as_data(sharptune, trial):
    found = json.loads(sharptune("benchmark", trial, "--json")[1])

    assert found["cell"] == "111111"
    assert found["computes"] == "4 x"
    assert found["alike"] == ["111111"]
    assert {name: round(entry["accuracy"], 2) for name, entry in found["validation"].items()} == {
        "cifar10": 39.77,
        "cifar100": 15.03,
        "imagenet16_120": 16.43,
    }
    assert found["marks"] == []


def test_the_mean_of_a_random_cell_and_its_spread_are_those_of_all_cells(sharptune):
    found = json.loads(sharptune("benchmark", "--json")[1])
    everyone = benchmark().mean_XD[:, DATASETS.index("cifar100")].tolist()

    assert found["cells"] == CELLS
    assert found["validation"]["cifar100"]["mean"] == pytest.approx(statistics.mean(everyone))
    assert found["validation"]["cifar100"]["sd"] == pytest.approx(statistics.pstdev(everyone))
    assert found["validation"]["cifar100"]["percentiles"]["50"] == pytest.approx(statistics.median(everyone))


def test_operations_that_a_search_may_not_choose_are_left_out(sharptune):
    found = json.loads(sharptune("benchmark", "--without", "nor_conv_3x3", "--json")[1])
    _, out, _ = sharptune("benchmark", "--without", "nor_conv_3x3")

    assert found["cells"] == 4**6
    assert "3" not in "".join(each["best_cell"] for each in found["validation"].values())
    assert "of none, skip_connect, nor_conv_1x1, avg_pool_3x3" in out.splitlines()


def test_the_marked_cells_are_listed(sharptune):
    _, out, _ = sharptune("benchmark", "--marked")
    found = json.loads(sharptune("benchmark", "--marked", "--json")[1])

    assert out.startswith("413 cells in 37 groups have their runs on CIFAR-10 in common, and compute the same:\n")
    assert "62 cells have 243,040 parameters less than their operations have" in out
    assert sum(len(group["cells"]) for group in found["shared"]) == 413
    assert sum(len(group["cells"]) for group in found["params"]) == 150
    assert all(cell in out for group in found["params"] for cell in group["cells"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["DARTS_V2"], "DARTS_V2 is no cell of NAS-Bench-201, so that its table knows nothing of it"),
        (["DARTS_V2", "--marked"], "say one of NAME|FILE|TRIAL, --marked and --without"),
        (
            [
                word
                for name in ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
                for word in ("--without", name)
            ],
            "--without leaves no operation for a cell to consist of",
        ),
        (["|nor_conv_3x3~0|"], "a cell of NAS-Bench-201 is written"),
    ],
)
def test_what_cannot_be_looked_up_is_one_sentence(sharptune, arguments, sentence):
    code, out, err = sharptune("benchmark", *arguments)

    assert (code, out) == (2, "")
    assert sentence in err


def test_a_cell_is_drawn_with_an_edge_for_each_operation(sharptune):
    _, out, _ = sharptune("draw", written("102034"))
    texts = [element.text for element in ElementTree.fromstring(out).iter() if element.tag.endswith("text")]

    assert {"in", "1", "2", "out"} <= set(texts)
    assert sorted(text for text in texts if "_" in text or text == "none") == [
        "avg_pool_3x3",
        "none",
        "none",
        "nor_conv_1x1",
        "nor_conv_3x3",
        "skip_connect",
    ]
    assert "102034: cell 102034 of NAS-Bench-201" in out
