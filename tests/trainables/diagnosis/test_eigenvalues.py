"""The largest eigenvalue of a matrix that answers products alone, against numpy's of the whole matrix."""

import numpy as np
import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import ArpackNoConvergence

from trainables.diagnosis.eigenvalues import NoConvergence, ask


def symmetric(seed: int, size: int) -> np.ndarray:
    """Return a symmetric matrix whose eigenvalues have both signs, the largest of them seldom the largest in size."""
    random = np.random.default_rng(seed)
    matrix_AA = random.normal(size=(size, size)) * random.uniform(0.01, 100)
    return (matrix_AA + matrix_AA.T) / 2 - random.uniform(0, 3) * np.eye(size)


def asked(matrix_AA: np.ndarray, start_A: np.ndarray, exact: int, answers: list) -> float:
    """Answer all questions that are left; return the eigenvalue."""
    while isinstance(found := ask(start_A, answers, exact=exact), np.ndarray):
        answers.append((found, matrix_AA @ found))
    return found


@few(30)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_a_small_matrix_is_computed_whole(seed, size):
    matrix_AA, answers = symmetric(seed, size), []

    assert asked(matrix_AA, np.ones(size), 64, answers) == pytest.approx(np.linalg.eigvalsh(matrix_AA)[-1], rel=1e-9)
    assert len(answers) == size


@few(30)
@given(st.integers(0, 10**6), st.integers(3, 90))
def test_lanczos_finds_what_the_whole_matrix_has(seed, size):
    matrix_AA, start_A = symmetric(seed, size), np.random.default_rng(seed).normal(size=size)
    eigenvalues = np.linalg.eigvalsh(matrix_AA)

    found = asked(matrix_AA, start_A, 0, [])

    assert found == pytest.approx(eigenvalues[-1], abs=2e-4 * np.abs(eigenvalues).max())


def test_answers_that_are_remembered_are_not_asked_for_again_and_change_nothing():
    matrix_AA, start_A, answers = symmetric(3, 80), np.ones(80), []
    whole = asked(matrix_AA, start_A, 64, answers)

    for known in (0, 1, 7, len(answers) - 1):
        remembered = answers[:known]
        assert asked(matrix_AA, start_A, 64, remembered) == whole
        assert len(remembered) == len(answers)


def test_answers_of_a_machine_that_rounds_otherwise_are_done_without():
    matrix_AA, start_A = symmetric(3, 80), np.ones(80)
    foreign = [(start_A + 1e-9, matrix_AA @ start_A)]

    assert asked(matrix_AA, start_A, 64, foreign) == pytest.approx(np.linalg.eigvalsh(matrix_AA)[-1], rel=1e-4)


def test_a_method_that_finds_no_end_says_so_in_a_sentence(monkeypatch):
    def endless(*_, **__):
        raise ArpackNoConvergence("No convergence", np.array([]), np.array([]))

    monkeypatch.setattr("scipy.sparse.linalg.eigsh", endless)

    with pytest.raises(NoConvergence, match=r"^Lanczos's method did not converge within 0 products$"):
        ask(np.ones(70), [])
