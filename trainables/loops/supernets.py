"""The supernet of each kind of space, and what its alphas have found.

Shape letters: E = edges, K = operations that share a softmax, L = layers of a path.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from torch import Tensor

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.derive_path import greedy_bottom_up, greedy_top_down, longest_path, to_path
from trainables.architecture.discretize import derive_genotype, softmax
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Architecture, describe
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.hypercuboid_supernet import MultiChannelSupernet
from trainables.architecture.networks import natural_network
from trainables.architecture.paths import MultiChannelPath
from trainables.architecture.spaces import MultiChannelSpace, SearchSpace, Space, read_space
from trainables.config import SearchConfig
from trainables.errors import TrialFailure
from trainables.trial import JSON

Supernet: TypeAlias = CellSupernet | MultiChannelSupernet
"""What a search trains. Both map x_BCHW to logits and have reset, weight_parameters and alpha_parameters."""

SIZE = ("params", "addmult", "macs", "pools", "skips")
"""Metrics of an architecture, whatever it is made of."""

POOLS = ("max_pool_3x3", "avg_pool_3x3")

Alphas: TypeAlias = Mapping[str, Any]
"""Alphas as nested lists, by the names of `named_alphas`."""


def build_supernet(config: SearchConfig, classes: int) -> Supernet:
    """Return the supernet of a search. Raises: UnknownName, TrialFailure for settings that its space has no use for."""
    space = read_space(config.space)
    if isinstance(space, MultiChannelSpace):
        return MultiChannelSupernet(
            space=space,
            weighting=config.weighting,
            classes=classes,
            prune_below=config.prune_below,
            activation_checkpointing=config.activation_checkpointing,
        )
    if config.prune_below is not None:
        raise TrialFailure("prune_below: operations are left out in a MultiChannelNet only; this space is of cells")
    return CellSupernet(
        space=space,
        weighting=config.weighting,
        channels=config.channels,
        layers=config.layers,
        classes=classes,
        activation_checkpointing=config.activation_checkpointing,
    )


def operations_of(space: Space) -> str:
    """Return the set of operations that a space's architectures are built from; `ssc` for MultiChannelNets."""
    return space.operations if isinstance(space, SearchSpace) else "ssc"


def named_alphas(network: Supernet) -> dict[str, Tensor]:
    """Return the alphas, detached, by the names under which an epoch records them.

    They are `alphas_normal` and `alphas_reduce` of cells, (E, K) each; `alphas` of a MultiChannelNet, in the shape of
    its cuboid.
    """
    own = {id(alphas) for alphas in network.alpha_parameters()}
    return {name: value.detach() for name, value in network.named_parameters() if id(value) in own}


def derive(space: Space, alphas: Alphas) -> Architecture:
    """Return the architecture that a search of the space has found: the strongest cells, or the longest path."""
    if isinstance(space, SearchSpace):
        return derive_genotype(alphas["alphas_normal"], alphas["alphas_reduce"], space.primitives)
    cuboid = multichannel_cuboid(space)
    return to_path(cuboid, longest_path(cuboid, path_weights(space, alphas)))


def findings(space: Space, alphas: Alphas) -> dict[str, JSON]:
    """Return all artifacts that a search finds, each an architecture that describes itself.

    `genotype` is the one of `derive`. Of cells, `genotype_with_none` lets `none` compete too. Of a MultiChannelNet,
    `genotype_top_down` and `genotype_bottom_up` are the greedy paths.
    """
    found = {"genotype": derive(space, alphas)}
    if isinstance(space, SearchSpace):
        found["genotype_with_none"] = derive_genotype(
            alphas["alphas_normal"], alphas["alphas_reduce"], space.primitives, keep_none=True
        )
    else:
        cuboid, w_LK = multichannel_cuboid(space), path_weights(space, alphas)
        found["genotype_top_down"] = to_path(cuboid, greedy_top_down(cuboid, w_LK))
        found["genotype_bottom_up"] = to_path(cuboid, greedy_bottom_up(cuboid, w_LK))
    return {name: describe(architecture, operations_of(space)) for name, architecture in found.items()}


def size(architecture: Architecture, operations: str) -> dict[str, int]:
    """Return, as metrics, params, addmult and macs of its final network at the paper's size, its pools and its skips.

    `pools` and `skips` count such operations among the edges of both cells, or the steps of the path: what a search
    that prefers small operations chooses (arXiv:1903.09900, section 4.3).
    """
    cost = architecture_cost(architecture, network=natural_network(architecture), operations=operations)
    names = operations_in(architecture)
    return {
        **{name: getattr(cost, name) for name in ("params", "addmult", "macs")},
        "pools": sum(name in POOLS for name in names),
        "skips": names.count("skip_connect"),
    }


def operations_in(architecture: Architecture) -> list[str]:
    """Return the names of all its operations: those of the normal cell before those of the reduction cell."""
    if isinstance(architecture, MultiChannelPath):
        return [step.operation for step in architecture.steps]
    return [operation for operation, _ in (*architecture.normal, *architecture.reduce)]


def path_weights(space: MultiChannelSpace, alphas: Alphas) -> list[list[float]]:
    """Return w_LK, a MultiChannelNet's weights after the softmax, layers in the order of a path."""
    alphas_LK = np.asarray(alphas["alphas"], dtype=float).ravel()[multichannel_cuboid(space).indices_LK]
    return [softmax(alphas_K) for alphas_K in alphas_LK.tolist()]
