"""How often the test of a difference rejects where there is none: plain pairs, and searches trained several times.

    python tests/benchmarks/permutation_level.py [--experiments 4000] [--largest 9]

Prints, for 3 to so many searches of each of two arms, the share of simulated experiments in which the comparison says
at 5 % that the arms differ: with one training each, with three whose mean counts, and, as a warning, with the three
counted as if each were drawn independently. The first two are to be 0 up to five, 3.1 % at six and 4.7 % from seven
to nine; the third is what comes of counting nine runs where there are three.
"""

import argparse
from itertools import product

import numpy as np

from orchestrator.comparisons.permutation import ALPHA, paired

TRAININGS = 3
BETWEEN, WITHIN = 1.0, 0.5
"""Standard deviations of what a search found, and of the trainings of one."""


def expected(n: int) -> float:
    """Return the share that the exact test rejects of n pairs: the whole number of sign patterns within the level."""
    return 2 * int(ALPHA / 2 * 2**n) / 2**n


def rejections(n: int, trainings: int, experiments: int, *, as_if_independent: bool = False) -> float:
    """Return the share of experiments without a difference in which the paired test of n searches rejects."""
    rng = np.random.default_rng([n, trainings, as_if_independent])
    rejected = 0
    for _ in range(experiments):
        searches = rng.normal(0, BETWEEN, (2, n, 1))
        runs = searches + rng.normal(0, WITHIN, (2, n, trainings))
        first, second = runs.reshape(2, -1) if as_if_independent else runs.mean(axis=2)
        verdict = paired(first.tolist(), second.tolist())
        rejected += verdict.p is not None and verdict.p <= ALPHA
    return rejected / experiments


def patterns_rejected(n: int) -> list[tuple[int, ...]]:
    """Return the patterns of signs that the test rejects at 5 %, of n differences that all have the same size."""
    found = []
    for signs in product((1, -1), repeat=n):
        verdict = paired([0.0] * n, [float(sign) for sign in signs])
        if verdict.p is not None and verdict.p <= ALPHA:
            found.append(signs)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=4000)
    parser.add_argument("--largest", type=int, default=9)
    asked = parser.parse_args()
    error = 100 * 2 * np.sqrt(0.05 * 0.95 / asked.experiments)
    print(f"rejected at {100 * ALPHA:g} %, of {asked.experiments} experiments without a difference (± {error:.1f})")
    print("searches  exact  one training  mean of three  three counted as independent")
    for n in range(3, asked.largest + 1):
        shares = [
            rejections(n, 1, asked.experiments),
            rejections(n, TRAININGS, asked.experiments),
            rejections(n, TRAININGS, min(asked.experiments, 400), as_if_independent=True) if n <= 5 else float("nan"),
        ]
        words = ["–" if share != share else f"{100 * share:.1f} %" for share in shares]
        print(f"{n:8}  {100 * expected(n):3.1f} %  {words[0]:>12}  {words[1]:>13}  {words[2]:>28}")


if __name__ == "__main__":
    main()
