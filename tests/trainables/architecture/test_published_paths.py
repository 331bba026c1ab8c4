"""The published paths through MultiChannelNet."""

import json

import pytest

from trainables.architecture.genotype import (
    InvalidGenotype,
    MultiChannelPath,
    PathStep,
    check_operations,
    describe,
    read_architecture,
    read_genotype,
)
from trainables.architecture.published import ALIASES, PUBLISHED
from trainables.architecture.published_paths import PATH_ALIASES, PUBLISHED_PATHS
from trainables.architecture.spaces import look_up_space
from trainables.errors import UnknownName


def test_all_lead_through_the_default_multichannelnet():
    space = look_up_space("multichannel")

    assert len(PUBLISHED_PATHS) == 9
    for path in PUBLISHED_PATHS.values():
        assert [step.stride for step in path.steps] == [1, 2] * space.blocks
        assert {step.operation for step in path.steps} <= set(space.primitives)
        assert {channels for step in path.steps for channels in (step.channels_in, step.channels_out)} <= {
            *space.scales
        }


def test_the_handmade_one_doubles_its_channels_in_the_pools():
    steps = PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"].steps

    assert steps[:2] == (
        PathStep(operation="sep_conv_3x3", channels_in=32, channels_out=32, stride=1),
        PathStep(operation="max_pool_3x3", channels_in=32, channels_out=64, stride=2),
    )
    assert [step.channels_out for step in steps] == [32, 64, 64, 128, 128, 256, 256, 256]


def test_every_name_and_alias_can_be_read_and_none_is_taken_twice(tmp_path):
    for name, path in PUBLISHED_PATHS.items():
        assert read_genotype(name, base=tmp_path) is path
    for alias, name in PATH_ALIASES.items():
        assert read_genotype(alias, base=tmp_path) is PUBLISHED_PATHS[name]
    assert not {*PUBLISHED_PATHS, *PATH_ALIASES} & {*PUBLISHED, *ALIASES}
    assert not {*PUBLISHED_PATHS} & {*PATH_ALIASES}


@pytest.mark.parametrize("name", PUBLISHED_PATHS)
def test_a_path_survives_json_and_a_file(name, tmp_path):
    path = PUBLISHED_PATHS[name]
    (tmp_path / "path.json").write_text(json.dumps(describe(path, "ssc")))

    assert MultiChannelPath.from_json(json.loads(json.dumps(path.to_json()))) == path
    assert read_genotype("path.json", base=tmp_path) == path
    assert describe(path, "ssc")["kind"] == "path"


STEPS = PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"].to_json()["steps"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "paths", "steps": STEPS}, "unknown kind of genotype 'paths'; did you mean 'path'"),
        ({"kind": ["path"], "steps": STEPS}, "unknown kind of genotype"),
        ({"kind": "path"}, "a path needs the key 'steps'"),
        ({"kind": "path", "steps": []}, "a path needs steps"),
        ({"kind": "path", "steps": STEPS, "step": 1}, "unknown key of a path 'step'; did you mean 'steps'"),
        ({"kind": "path", "steps": STEPS, "operations": "original"}, "made of 'ssc' operations, got 'original'"),
        ({"kind": "path", "steps": [STEPS[0][:3]]}, r"a step must be \[operation, channels in, .* got"),
        ({"kind": "path", "steps": [[*STEPS[0][:3], True]]}, "a step must be"),
        ({"kind": "path", "steps": [[*STEPS[0][:3], 3]]}, "step 0 of the path needs channels and a stride of 1 or 2"),
        ({"kind": "path", "steps": [["none", 4, 4, 1]]}, "unknown operation 'none'"),
        ({"kind": "path", "steps": [STEPS[0], STEPS[2]]}, "step 1 .* begins with 64 channels, .* ends with 32"),
    ],
)
def test_a_wrong_path_is_refused_in_one_clear_sentence(data, message):
    with pytest.raises((InvalidGenotype, UnknownName), match=message) as refusal:
        read_architecture(data)

    assert "\n" not in str(refusal.value)


def test_a_path_is_made_of_sharp_sep_convs():
    path = PUBLISHED_PATHS["MULTI_CHANNEL_MAX_W_PATH"]

    check_operations(path, "ssc")
    with pytest.raises(InvalidGenotype, match="'ssc' operations"):
        check_operations(path, "original")
    with pytest.raises(UnknownName, match="did you mean 'ssc'"):
        check_operations(path, "scc")
