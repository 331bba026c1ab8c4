"""`sharptune space`: the search spaces, as Table 1 prints one."""

import json

import pytest

from orchestrator.cli.main import invoke


@pytest.fixture
def sharptune(capsys):
    """Returns a function that runs a command and returns (code, out, err)."""

    def call(*arguments):
        code = invoke(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_list_tells_the_number_of_alphas(sharptune):
    code, out, _ = sharptune("space", "list", "--json")

    assert code == 0
    assert {space["name"]: space["alphas"] for space in json.loads(out)} == {
        "darts": 224,
        "darts_ssc": 224,
        "sharpdarts": 252,
        "sharpdarts_table1": 280,
        "sharper": 336,
        "multichannel": 256,
        "multichannel_printed": 288,
        "nas_bench_201": 30,
    }
    assert [line.split()[0] for line in sharptune("space", "list")[1].splitlines()] == [
        space["name"] for space in json.loads(out)
    ]


def test_the_sharpdarts_space_is_table_1(sharptune):
    """arXiv:1903.09900, Table 1; but pools are 3×3, and the last row's stride is a misprint."""
    shown = json.loads(sharptune("space", "show", "sharpdarts_table1", "--json")[1])
    columns = ("kernel", "stride", "dilation", "middle_channels", "multiplier")

    assert shown["operations"] == "ssc"
    assert {row["name"]: tuple(row[column] for column in columns) for row in shown["primitives"]} == {
        "none": (None, None, None, None, None),
        "max_pool_3x3": (3, 1, 1, None, None),
        "avg_pool_3x3": (3, 1, 1, None, None),
        "skip_connect": (1, 1, 1, None, None),
        "sep_conv_3x3": (3, 1, 1, None, 1),
        "dil_conv_3x3": (3, 1, 2, None, 1),
        "flood_conv_3x3": (3, 1, 1, None, 4),
        "dil_flood_conv_3x3": (3, 1, 2, None, 4),
        "choke_conv_3x3": (3, 1, 1, 32, None),
        "dil_choke_conv_3x3": (3, 1, 2, 32, None),
    }


def test_a_table_for_people_has_the_same_rows(sharptune):
    code, out, _ = sharptune("space", "show", "sharpdarts_table1")
    lines = [line.split() for line in out.splitlines()]

    assert code == 0
    assert ["dil_choke_conv_3x3", "3", "1", "2", "32", "-"] in lines
    assert ["none", "-", "-", "-", "-", "-"] in lines


def test_a_hypercuboid_is_shown_with_its_axes_and_weights(sharptune):
    shown = json.loads(sharptune("space", "show", "multichannel", "--json")[1])

    assert shown["alphas"] == 256
    assert {name: len(values) for name, values in shown["axes"].items()} == {
        "layer": 2,
        "block": 4,
        "channels_in": 4,
        "channels_out": 4,
        "primitive": 2,
    }
    assert (shown["path_length"], shown["head_channels"]) == (8, 768)
    out = sharptune("space", "show", "multichannel")[1]
    assert "256 alphas (2 × 4 × 4 × 4 × 2)" in out
    assert "channels_in     4: 32, 64, 128, 256" in out


def test_a_list_in_a_file_is_shown_too(sharptune, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("- none\n- conv_7x1_1x7\n")

    code, out, _ = sharptune("space", "show", "mine.yaml", "--json")
    shown = json.loads(out)
    assert (code, shown["name"], shown["alphas"]) == (0, None, 56)
    assert "mine.yaml: cells, 2 primitives" in sharptune("space", "show", "mine.yaml")[1]


def test_a_wrong_name_gets_a_sentence(sharptune):
    code, out, err = sharptune("space", "show", "sharpdart")

    assert (code, out) == (2, "")
    assert err.startswith("error: unknown space 'sharpdart'; did you mean 'sharpdarts'?")
