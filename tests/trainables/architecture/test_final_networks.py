"""Final networks by name: which architectures they are made of, what they cost by default."""

import pytest

from trainables.architecture.cell_network import CellNetwork, ImageNetNetwork
from trainables.architecture.final_networks import architecture_cost, build_network
from trainables.architecture.genotype import InvalidGenotype
from trainables.architecture.networks import NETWORKS, natural_network
from trainables.architecture.path_network import PathNetwork
from trainables.architecture.published import PUBLISHED
from trainables.architecture.published_paths import PUBLISHED_PATHS
from trainables.errors import UnknownName

CELLS, PATH = PUBLISHED["SHARP_DARTS"], PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"]


def build(architecture, network, **changes):
    sizes = {"operations": "ssc", "channels": 2, "layers": 3, "classes": 3, "auxiliary": False, "mid_channels": 5}
    return build_network(architecture, network=network, **{**sizes, **changes})


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("cifar", CellNetwork),
        ("imagenet", ImageNetNetwork),
        ("multichannel", PathNetwork),
        ("multichannel_released", PathNetwork),
    ],
)
def test_each_network_is_built_by_its_name(network, kind):
    built = build(CELLS if NETWORKS[network].cells else PATH, network)

    assert type(built) is kind


def test_the_released_network_lacks_the_last_operation():
    whole, released = build(PATH, "multichannel"), build(PATH, "multichannel_released")

    assert (len(whole.operations), len(released.operations)) == (8, 7)


@pytest.mark.parametrize("network", ["cifar", "imagenet"])
def test_the_middle_of_choke_blocks_is_as_wide_as_asked_for(network):
    narrow, wide = build(CELLS, network, mid_channels=3), build(CELLS, network, mid_channels=7)

    def widths(built):
        return {module.out_channels for name, module in built.named_modules() if name.endswith("body.1")}

    assert widths(wide) - widths(narrow) == {7}
    assert widths(narrow) - widths(wide) == {3}


@pytest.mark.parametrize(
    ("architecture", "network", "changes", "sentence"),
    [
        (PATH, "cifar", {}, "a path cannot become the network 'cifar'; set network: multichannel or"),
        (PATH, "imagenet", {}, "a path cannot become"),
        (CELLS, "multichannel", {}, "cells cannot become the network 'multichannel'; set network: cifar or imagenet"),
        (CELLS, "multichannel_released", {}, "cells cannot become"),
        (PATH, "multichannel", {"auxiliary": True}, "neither an auxiliary head nor drop path; set auxiliary: false"),
        (PATH, "multichannel", {"operations": "original"}, "a path is made of 'ssc' operations"),
        (CELLS, "cifar", {"operations": "original"}, "have no 'choke_conv_3x3'"),
    ],
)
def test_what_does_not_go_together_is_refused(architecture, network, changes, sentence):
    with pytest.raises(InvalidGenotype, match=sentence):
        build(architecture, network, **changes)


def test_an_unknown_network_is_refused_with_a_suggestion():
    for refuse in (build, lambda architecture, network: architecture_cost(architecture, network=network)):
        with pytest.raises(UnknownName, match="did you mean 'imagenet'"):
            refuse(CELLS, "imagnet")


def test_costs_are_those_of_the_papers_tables_by_default():
    assert architecture_cost(CELLS, network="imagenet") == architecture_cost(
        CELLS, network="imagenet", operations="ssc", channels=48, layers=14, mid_channels=32, classes=1000
    )
    assert architecture_cost(CELLS) is architecture_cost(CELLS, network="cifar", channels=36, layers=20, classes=10)
    assert architecture_cost(PATH, network="multichannel").params == 1_035_882


def test_without_a_name_cells_are_for_cifar_and_paths_whole():
    assert (natural_network(CELLS), natural_network(PATH)) == ("cifar", "multichannel")
