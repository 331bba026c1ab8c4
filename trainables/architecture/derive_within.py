"""From alphas to the best architecture within a budget: cells, a path through a MultiChannelNet, or NAS-Bench-201's.

Total weight is what the ordinary derivations make as large as it can be: the sum, over all that is chosen, of weights
after the softmax (arXiv:1806.09055, section 2.4, here of both cells together; arXiv:1903.09900, section 4.1). The
budget limits the final network (arXiv:1903.09900, section 5), whose size is a constant and a sum over what is chosen.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from trainables.architecture.budget import Budget, Chosen, InvalidBudget, Within
from trainables.architecture.budgeted_flow import UNIT, Flow, best_within, iterated_simplex, smallest
from trainables.architecture.cell_choices import CellChoices
from trainables.architecture.cell_supernet import EDGES
from trainables.architecture.genotype import Architecture
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.nas_bench_201 import cell as nas_bench_201
from trainables.architecture.nas_bench_201_choices import NasBench201Choices
from trainables.architecture.networks import check_network
from trainables.architecture.path_choices import PathChoices
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace, Space
from trainables.errors import SharptuneError


class InvalidAlphas(SharptuneError):
    """Alphas that are none of the space's."""


Alphas: TypeAlias = Mapping[str, Any]
"""Alphas as nested lists, by the names under which an epoch records them."""


def derive_within(space: Space, alphas: Alphas, budget: Budget, *, network: str, **sizes: int) -> Within:
    """Return the architecture of the largest total weight whose final network keeps the budget.

    Where the ordinary derivation's keeps it, that is the one. Among others of equal weight, in billionths, the first
    one wins: of cells in the order of the nodes, those of the normal cell first, then of the source states, then of the
    primitives; of paths as in `longest_path`; in NAS-Bench-201 in the order of the edges, then of the primitives.

    Args:
        network, sizes: how the final network is built: arguments of `architecture_cost`.

    Raises: InvalidBudget when nothing keeps it; InvalidAlphas; InvalidGenotype for a network that the space's
        architectures cannot become.
    """
    choices = _choices(space, alphas, budget, network, sizes)

    def chosen(architecture: Architecture) -> Chosen:
        weight = sum(choices.weights[choice] for choice in choices.of(architecture))
        return Chosen(architecture=architecture, weight=weight / UNIT, size=choices.count(architecture))

    def found(flow: Flow | None) -> Chosen:
        if flow is None:
            raise InvalidBudget(_nothing_fits(budget, problem.cost(smallest(problem))))
        return chosen(choices.architecture(problem.choices(flow)))

    unlimited = chosen(choices.ordinary)
    if unlimited.size <= budget.limit:
        return Within(best=unlimited, simplex=unlimited, unlimited=unlimited)
    problem = choices.problem()
    best = found(best_within(problem, budget.limit))
    return Within(best=best, simplex=found(iterated_simplex(problem, budget.limit)), unlimited=unlimited)


def never_fits(space: Space, budget: Budget, *, network: str, **sizes: int) -> str | None:
    """Return a sentence where no architecture of a space keeps a budget; None where one does, whatever the alphas.

    Raises: InvalidGenotype for a network that the space's architectures cannot become.
    """
    problem = _choices(space, _no_alphas(space), budget, network, sizes).problem()
    least = problem.cost(smallest(problem))
    return None if least <= budget.limit else _nothing_fits(budget, least)


def _nothing_fits(budget: Budget, least: int) -> str:
    return f"no architecture of this space has {budget} or less; the smallest has {least:,}"


def _no_alphas(space: Space) -> Alphas:
    row_K = [0.0] * len(space.primitives)
    match space:
        case SearchSpace():
            return {name: [row_K] * EDGES for name in ("alphas_normal", "alphas_reduce")}
        case MultiChannelSpace():
            return {"alphas": [0.0] * multichannel_cuboid(space).weights}
        case NasBench201Space():
            return {"alphas": [row_K] * len(nas_bench_201.EDGES)}


def _check_alphas(space: Space, alphas: Alphas) -> None:
    """Raises: InvalidAlphas."""
    shapes = {name: np.shape(value) for name, value in _no_alphas(space).items()}
    for name, shape in shapes.items():
        try:
            values = np.asarray(alphas[name], dtype=float)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidAlphas(f"there are no numbers {name!r}, which a search of this space has") from error
        if values.size != math.prod(shape) or (len(shape) == 2 and values.shape != shape):
            raise InvalidAlphas(f"{name!r} have the shape {values.shape}, and those of this space {shape}")
        if not np.isfinite(values).all():
            raise InvalidAlphas(f"not all of {name!r} are finite numbers")


def _choices(
    space: Space, alphas: Alphas, budget: Budget, network: str, sizes: Mapping[str, int]
) -> CellChoices | PathChoices | NasBench201Choices:
    _check_alphas(space, alphas)
    match space:
        case SearchSpace():
            choices = CellChoices(space, alphas, size=budget.size, network=network, **sizes)
        case MultiChannelSpace():
            choices = PathChoices(space, alphas, size=budget.size, network=network, **sizes)
        case NasBench201Space():
            choices = NasBench201Choices(space, alphas, size=budget.size, network=network, **sizes)
    check_network(choices.ordinary, network)
    return choices
