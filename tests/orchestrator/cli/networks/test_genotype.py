"""`sharptune genotype`: what is published, and any architecture in words, as a file, beside another, and drawn."""

import json
from xml.etree import ElementTree

import pytest

from orchestrator.architectures.comparison import differences, operation_counts
from orchestrator.architectures.drawing.architecture import draw
from orchestrator.architectures.sources import SOURCES
from trainables.architecture.genotype import (
    ARCHITECTURE_ALIASES,
    ARCHITECTURES,
    Genotype,
    MultiChannelPath,
    describe,
    read_genotype,
)
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow, TrialSpec

SEARCH = TrialSpec(trainable="search", version=1, config={}, seed=0, parents=())
TOP_DOWN = ARCHITECTURES["MULTI_CHANNEL_GREEDY_MAX_W_TOP_DOWN"]


@pytest.fixture
def trial(tmp_path):
    """The id of a trial that found cells of original operations, and a path besides."""
    artifacts = {
        "genotype": describe(ARCHITECTURES["DARTS_V2"], "original"),
        "genotype_top_down": describe(TOP_DOWN, "ssc"),
    }
    row = TrialRow(
        trial_id=SEARCH.trial_id, spec=SEARCH, config={}, state="done", metrics={}, artifacts=artifacts, error=None
    )
    folder = tmp_path / "runs" / "trials" / SEARCH.trial_id
    folder.mkdir(parents=True)
    (folder / "row.json").write_bytes(seal(row))
    return SEARCH.trial_id


def test_the_list_has_every_published_architecture_and_where_it_is_from(genotype):
    code, out, _ = genotype("list", "--json")
    entries = json.loads(out)

    assert code == 0
    assert [entry["name"] for entry in entries] == list(ARCHITECTURES)
    assert {alias: entry["name"] for entry in entries for alias in entry["aliases"]} == dict(ARCHITECTURE_ALIASES)
    assert {entry["name"]: entry["kind"] == "path" for entry in entries} == {
        name: isinstance(architecture, MultiChannelPath) for name, architecture in ARCHITECTURES.items()
    }
    assert all(entry["source"] and entry["what"] for entry in entries)
    assert list(SOURCES) == list(ARCHITECTURES)


def test_the_list_for_people_has_the_same_names(genotype):
    _, out, _ = genotype("list")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())

    assert list(lines) == list(ARCHITECTURES)
    assert "arXiv:1806.09055" in lines["DARTS_V2"]
    assert "(also DARTS)" in lines["DARTS_V2"]


def test_cells_are_shown_node_by_node(genotype):
    _, out, _ = genotype("show", "SHARP_DARTS")
    lines = out.splitlines()

    assert lines[0] == "SHARP_DARTS: cells of 'ssc' operations"
    assert "  node 1 = skip_connect(c_{k-2}) + choke_conv_3x3(c_{k-1})" in lines
    assert "  node 3 = skip_connect(node 0) + flood_conv_3x3(c_{k-2})" in lines
    assert lines.count("  output = nodes 0, 1, 2, 3, concatenated") == 2
    assert "  output = nodes 2, 3, 4, concatenated" in genotype("show", "NASNet")[1].splitlines()


