"""The largest eigenvalue of a symmetric matrix that is known by its products with vectors alone.

One product after the other is asked for, and whoever answers may stop in between: the answers so far are all there is
to remember, as the same questions are asked again on the way to the next one.

Shape letters: A = rows and columns of the matrix, Q = questions so far.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

Vector: TypeAlias = np.ndarray
"""float64, (A,)."""

EXACT = 64
"""A matrix of so many columns, or fewer, is computed whole."""
TOLERANCE = 1e-4
"""Of Lanczos's eigenvalue, relative to it: products in single precision are not much better."""


class NoConvergence(Exception):
    """Lanczos's method finds no end."""


class _Question(Exception):
    def __init__(self, v_A: Vector) -> None:
        super().__init__()
        self.v_A = v_A


def ask(start_A: Vector, answers_Q: Sequence[tuple[Vector, Vector]], *, exact: int = EXACT) -> Vector | float:
    """Return the next vector whose product is wanted; in the end, the eigenvalue that is largest in value.

    Up to `exact` columns the matrix is made whole, and symmetric; else the method is Lanczos's with implicit restarts
    (ARPACK's, by way of scipy).

    Args:
        start_A: where Lanczos's method begins; not 0.
        answers_Q: each question so far, and its product.

    Raises: NoConvergence.
    """
    if len(start_A) <= exact:
        return _of_whole_matrix(len(start_A), answers_Q)
    try:
        return _lanczos(start_A, answers_Q)
    except _Question as question:
        return question.v_A


def _of_whole_matrix(size: int, answers_Q: Sequence[tuple[Vector, Vector]]) -> Vector | float:
    if len(answers_Q) < size:
        return np.eye(size)[len(answers_Q)]
    matrix_AA = np.stack([product_A for _, product_A in answers_Q])
    return float(np.linalg.eigvalsh((matrix_AA + matrix_AA.T) / 2)[-1])


def _lanczos(start_A: Vector, answers_Q: Sequence[tuple[Vector, Vector]]) -> float:
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    known = {question_A.tobytes(): product_A for question_A, product_A in answers_Q}

    def product(v_A: Vector) -> Vector:
        question_A = v_A.ravel().copy()
        if question_A.tobytes() not in known:
            raise _Question(question_A)
        return known[question_A.tobytes()]

    operator: Any = LinearOperator((len(start_A),) * 2, matvec=product, dtype=np.float64)  # pyright: ignore[reportCallIssue]
    options: dict[str, Any] = {"k": 1, "which": "LA", "v0": start_A, "tol": TOLERANCE}
    try:
        largest: Any = eigsh(operator, **options, return_eigenvectors=False)
    except ArpackNoConvergence as error:
        raise NoConvergence(f"Lanczos's method did not converge within {len(answers_Q)} products") from error
    return float(largest[0])
