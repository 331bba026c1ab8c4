"""Cells of NAS-Bench-201 in `sharptune genotype`: shown, looked up, beside another, drawn."""

import json
import statistics
from xml.etree import ElementTree

import pytest

from trainables.architecture.genotype import NasBench201Cell, read_genotype
from trainables.architecture.nas_bench_201.benchmark import CELLS, DATASETS, benchmark
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow, TrialSpec

SEARCH = TrialSpec(trainable="search", version=1, config={}, seed=0, parents=())


def written(digits):
    return NasBench201Cell.from_digits(digits).to_string()


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


def test_a_cell_is_shown_with_what_the_benchmark_measured_of_it(genotype):
    _, out, _ = genotype("show", written("333132"))
    lines = out.splitlines()

    assert lines[0] == "333132: cell 333132 of NAS-Bench-201"
    assert "  node 2 = nor_conv_3x3(input) + nor_conv_3x3(node 1)" in lines
    assert "  output = skip_connect(input) + nor_conv_3x3(node 1) + nor_conv_1x1(node 2)" in lines
    assert f"written   {written('333132')}" in lines
    assert "NAS-Bench-201, validation accuracy after 200 epochs, in %:" in lines
    (cifar10,) = (line.split() for line in lines if line.split()[0] == "cifar10")
    assert cifar10 == ["cifar10", "91.61", "91.68", "91.72", "91.42", *["1", "of", "15,625"], "0.00", "1,073,466"]
    assert "test" not in out


def test_a_marked_cell_says_so_and_others_do_not(genotype):
    odd = "note: its entry has one 3×3 convolution less, as another cell has that computes the same"
    shared = "note: its runs on CIFAR-10 are those of 340 other cells, which compute the same"

    assert genotype("show", written("103030"))[1].splitlines()[-1] == odd
    assert genotype("show", written("000000"))[1].splitlines()[-1] == shared
    assert "note:" not in genotype("show", written("333132"))[1]


def test_what_a_trial_found_is_shown_and_its_file_stands_for_it(genotype, trial, tmp_path):
    (tmp_path / "skips.json").write_text(genotype("show", trial, "--json")[1])

    assert "39.77" in genotype("show", trial[:5])[1]
    assert read_genotype("skips.json", base=tmp_path).digits == "111111"
    assert genotype("show", "skips.json")[1].splitlines()[0] == "skips: cell 111111 of NAS-Bench-201"


def test_a_cell_is_looked_up_as_data(genotype, trial):
    found = json.loads(genotype("benchmark", trial, "--json")[1])

    assert found["cell"] == "111111"
    assert found["computes"] == "4 x"
    assert found["alike"] == ["111111"]
    assert {name: round(entry["accuracy"], 2) for name, entry in found["validation"].items()} == {
        "cifar10": 39.77,
        "cifar100": 15.03,
        "imagenet16_120": 16.43,
    }
    assert found["marks"] == []


def test_the_mean_of_a_random_cell_and_its_spread_are_those_of_all_cells(genotype):
    found = json.loads(genotype("benchmark", "--json")[1])
    everyone = benchmark().mean_XD[:, DATASETS.index("cifar100")].tolist()

    assert found["cells"] == CELLS
    assert found["validation"]["cifar100"]["mean"] == pytest.approx(statistics.mean(everyone))
    assert found["validation"]["cifar100"]["sd"] == pytest.approx(statistics.pstdev(everyone))
    assert found["validation"]["cifar100"]["percentiles"]["50"] == pytest.approx(statistics.median(everyone))


def test_operations_that_a_search_may_not_choose_are_left_out(genotype):
    found = json.loads(genotype("benchmark", "--without", "nor_conv_3x3", "--json")[1])
    _, out, _ = genotype("benchmark", "--without", "nor_conv_3x3")

    assert found["cells"] == 4**6
    assert "3" not in "".join(each["best_cell"] for each in found["validation"].values())
    assert "of none, skip_connect, nor_conv_1x1, avg_pool_3x3" in out.splitlines()


def test_the_marked_cells_are_listed(genotype):
    _, out, _ = genotype("benchmark", "--marked")
    found = json.loads(genotype("benchmark", "--marked", "--json")[1])

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
def test_what_cannot_be_looked_up_is_one_sentence(genotype, arguments, sentence):
    code, out, err = genotype("benchmark", *arguments)

    assert (code, out) == (2, "")
    assert sentence in err


def test_a_cell_is_drawn_with_an_edge_for_each_operation(genotype):
    _, out, _ = genotype("draw", written("102034"))
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


def test_two_cells_that_compute_the_same_are_the_same_and_two_that_do_not_differ_edge_by_edge(genotype):
    same = genotype("compare", written("103030"), written("000300"))[1].splitlines()
    other = genotype("compare", written("333132"), written("333133"))[1].splitlines()
    found = json.loads(genotype("compare", written("103030"), written("000300"), "--json")[1])

    assert same[0] == "103030 and 000300 compute the same, on other edges: trainings of them may end in other digits"
    assert (found["same"], found["edge_for_edge"], found["differences"]) == (True, False, [])
    assert other[:4] == [
        "333132 and 333133 differ in 1 of 6 edges",
        "edge 2→3",
        "  333132  nor_conv_1x1",
        "  333133  nor_conv_3x3",
    ]
    assert other[-1] == "Sizes are of: the NAS-Bench-201 network of 15 cells and 16 channels."


def test_a_cell_and_two_cells_have_nothing_in_common(genotype):
    _, out, _ = genotype("compare", written("333132"), "DARTS_V2")

    assert out.startswith("333132 is a cell of NAS-Bench-201 and DARTS_V2 consists of cells\n")


def test_the_last_cell_that_a_log_has_printed_counts(genotype, tmp_path):
    log = "epoch 1\n{}\nepoch 2\ngenotype : {}, done\n".format(written("111111"), written("333132"))
    (tmp_path / "search.log").write_text(log)
    (tmp_path / "bad.txt").write_text(written("111111").replace("skip_connect~2", "sep_conv~2"))

    assert genotype("show", "search.log")[1].splitlines()[0] == "search: cell 333132 of NAS-Bench-201"
    code, _, err = genotype("show", "search.log:1")
    assert (code, "search.log:4: of the cells of NAS-Bench-201 in a file the last one counts" in err) == (2, True)
    assert "bad.txt:1: unknown operation of NAS-Bench-201 'sep_conv'" in genotype("show", "bad.txt")[2]