def test_paths_are_shown_step_by_step(genotype):
    _, out, _ = genotype("show", "HANDMADE")
    lines = [line.split() for line in out.splitlines()]

    assert lines[0] == ["HANDMADE:", "path", "of", "8", "'ssc'", "operations"]
    assert lines[3] == ["layer", "1", "max_pool_3x3", "32", "->", "64", "2", "16", "×", "16"]
    assert lines[-1] == ["layer", "7", "max_pool_3x3", "256", "->", "256", "2", "2", "×", "2"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_json_saved_as_a_file_stands_for_the_name(genotype, tmp_path, name):
    path = tmp_path / "saved.json"
    path.write_text(genotype("show", name, "--json")[1])

    assert read_genotype("saved.json", base=tmp_path) == ARCHITECTURES[name]
    assert genotype("show", "saved.json", "--json")[1] == path.read_text()
    assert genotype("show", "saved.json")[1] == genotype("show", name)[1].replace(f"{name}:", "saved:")


def test_a_trial_and_its_file_tell_their_own_operations(genotype, tmp_path, trial):
    shown = genotype("show", trial[:5], "--json")[1]
    (tmp_path / "mine.json").write_text(shown)

    assert json.loads(shown) == describe(ARCHITECTURES["DARTS_V2"], "original")
    assert genotype("show", "mine.json", "--json")[1] == shown
    assert genotype("show", "mine.json")[1].startswith("mine: cells of 'original' operations\n")
    assert json.loads(genotype("show", f"{trial}:genotype_top_down", "--json")[1]) == describe(TOP_DOWN, "ssc")


def test_a_genotype_that_darts_printed_stands_for_the_name(genotype, tmp_path):
    line = "epoch {}\ngenotype = Genotype({normal}, {normal_concat}, {reduce}, {reduce_concat})\n"
    both = [ARCHITECTURES[name].to_json() for name in ("DARTS_V1", "DARTS_V2")]
    (tmp_path / "search.log").write_text("".join(line.format(epoch, **cells) for epoch, cells in enumerate(both)))
    (tmp_path / "genotypes.py").write_text(line.format("", **both[0]).replace("epoch ", "").replace("genotype", "MINE"))

    assert genotype("show", "search.log", "--json") == genotype("show", "DARTS_V2", "--json")
    assert genotype("show", "genotypes.py:MINE", "--json") == genotype("show", "DARTS_V1", "--json")
    assert genotype("show", "search.log:0")[1] == genotype("show", "DARTS_V1")[1].replace("DARTS_V1", "search epoch 0")
    assert genotype("compare", "search.log:0", "genotypes.py:MINE")[1].startswith(
        "search epoch 0 and MINE are the same"
    )
    assert "<title>MINE" in genotype("draw", "genotypes.py:MINE")[1]
    code, out, err = genotype("show", "search.log:7")
    assert (code, out) == (2, "")
    assert err.endswith("no genotype is printed under epoch 7; there are those of epochs 0 to 1\n")


def test_a_file_whose_operations_cannot_build_it_is_refused(genotype, tmp_path):
    content = {**describe(ARCHITECTURES["SHARP_DARTS"], "ssc"), "operations": "original"}
    (tmp_path / "odd.json").write_text(json.dumps(content))

    code, out, err = genotype("draw", "odd.json")

    assert (code, out) == (2, "")
    assert err == "error: the 'original' operations have no 'choke_conv_3x3', which the genotype uses\n"


@pytest.mark.parametrize("command", ["show", "draw"])
def test_a_wrong_name_gets_a_suggestion(genotype, command):
    code, out, err = genotype(command, "DARTS_V3")

    assert (code, out) == (2, "")
    assert "unknown genotype 'DARTS_V3'; did you mean 'DARTS_V" in err


def test_a_drawing_goes_to_a_file_or_to_the_output(genotype, tmp_path, trial):
    code, out, _ = genotype("draw", "SHARP_DARTS", "-o", "cell.svg")
    assert (code, out) == (0, "")
    expected = draw(ARCHITECTURES["SHARP_DARTS"], name="SHARP_DARTS", operations="ssc")
    assert (tmp_path / "cell.svg").read_bytes() == expected.encode()

    assert genotype("draw", "SHARP_DARTS")[1] == expected
    root = ElementTree.fromstring(genotype("draw", f"{trial}:genotype_top_down")[1])
    assert root.findtext("{http://www.w3.org/2000/svg}title") == f"{trial}:genotype_top_down"

    code, _, err = genotype("draw", "SHARP_DARTS", "-o", "nowhere/cell.svg")
    assert code == 1
    assert "nowhere/cell.svg: No such file or directory" in err


def test_what_is_the_same_is_said_to_be(genotype):
    assert genotype("compare", "DARTS", "DARTS_V2")[1].startswith("DARTS and DARTS_V2 are the same, edge for edge\n")
    compared = json.loads(genotype("compare", "DARTS", "DARTS_V2", "--json")[1])
    assert (compared["same"], compared["edge_for_edge"]) == (True, True)
    assert genotype("compare", "HANDMADE", "HANDMADE")[1].startswith(
        "HANDMADE and HANDMADE are the same, layer for layer\n"
    )


def test_what_is_the_same_but_for_the_order_of_edges_is_said_to_train_to_other_digits(genotype, tmp_path):
    cells = ARCHITECTURES["DARTS_V2"].to_json()
    (tmp_path / "swapped.json").write_text(
        json.dumps({**cells, "normal": [*cells["normal"][1::-1], *cells["normal"][2:]]})
    )

    compared = json.loads(genotype("compare", "DARTS", "swapped.json", "--json")[1])

    assert (compared["same"], compared["edge_for_edge"], compared["differences"]) == (True, False, [])
    assert genotype("compare", "DARTS", "swapped.json")[1].startswith(
        "DARTS and swapped compute the same, with edges of a node in another order: "
        "trainings of them may end in other digits\n"
    )


def test_a_comparison_names_places_operations_and_sizes(genotype):
    """The sizes are those of the released code: 3,529,270 parameters for DARTS with SharpSepConv."""
    compared = json.loads(genotype("compare", "DARTS_V1", "DARTS_V2", "--json")[1])
    _, out, _ = genotype("compare", "DARTS_V1", "DARTS_V2")

    assert compared["same"] is False
    assert [each["place"] for each in compared["differences"]] == [
        "normal cell, node 1",
        "normal cell, node 3",
        "reduction cell, node 1",
        "reduction cell, node 3",
    ]
    assert compared["differences"][0]["a"] == [["skip_connect", 0], ["sep_conv_3x3", 1]]
    assert compared["b"]["params"] == 3_529_270
    assert compared["b"]["counts"] == operation_counts(ARCHITECTURES["DARTS_V2"])
    assert out.startswith("DARTS_V1 and DARTS_V2 differ in 4 of 10 nodes and outputs\n")
    assert "  DARTS_V1  skip_connect(c_{k-2}) + sep_conv_3x3(c_{k-1})\n" in out
    assert ["dil_conv_3x3", "0", "1"] in [line.split() for line in out.splitlines()]


def test_unlike_kinds_and_operations_are_told(genotype, trial):
    assert genotype("compare", "DARTS", "HANDMADE")[1].startswith("DARTS consists of cells and HANDMADE is a path\n")
    alike = json.loads(genotype("compare", trial, "DARTS_V2", "--json")[1])
    assert (alike["same"], alike["differences"]) == (False, [])
    assert (
        "have the same cells, of different operations: 'original' and 'ssc'" in genotype("compare", trial, "DARTS")[1]
    )


def test_the_order_of_edges_in_a_node_makes_no_difference():
    one = ARCHITECTURES["SHARPER_MAX_W"]
    swapped = [edge for node in range(4) for edge in (one.normal[2 * node + 1], one.normal[2 * node])]
    other = Genotype(
        normal=tuple(swapped), normal_concat=one.normal_concat, reduce=one.reduce, reduce_concat=one.reduce_concat
    )

    assert one != other
    assert differences(one, other) == []


def test_an_edge_twice_is_not_the_edge_once():
    edges = (("skip_connect", 0), ("skip_connect", 0))
    once = (("skip_connect", 0), ("skip_connect", 1))

    def cells(normal):
        return Genotype(normal=normal, normal_concat=(2,), reduce=edges, reduce_concat=(2,))

    (found,) = differences(cells(edges), cells(once))
    assert found.texts == (
        "skip_connect(c_{k-2}) + skip_connect(c_{k-2})",
        "skip_connect(c_{k-2}) + skip_connect(c_{k-1})",
    )


def test_more_nodes_other_outputs_and_longer_paths_are_differences():
    darts, nasnet = ARCHITECTURES["DARTS_V1"], ARCHITECTURES["NASNet"]
    places = {each.place: each.contents for each in differences(darts, nasnet)}
    assert places["reduction cell, output"] == ([2, 3, 4, 5], [4, 5, 6])
    assert places["normal cell, node 4"] == (None, [["sep_conv_3x3", 1], ["skip_connect", 1]])

    shorter = MultiChannelPath(steps=TOP_DOWN.steps[:-1])
    (found,) = differences(TOP_DOWN, shorter)
    assert (found.place, found.texts) == ("layer 7", ("max_pool_3x3 128 -> 128, stride 2", "no such layer"))
