"""Search spaces by name, by list and by mapping: one content is one space, and what cannot be searched is refused."""

import pytest

from trainables.architecture.paths import MultiChannelPath
from trainables.architecture.spaces import (
    MULTICHANNEL_SPACES,
    OPERATION_SETS,
    SPACE_NAMES,
    SPACES,
    look_up_space,
    read_space,
    written_space,
)
from trainables.config import SearchConfig
from trainables.errors import SharptuneError


@pytest.mark.parametrize("name", SPACE_NAMES)
def test_a_space_written_out_is_the_space_of_that_name(name):
    space = look_up_space(name)

    assert read_space(space.to_json()) is space
    assert written_space(read_space(space.to_json())) == name
    assert SearchConfig(space=space.to_json()) == SearchConfig(space=name)


def test_a_list_of_primitives_is_of_sharp_sep_convs():
    space = read_space(["none", "skip_connect", "sep_conv_3x3"])

    assert (space.name, space.operations) == ("", "ssc")
    assert read_space(list(SPACES["darts"].primitives)) is SPACES["darts_ssc"]
    assert SearchConfig(space=["none", "skip_connect"]).space == {
        "kind": "cells",
        "operations": "ssc",
        "primitives": ["none", "skip_connect"],
    }


def test_what_a_multichannel_mapping_leaves_out_is_as_in_the_space_of_that_name():
    space = read_space({"kind": "multichannel", "scales": [4, 8]})

    assert space.to_json() == {**MULTICHANNEL_SPACES["multichannel"].to_json(), "scales": [4, 8]}
    assert read_space({"kind": "multichannel", "blocks": 3, "layers": 3}) is MULTICHANNEL_SPACES["multichannel_printed"]


def test_what_a_nas_bench_201_mapping_leaves_out_is_as_in_the_benchmark():
    small = read_space({"kind": "nas_bench_201", "cells_per_stage": 1})

    assert (small.primitives, small.cells_per_stage) == (look_up_space("nas_bench_201").primitives, 1)
    assert read_space({"kind": "nas_bench_201"}) == look_up_space("nas_bench_201")
    assert read_space(small.to_json()) == small


def test_the_released_spaces_have_the_primitives_of_their_lists():
    assert [len(space.primitives) for space in SPACES.values()] == [8, 8, 9, 10, 12]
    assert set(SPACES["sharpdarts_table1"].primitives) - set(SPACES["sharpdarts"].primitives) == {"avg_pool_3x3"}
    for space in SPACES.values():
        assert set(space.primitives) <= set(OPERATION_SETS[space.operations])


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("sharpdart", "unknown space 'sharpdart'; did you mean 'sharpdarts'?"),
        (7, "a space is a name, a list of primitives or a mapping, got 7"),
        ([], "a space needs primitives"),
        (["none"], "a space needs a primitive besides 'none'"),
        (["skip_connect", "skip_connect"], "the primitive 'skip_connect' is there twice"),
        (["skip_conect"], "did you mean 'skip_connect'?"),
        ([3], "primitives must be a list of names, got [3]"),
        ({"operations": "ssc"}, "a space of cells needs the key 'primitives'"),
        ({"operations": "original", "primitives": ["flood_conv_3x3"]}, "unknown primitive 'flood_conv_3x3'"),
        ({"operations": "orignal", "primitives": ["none", "skip_connect"]}, "did you mean 'original'?"),
        ({"primitivs": ["none"]}, "did you mean 'primitives'?"),
        ({"kind": "cell"}, "unknown kind of space 'cell'; did you mean 'cells'?"),
        ({"kind": "multichannel", "scales": [8, 8]}, "scales must be different numbers of channels, got [8, 8]"),
        ({"kind": "multichannel", "scales": "8"}, "scales must be a list of whole numbers"),
        ({"kind": "multichannel", "blocks": 0}, "blocks must be 1 or more, got 0"),
        ({"kind": "multichannel", "blocks": 1.5}, "blocks must be a whole number, got 1.5"),
        ({"kind": "multichannel", "layers": True}, "layers must be a whole number, got True"),
        ({"kind": "multichannel", "primitives": ["none", "sep_conv_3x3"]}, "a path cannot lead through 'none'"),
        ({"kind": "nas_bench_201", "cells_per_stage": 0}, "cells_per_stage must be 1 or more, got 0"),
        ({"kind": "nas_bench_201", "cells_per_stage": 1.5}, "cells_per_stage must be a whole number, got 1.5"),
        ({"kind": "nas_bench_201", "primitives": ["sep_conv_3x3"]}, "'sep_conv_3x3'; did you mean 'nor_conv_3x3'?"),
        ({"kind": "nas_bench_201", "primitives": ["none"]}, "a space needs a primitive besides 'none'"),
        ({"kind": "nas_bench_201", "layers": 3}, "unknown key of a space 'layers'"),
        ({"kind": "multichannel", "scales": [1, 4], "primitives": ["skip_connect"]}, "needs 2 channels or more"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(written, message):
    with pytest.raises(SharptuneError) as caught:
        read_space(written)

    assert message in str(caught.value)
    with pytest.raises(ValueError, match="space"):
        SearchConfig(space=written)


STEPS = [["sep_conv_3x3", 4, 8, 1], ["max_pool_3x3", 8, 8, 2]]


def test_a_path_survives_its_journey_as_json():
    path = MultiChannelPath.from_json({"kind": "path", "operations": "ssc", "steps": STEPS})

    assert path.to_json() == {"kind": "path", "operations": "ssc", "steps": STEPS}
    assert MultiChannelPath.from_json(path.to_json()) == path


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "a path must be a mapping of kind 'path'"),
        ({"kind": "cells"}, "a path must be a mapping of kind 'path'"),
        ({"kind": "path", "step": STEPS}, "did you mean 'steps'?"),
        ({"kind": "path"}, "needs the key 'steps', a list"),
        ({"kind": "path", "steps": []}, "a path needs steps"),
        ({"kind": "path", "operations": "original", "steps": STEPS}, "made of 'ssc' operations, got 'original'"),
        ({"kind": "path", "steps": [["sep_conv_3x3", 4, 8]]}, "a step must be [operation, channels in"),
        ({"kind": "path", "steps": [["sep_conv_3x3", 4, True, 1]]}, "a step must be [operation, channels in"),
        ({"kind": "path", "steps": [["none", 4, 4, 1]]}, "unknown operation 'none'"),
        ({"kind": "path", "steps": [["sep_conv_3x3", 4, 8, 3]]}, "a stride of 1 or 2"),
        ({"kind": "path", "steps": [STEPS[0], STEPS[0]]}, "begins with 4 channels, but the one before it ends with 8"),
        ({"kind": "path", "steps": [["skip_connect", 4, 1, 2]]}, "a skip_connect of stride 2 makes 2 channels or more"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_in_a_sentence(data, message):
    with pytest.raises(SharptuneError) as caught:
        MultiChannelPath.from_json(data)

    assert message in str(caught.value)
