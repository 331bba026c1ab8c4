"""The supernet of each kind of space, and what is derived from its alphas."""

import numpy as np
import pytest
import torch
from naive_networks import in_double_precision

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.discretize import derive_genotype
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import read_architecture
from trainables.architecture.hypercuboid_supernet import MultiChannelSupernet
from trainables.architecture.published import PUBLISHED
from trainables.architecture.published_paths import PUBLISHED_PATHS
from trainables.architecture.spaces import SPACES, read_space
from trainables.catalog import CATALOG
from trainables.config import SearchConfig
from trainables.errors import TrialFailure
from trainables.loops.supernets import build_supernet, derive, findings, named_alphas, path_weights, size

__all__ = ["in_double_precision"]

MULTICHANNEL = {"kind": "multichannel", "scales": [2, 3], "blocks": 2, "layers": 2, "head_channels": 4}


def test_cells_get_a_cell_supernet_with_the_settings_of_the_search():
    config = SearchConfig(
        space=["none", "skip_connect"], weighting="max_w", channels=2, layers=3, activation_checkpointing=True
    )
    network = build_supernet(config, 4)

    assert isinstance(network, CellSupernet)
    assert (network.space.primitives, network.activation_checkpointing) == (("none", "skip_connect"), True)
    assert network(torch.zeros(2, 3, 8, 8)).shape == (2, 4)
    assert {name: tuple(alphas.shape) for name, alphas in named_alphas(network).items()} == {
        "alphas_normal": (14, 2),
        "alphas_reduce": (14, 2),
    }


def test_a_multichannel_space_gets_its_own_supernet():
    network = build_supernet(SearchConfig(space=MULTICHANNEL, prune_below=0.001), 4)

    assert isinstance(network, MultiChannelSupernet)
    assert network(torch.zeros(2, 3, 16, 16)).shape == (2, 4)
    assert {name: tuple(alphas.shape) for name, alphas in named_alphas(network).items()} == {"alphas": (2, 2, 2, 2, 2)}


def test_pruning_cells_is_refused():
    with pytest.raises(TrialFailure, match=r"^prune_below: "):
        build_supernet(SearchConfig(prune_below=0.001), 10)


def test_cells_are_found_with_and_without_none():
    space = SPACES["sharpdarts"]
    alphas = {name: torch.randn(14, 9) for name in ("alphas_normal", "alphas_reduce")}
    for value in alphas.values():
        value[3, 0] = 9.0

    found = findings(space, {name: value.tolist() for name, value in alphas.items()})

    assert list(found) == ["genotype", "genotype_with_none"]
    assert set(found) <= set(CATALOG["search"].artifacts)
    for name, keep_none in (("genotype", False), ("genotype_with_none", True)):
        expected = derive_genotype(*alphas.values(), space.primitives, keep_none=keep_none)
        assert read_architecture(found[name]) == expected
        assert found[name]["operations"] == "ssc"
    assert ["none", 1] in found["genotype_with_none"]["normal"]
    assert all(operation != "none" for operation, _ in found["genotype"]["normal"])


def test_a_path_is_found_in_three_ways():
    """Layer by layer the strongest first operation leads away from the strongest later ones."""
    space = read_space(MULTICHANNEL)
    network = build_supernet(SearchConfig(space=MULTICHANNEL), 4)
    with torch.no_grad():
        network.alphas.zero_()
        strong = [((0, 0, 0, 0, 0), 3.0), ((0, 0, 1, 1, 0), 2.9), ((1, 0, 1, 1, 1), 3.0)]
        strong += [((0, 1, 1, 1, 1), 3.0), ((1, 1, 1, 1, 0), 2.9), ((1, 1, 0, 0, 1), 3.0)]
        for at, alpha in strong:
            network.alphas[at] = alpha
    alphas = {name: value.tolist() for name, value in named_alphas(network).items()}

    found = findings(space, alphas)

    assert list(found) == ["genotype", "genotype_top_down", "genotype_bottom_up"]
    assert set(found) <= set(CATALOG["search"].artifacts)
    steps = {name: [(step[0][:3], *step[1:]) for step in artifact["steps"]] for name, artifact in found.items()}
    middle = [("max", 3, 3, 2), ("max", 3, 3, 1)]
    assert steps["genotype"] == [("sep", 3, 3, 1), *middle, ("sep", 3, 3, 2)]
    assert steps["genotype_top_down"][0] == ("sep", 2, 2, 1)
    assert steps["genotype_bottom_up"][-1] == ("max", 2, 2, 2)
    assert derive(space, alphas) == read_architecture(found["genotype"])


def test_path_weights_are_those_of_the_supernet():
    space = read_space(MULTICHANNEL)
    network = build_supernet(SearchConfig(space=MULTICHANNEL), 4)
    torch.nn.init.normal_(network.alphas)

    w_LK = path_weights(space, {"alphas": network.alphas.tolist()})

    np.testing.assert_allclose(w_LK, network.weights_after_softmax().detach().numpy(), rtol=1e-12)


def test_sizes_are_those_of_the_final_networks_of_the_paper():
    cells, path = PUBLISHED["DARTS_V2"], PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"]
    of_cells, of_path = architecture_cost(cells, operations="original"), architecture_cost(path, network="multichannel")

    for found, expected in ((size(cells, "original"), of_cells), (size(path, "ssc"), of_path)):
        assert [found[name] for name in ("params", "addmult", "macs")] == [
            expected.params,
            expected.addmult,
            expected.macs,
        ]


def test_pools_and_skips_of_both_cells_and_of_paths_are_counted():
    cells, path = size(PUBLISHED["DARTS_V2"], "original"), size(PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"], "ssc")

    assert (cells["pools"], cells["skips"]) == (5, 5)
    assert (path["pools"], path["skips"]) == (4, 0)
