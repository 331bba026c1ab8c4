"""How often the truth lies between what a forecast says, of grids whose noise it does not know. Prints JSON.

    PYTHONPATH=.:tests/support python tests/benchmarks/forecast_coverage.py [--grids 200] [--seed 1000]

`cover`: of how many forecasts the 80 % interval held the true finish, made before anything was done, after a few
trials, and when a quarter and half of them were done; `above`, `below`: where the truth lay else; `off`: by what factor
the median was off, half of the time; `wide`: by what factor the interval's ends differ, half of the time. `GPU hours`
is the same of these. `made_grids` makes and runs the grids: noise and schedule are its own. The forecaster's constants
were chosen on the grids 100 to 199; report others.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterable
from statistics import median

from made_grids import Ran, made_grid, run

from orchestrator.forecast.forecast import Range, foresee

MOMENTS = {"at the start": 0.0, "a few done": 0.08, "a quarter done": 0.25, "half done": 0.5}


def coverage(seeds: Iterable[int]) -> dict[str, dict[str, float]]:
    """Return of each moment how often the truth was covered."""
    found: dict[str, list[tuple[Range, float]]] = {}
    for seed in seeds:
        ran = run(made_grid(seed))
        for moment, share in MOMENTS.items():
            for what, pair in _held_against_truth(ran, ran.when_done(share)).items():
                found.setdefault(f"{moment}: {what}", []).append(pair)
    summary = {name: _summary(pairs) for name, pairs in found.items()}
    every = [pair for name, pairs in found.items() if name.endswith("finish") for pair in pairs]
    return {**summary, "all: finish": _summary(every)}


def _held_against_truth(ran: Ran, now: float) -> dict[str, tuple[Range, float]]:
    outlook = ran.outlook(now)
    found = foresee(outlook, ran.grid.slots)
    if found is None or found.finish is None:
        return {}
    hours = sum(
        trial.resources.gpus * (ran.end[trial.trial_id] - max(now, ran.start[trial.trial_id])) / 3600
        for trial in outlook.open
    )
    return {"finish": (found.finish, ran.makespan - now), "GPU hours": (found.gpu_hours, hours)}


def _summary(pairs: list[tuple[Range, float]]) -> dict[str, float]:
    count = len(pairs)
    off = median(math.exp(abs(math.log(each.median / truth))) for each, truth in pairs)
    wide = median(each.high / each.low for each, _ in pairs)
    return {
        "forecasts": count,
        "cover": round(sum(each.low <= truth <= each.high for each, truth in pairs) / count, 3),
        "below": round(sum(truth < each.low for each, truth in pairs) / count, 3),
        "above": round(sum(truth > each.high for each, truth in pairs) / count, 3),
        "off": round(off, 2),
        "wide": round(wide, 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--grids", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1000, help="Of the first grid.")
    options = parser.parse_args()
    print(json.dumps(coverage(range(options.seed, options.seed + options.grids)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
