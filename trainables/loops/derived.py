"""The derived network inside its supernet: the operations that were chosen, alone, with the weights they share.

Batch norms normalise by each batch's own statistics here, and leave the running ones as they are: those of a supernet
are of sums of all operations, which a few of them alone do not have (arXiv:1904.00420, which computes them anew for
each architecture).

Shape letters: B = images of a batch, N = images of a half, C = classes, H, W = pixels, K = operations.
"""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.architecture.blocks import at_least_float32, frozen_statistics
from trainables.architecture.genotype import Architecture, Edges, Genotype, MultiChannelPath
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace, Space
from trainables.architecture.supernets import Supernet
from trainables.loops import evaluation, randomness
from trainables.loops.images import Images
from trainables.trial import Step

GAP_IMAGES = 512
"""Images that the discretisation gap is measured on: at the paper's size, 0.6 % of what an epoch computes."""


def multipliers_of(space: Space, architecture: Architecture) -> list[Tensor]:
    """Return the multipliers that leave an architecture of its space's supernet: 1 for what it chose, 0 for the rest.

    A tensor for each of the alphas, in its shape.
    """
    match space:
        case SearchSpace():
            assert isinstance(architecture, Genotype)
            return [_of_cell(space, cell) for cell in (architecture.normal, architecture.reduce)]
        case MultiChannelSpace():
            assert isinstance(architecture, MultiChannelPath)
            return [_of_path(space, architecture)]
        case NasBench201Space():
            columns_E = [space.primitives.index(operation) for operation in architecture.operations]
            return [torch.eye(len(space.primitives))[columns_E]]


def _of_cell(space: SearchSpace, cell: Edges) -> Tensor:
    nodes = len(cell) // 2
    chosen_EK = torch.zeros(nodes * (nodes + 3) // 2, len(space.primitives))
    for position, (primitive, state) in enumerate(cell):
        node = position // 2
        chosen_EK[node * (node + 3) // 2 + state, space.primitives.index(primitive)] = 1
    return chosen_EK


def _of_path(space: MultiChannelSpace, path: MultiChannelPath) -> Tensor:
    cuboid = multichannel_cuboid(space)
    chosen = torch.zeros(cuboid.weights)
    for layer, step in enumerate(path.steps):
        wanted = {"primitive": step.operation, "channels_in": step.channels_in, "channels_out": step.channels_out}
        fits = [wanted.items() <= candidate.items() for candidate in cuboid.candidates(layer)]
        chosen[cuboid.indices_LK[layer, fits.index(True)]] = 1
    return chosen.view(cuboid.shape)


@contextmanager
def batch_statistics(network: Supernet) -> Iterator[None]:
    """Let batch norms normalise by the batch, and leave the network in the mode, and with the statistics, it had."""
    training = network.training
    with frozen_statistics(network):
        network.train()
        try:
            yield
        finally:
            network.train(training)


def in_batches(rows_N: Tensor) -> Sequence[Tensor]:
    """Return rows as batches of nearly one size: none of them is too small to have statistics of its own."""
    return rows_N.tensor_split(math.ceil(len(rows_N) / evaluation.EVALUATION_BATCH))


def discretisation_gap(
    network: Supernet,
    multipliers: Sequence[Tensor],
    images: Images,
    transform: Callable[[Tensor], Tensor],
    compute: Callable[[], AbstractContextManager[None]],
    here: Step,
) -> Generator[Step, None, float | None]:
    """Yield `here` after each batch; return by how much the loss grows when only the chosen operations are left.

    The mean cross entropy of the derived network, with the weights of the supernet, less the supernet's own, both on
    the same images in the same batches. Nothing of the network changes. These are the same images for all searches of
    a dataset, drawn from the validation set: GAP_IMAGES, or as many as there are.

    Args:
        multipliers: what `multipliers_of` returns for the architecture.
        compute: the context that the network computes in.

    Returns:
        The gap, in nats; None where a loss is no number, or no batch has two images.
    """
    rows_N = randomness.order(len(images), seed=0, trainable="search", purpose="discretisation gap", epoch=0)
    rows_N = rows_N[:GAP_IMAGES].sort().values
    if len(rows_N) < 2:
        return None
    alphas = network.alpha_parameters()
    chosen = [each.to(own) for each, own in zip(multipliers, alphas, strict=True)]
    gap = 0.0
    for rows_B in in_batches(rows_N):
        images_BHWC, labels_B = images.batch(rows_B)
        x_BCHW = transform(images_BHWC)
        with torch.no_grad(), batch_statistics(network), compute():
            derived_BC, whole_BC = network(x_BCHW, chosen), network(x_BCHW)
        losses = [
            F.cross_entropy(at_least_float32(logits_BC), labels_B, reduction="sum")
            for logits_BC in (derived_BC, whole_BC)
        ]
        gap += float(losses[0] - losses[1]) / len(rows_N)
        yield here
    return gap if math.isfinite(gap) else None
