"""How an edge's weights, after the softmax, scale its candidate operations.

Shape letters: E = edges, K = candidate primitives of an edge.
"""

from collections.abc import Callable, Mapping

from torch import Tensor

from trainables.errors import unknown_name


def scalar(w_EK: Tensor) -> Tensor:
    """Multiply each operation by its weight (arXiv:1806.09055, Eq. 2)."""
    return w_EK


def max_w(w_EK: Tensor) -> Tensor:
    """Multiply the leading operation by 1 and each other by 1 - (max - w).

    Source: arXiv:1903.09900, section 4.3, Max-W regularisation: 1 - max_k(w) + w. Nothing is detached: the others'
    multipliers also pull the leading weight down. The leading operation's own multiplier is the constant 1, so its
    output gives it no gradient; operations that share the lead share this too.

    Args:
        w_EK: weights after the softmax; rows sum to 1.

    Returns:
        Multipliers of the same shape, in (0, 1]; each row's largest is exactly 1.
    """
    return 1.0 + (w_EK - w_EK.amax(dim=-1, keepdim=True))


WEIGHTINGS: Mapping[str, Callable[[Tensor], Tensor]] = {"scalar": scalar, "max_w": max_w}


def look_up_weighting(name: str) -> Callable[[Tensor], Tensor]:
    """Return the weighting of that name. Raises: UnknownName."""
    if name not in WEIGHTINGS:
        raise unknown_name("weighting", name, WEIGHTINGS)
    return WEIGHTINGS[name]
