"""Products of vectors with the Hessian of a supernet's loss in its alphas, one batch after the other.

Shape letters: A = all alphas, B = images of a batch, C = classes, H, W = pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.architecture.supernets import Supernet
from trainables.diagnosis.eigenvalues import Vector
from trainables.loops.derived import batch_statistics


def hessian_product(network: Supernet, x_BCHW: Tensor, labels_B: Tensor, v_A: Vector) -> Vector:
    """Return a vector times the Hessian of the sum of a batch's cross entropies in the alphas: float64, (A,).

    The gradient of the product of gradient and vector, by automatic differentiation twice. Batch norms normalise by the
    batch, whose statistics depend on the alphas, too.

    Args:
        v_A: the alphas' parts one after the other, each flattened.
    """
    alphas = network.alpha_parameters()
    with batch_statistics(network), torch.enable_grad():
        loss = F.cross_entropy(network(x_BCHW), labels_B, reduction="sum")
        gradients = torch.autograd.grad(loss, alphas, create_graph=True, materialize_grads=True)
        along = _flat(gradients) @ torch.from_numpy(v_A).to(alphas[0])
        products = torch.autograd.grad(along, alphas, materialize_grads=True)
    return _flat(products).double().cpu().numpy()


def number_of_alphas(network: Supernet) -> int:
    """Return A."""
    return sum(alphas.numel() for alphas in network.alpha_parameters())


def _flat(parts: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])
