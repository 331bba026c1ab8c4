"""The supernet of each kind of space, and what its alphas have found.

Shape letters: E = edges, K = operations that share a softmax, L = layers of a path.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from trainables.architecture.derive_path import greedy_bottom_up, greedy_top_down, longest_path, to_path
from trainables.architecture.discretize import derive_genotype, derive_nas_bench_201, softmax
from trainables.architecture.families import FAMILIES
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Architecture, describe
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.networks import natural_network
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace, Space, read_space
from trainables.architecture.supernets import Supernet, space_supernet
from trainables.config import SearchConfig
from trainables.errors import TrialFailure
from trainables.trial import JSON

SIZE = ("params", "addmult", "macs", "pools", "skips")
"""Metrics of an architecture, whatever it is made of."""

POOLS = ("max_pool_3x3", "avg_pool_3x3")

Alphas: TypeAlias = Mapping[str, Any]
"""Alphas as nested lists, by the names of `named_alphas`."""


def build_supernet(config: SearchConfig, classes: int) -> Supernet:
    """Return the supernet of a search. Raises: UnknownName, TrialFailure for settings that its space has no use for."""
    space = read_space(config.space)
    if config.prune_below is not None and not isinstance(space, MultiChannelSpace):
        raise TrialFailure(f"prune_below: {FAMILIES[space.finds].unread['prune_below']}")
    return space_supernet(
        space,
        weighting=config.weighting,
        channels=config.channels,
        layers=config.layers,
        classes=classes,
        prune_below=config.prune_below,
        activation_checkpointing=config.activation_checkpointing,
    )


def operations_of(space: Space) -> str:
    """Return the set of operations that a space's architectures are built from; where they are of none, `ssc`."""
    return space.operations or "ssc"


def named_alphas(network: Supernet) -> dict[str, Tensor]:
    """Return the alphas, detached, by the names under which an epoch records them.

    They are `alphas_normal` and `alphas_reduce` of cells, (E, K) each; `alphas` of a MultiChannelNet, in the shape of
    its cuboid; `alphas` of NAS-Bench-201, (E, K).
    """
    own = {id(alphas) for alphas in network.alpha_parameters()}
    return {name: value.detach() for name, value in network.named_parameters() if id(value) in own}


def derive(space: Space, alphas: Alphas) -> Architecture:
    """Return the architecture that a search of the space has found: the strongest cells, or the longest path."""
    match space:
        case SearchSpace():
            return derive_genotype(alphas["alphas_normal"], alphas["alphas_reduce"], space.primitives)
        case MultiChannelSpace():
            cuboid = multichannel_cuboid(space)
            return to_path(cuboid, longest_path(cuboid, path_weights(space, alphas)))
        case NasBench201Space():
            return derive_nas_bench_201(alphas["alphas"], space.primitives)


def findings(space: Space, alphas: Alphas) -> dict[str, JSON]:
    """Return all artifacts that a search finds, each an architecture that describes itself: those of its family.

    `genotype` is the one of `derive`. Of cells, `genotype_with_none` lets `none` compete too. Of a MultiChannelNet,
    `genotype_top_down` and `genotype_bottom_up` are the greedy paths.
    """
    found = {"genotype": derive(space, alphas), **_other_findings(space, alphas)}
    return {name: describe(architecture, operations_of(space)) for name, architecture in found.items()}


def _other_findings(space: Space, alphas: Alphas) -> dict[str, Architecture]:
    match space:
        case SearchSpace():
            both = alphas["alphas_normal"], alphas["alphas_reduce"]
            return {"genotype_with_none": derive_genotype(*both, space.primitives, keep_none=True)}
        case MultiChannelSpace():
            cuboid, w_LK = multichannel_cuboid(space), path_weights(space, alphas)
            return {
                "genotype_top_down": to_path(cuboid, greedy_top_down(cuboid, w_LK)),
                "genotype_bottom_up": to_path(cuboid, greedy_bottom_up(cuboid, w_LK)),
            }
        case NasBench201Space():
            return {}


def size(architecture: Architecture, operations: str) -> dict[str, int]:
    """Return, as metrics, params, addmult and macs of its final network at the paper's size, its pools and its skips.

    `pools` and `skips` count such operations among the edges of its cells, or the steps of the path: what a search
    that prefers small operations chooses (arXiv:1903.09900, section 4.3).
    """
    cost = architecture_cost(architecture, network=natural_network(architecture), operations=operations)
    return {
        **{name: getattr(cost, name) for name in ("params", "addmult", "macs")},
        "pools": sum(name in POOLS for name in architecture.operations),
        "skips": architecture.operations.count("skip_connect"),
    }


def path_weights(space: MultiChannelSpace, alphas: Alphas) -> list[list[float]]:
    """Return w_LK, a MultiChannelNet's weights after the softmax, layers in the order of a path."""
    alphas_LK = np.asarray(alphas["alphas"], dtype=float).ravel()[multichannel_cuboid(space).indices_LK]
    return [softmax(alphas_K) for alphas_K in alphas_LK.tolist()]
