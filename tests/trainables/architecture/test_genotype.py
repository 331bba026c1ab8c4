"""Genotypes as data: published ones, files, and what is wrong with the others."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.genotype import (
    Genotype,
    InvalidGenotype,
    check_operations,
    describe,
    missing_primitives,
    read_genotype,
)
from trainables.architecture.published import ALIASES, PUBLISHED
from trainables.architecture.spaces import OPERATION_NAMES, SPACES, look_up_space
from trainables.errors import UnknownName

CELLS = PUBLISHED["DARTS_V2"].to_json()


@st.composite
def genotypes(draw):
    def cell():
        nodes = draw(st.integers(1, 5))
        edges = tuple(
            (draw(st.sampled_from(OPERATION_NAMES)), draw(st.integers(0, node + 1)))
            for node in range(nodes)
            for _ in range(2)
        )
        return edges, tuple(sorted(draw(st.sets(st.integers(2, nodes + 1), min_size=1))))

    (normal, normal_concat), (reduce, reduce_concat) = cell(), cell()
    return Genotype(normal=normal, normal_concat=normal_concat, reduce=reduce, reduce_concat=reduce_concat)


@given(genotypes())
def test_a_genotype_survives_json(genotype):
    assert Genotype.from_json(json.loads(json.dumps(genotype.to_json()))) == genotype
    assert Genotype.from_json(json.loads(json.dumps(describe(genotype, "ssc")))) == genotype


def test_every_published_name_and_alias_can_be_read(tmp_path):
    assert len(PUBLISHED) == 13
    for name in PUBLISHED:
        assert read_genotype(name, base=tmp_path) == PUBLISHED[name]
    for alias, name in ALIASES.items():
        assert alias not in PUBLISHED
        assert read_genotype(alias, base=tmp_path) == PUBLISHED[name]


def test_darts_means_its_second_order_genotype(tmp_path):
    darts = read_genotype("DARTS", base=tmp_path)

    assert darts.normal[-1] == ("dil_conv_3x3", 2)
    assert darts.normal_concat == (2, 3, 4, 5)


def test_a_file_is_read_from_its_folder_with_or_without_a_description(tmp_path):
    (tmp_path / "plain.json").write_text(json.dumps(CELLS))
    (tmp_path / "found.json").write_text(json.dumps(describe(PUBLISHED["DARTS_V2"], "original")))

    assert read_genotype("plain.json", base=tmp_path) == PUBLISHED["DARTS_V2"]
    assert read_genotype(str(tmp_path / "found.json"), base=tmp_path / "elsewhere") == PUBLISHED["DARTS_V2"]


@pytest.mark.parametrize("text", ["DARTS_V3", "missing.json", "x" * 5000, "a\0b", ""])
def test_what_is_neither_name_nor_file_is_unknown(tmp_path, text):
    with pytest.raises(UnknownName, match="unknown genotype"):
        read_genotype(text, base=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not JSON"), ("[]", "must be a mapping"), ("{}", "needs the key 'normal'"), ("\xff", "not JSON")],
)
def test_a_file_without_a_genotype_is_refused_by_its_path(tmp_path, text, message):
    path = tmp_path / "bad.json"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(InvalidGenotype, match=message) as refusal:
        read_genotype("bad.json", base=tmp_path)

    assert str(refusal.value).startswith(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normal": [["max_pool_3", 0], ["none", 1]]}, "unknown operation 'max_pool_3'; did you mean 'max_pool_3x3'"),
        ({"normal": [["none", 0], ["none", 2]]}, r"node 0 of the normal cell must come from state 0\.\.1, got 2"),
        ({"reduce": [["none", -1], ["none", 1]]}, r"node 0 of the reduce cell must come from state 0\.\.1, got -1"),
        ({"normal": [["none", 0]]}, "two edges for each node, got 1 edges"),
        ({"normal": []}, "two edges for each node, got 0 edges"),
        ({"normal": [["none", True], ["none", 1]]}, r"must be \[operation, state\], got \['none', True\]"),
        ({"normal": [["none", 0, 1], ["none", 1]]}, r"must be \[operation, state\]"),
        ({"normal": "none"}, r"must be a list of \[operation, state\], got 'none'"),
        ({"reduce_concat": [2, 6]}, r"reduce_concat must be ascending nodes out of 2\.\.5, .* got \[2, 6\]"),
        ({"reduce_concat": [1, 2]}, "reduce_concat must be ascending nodes"),
        ({"reduce_concat": [3, 2]}, "reduce_concat must be ascending nodes"),
        ({"reduce_concat": [2, 2]}, "reduce_concat must be ascending nodes"),
        ({"reduce_concat": []}, "reduce_concat must be ascending nodes"),
        ({"reduce_concat": [2.0]}, "reduce_concat must be a list of states"),
        ({"reduce_concat": 2}, "reduce_concat must be a list of states"),
        ({"normals": []}, "has no key 'normals'; its keys are normal, normal_concat, reduce, reduce_concat"),
        ({"kind": "path"}, "of kind 'path' has no cells"),
    ],
)
def test_a_wrong_genotype_is_refused_in_one_clear_sentence(change, message):
    with pytest.raises((InvalidGenotype, UnknownName), match=message) as refusal:
        Genotype.from_json({**CELLS, **change})

    assert "\n" not in str(refusal.value)


def test_a_set_of_operations_that_lacks_one_is_refused():
    with pytest.raises(InvalidGenotype, match="the 'original' operations have no 'choke_conv_3x3'"):
        check_operations(PUBLISHED["SHARP_DARTS"], "original")
    with pytest.raises(UnknownName, match="unknown operations 'scc'; did you mean 'ssc'"):
        describe(PUBLISHED["SHARP_DARTS"], "scc")


def test_an_artifact_describes_itself():
    assert describe(PUBLISHED["DARTS_V2"], "original") == {"kind": "cells", "operations": "original", **CELLS}


def test_spaces_are_found_by_name_and_differ_in_their_operations_only():
    darts, sharp = look_up_space("darts"), look_up_space("darts_ssc")

    assert darts.primitives == sharp.primitives
    assert (darts.operations, sharp.operations) == ("original", "ssc")
    assert list(SPACES) == [space.name for space in SPACES.values()]
    with pytest.raises(UnknownName, match="unknown space 'dart'"):
        look_up_space("dart")


def test_names_of_genotypes_and_spaces_load_without_torch():
    code = (
        "import sys, trainables.architecture.genotype, trainables.architecture.published, "
        "trainables.architecture.spaces;"
        "print(sorted({'torch', 'ray'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_ten_primitives_of_table_1_can_represent_the_genotypes_that_the_paper_says_they_can():
    """arXiv:1903.09900, section 4.2: DARTS+SSC, which is the genotype DARTS_V2, and SharpSepConvDARTS."""
    table_1 = SPACES["sharpdarts_table1"]

    for name in ("DARTS_V2", "SHARPSEPCONV_DARTS"):
        genotype = PUBLISHED[name]
        assert missing_primitives(table_1, genotype) == ()
        for edges, concat in ((genotype.normal, genotype.normal_concat), (genotype.reduce, genotype.reduce_concat)):
            sources = [(edges[2 * node][1], edges[2 * node + 1][1]) for node in range(4)]
            assert concat == (2, 3, 4, 5)
            assert all(first != second for first, second in sources)


def test_the_nine_primitives_that_were_searched_lack_the_average_pools_of_one_of_them():
    released = SPACES["sharpdarts"]

    assert missing_primitives(released, PUBLISHED["DARTS_V2"]) == ()
    assert missing_primitives(released, PUBLISHED["SHARPSEPCONV_DARTS"]) == (
        ("reduce", 3, "avg_pool_3x3"),
        ("reduce", 5, "avg_pool_3x3"),
    )
    assert missing_primitives(released, PUBLISHED["DARTS_V1"]) == (("reduce", 7, "avg_pool_3x3"),)


def test_table_1_has_no_kernels_of_five_so_it_cannot_represent_all_that_the_darts_space_can():
    genotype = PUBLISHED["SHARPSEPCONV_DARTS_MAX_W"]

    assert missing_primitives(SPACES["darts_ssc"], genotype) == ()
    assert missing_primitives(SPACES["sharpdarts_table1"], genotype) == (
        ("normal", 1, "dil_conv_5x5"),
        ("normal", 3, "dil_conv_5x5"),
        ("reduce", 2, "sep_conv_5x5"),
        ("reduce", 4, "sep_conv_5x5"),
        ("reduce", 5, "dil_conv_5x5"),
        ("reduce", 6, "sep_conv_5x5"),
    )


def test_sharper_can_represent_every_genotype_but_those_with_chokes_and_the_one_by_seven():
    lacking = {
        name: {missing[2] for missing in missing_primitives(SPACES["sharper"], PUBLISHED[name])} for name in PUBLISHED
    }

    assert {name: found for name, found in lacking.items() if found} == {
        "AmoebaNet": {"conv_7x1_1x7"},
        "SHARP_DARTS": {"choke_conv_3x3"},
        "SHARP_DARTS_MAX_W": {"choke_conv_3x3", "dil_choke_conv_3x3"},
    }
