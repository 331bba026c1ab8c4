"""Which classes of a dataset are those of a network."""

from dataclasses import replace

import pytest

from trainables.data.catalog import DATASETS
from trainables.errors import SharptuneError
from trainables.exporting import Export, check_classes, matched_by_position

NAMED, COUNTED = ["cat", "dog", "emu"], ["0", "1", "2"]
ELEVEN = [str(label) for label in range(11)]


def sides(network: list[str], dataset: list[str]):
    info = replace(DATASETS["cifar10"], title="pets", classes=len(dataset), class_names=tuple(dataset))
    return Export(tensors={}, about={"classes": network}), info


@pytest.mark.parametrize(
    ("network", "dataset", "by_position"),
    [
        (NAMED, NAMED, False),
        (["7", "8", "9"], ["7", "8", "9"], False),
        (COUNTED, COUNTED, False),
        (NAMED, COUNTED, True),
        (COUNTED, NAMED, True),
        (COUNTED, ["2", "cat", "dog"], True),
    ],
)
def test_equal_classes_match_and_so_do_those_that_are_only_counted(network, dataset, by_position: bool):
    export, info = sides(network, dataset)

    check_classes(export, info)
    assert matched_by_position(export, info) is by_position


@pytest.mark.parametrize(
    ("network", "dataset", "sentence"),
    [
        (
            ["dog", "cat", "emu"],
            NAMED,
            "class 0 of the network is 'dog', and that of pets is 'cat'; the classes must be",
        ),
        (["3", "5", "7"], ["5", "3", "7"], "class 0 of the network is '3', and that of pets is '5'"),
        (["3", "5", "7"], ["3", "5", "8"], "class 2 of the network is '7', and that of pets is '8'"),
        (["3", "5", "7"], NAMED, "class 0 of the network is '3', and that of pets is 'cat'"),
        (NAMED, ["3", "5", "7"], "class 0 of the network is 'cat', and that of pets is '3'"),
        (COUNTED, ["1", "2", "3"], "class 0 of the network is '0', and that of pets is '1'"),
        (sorted(ELEVEN), ELEVEN, "class 2 of the network is '10', and that of pets is '2'"),
        (NAMED, ["cat", "dog"], "the network tells 3 classes apart, and pets has 2"),
    ],
)
def test_classes_are_never_matched_by_position_where_names_can_tell(network, dataset, sentence: str):
    export, info = sides(network, dataset)

    with pytest.raises(SharptuneError, match=sentence):
        check_classes(export, info)
