"""How well a run fills its places: ten thousand dependent trials, on a simulated clock. Prints JSON.

    PYTHONPATH=.:tests/support python tests/benchmarks/efficiency.py [--slots 256 1024] [--slow 0.25]

The real frontier decides, and learns on the way; `simulated_run.KINDS` says which grids, and what no schedule knows of
them. Each number is bound / makespan, where the bound is the longer of two times: of all work on all places, and of the
longest chain. It is the least of `--grids` grids that are drawn alike. Beside ours: first in the plan, first started;
the same with a barrier between stages; and ours, had it known all durations.
"""

import argparse
import json
import sys
from dataclasses import replace

from simulated_run import KINDS, efficiencies, grid


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--grids", type=int, default=3)
    parser.add_argument("--part", type=int, default=1, help="Only so small a part of the searches.")
    parser.add_argument("--slow", type=float, default=0.0, help="The share of places with two thirds of the speed.")
    parser.add_argument("--troubled", type=float, default=0.0, help="The share that takes up to twice as long.")
    options = parser.parse_args()
    least: dict[str, dict[str, float]] = {}
    for kind, stages in KINDS.items():
        for seed in range(options.grids):
            stages = [replace(stage, troubled=options.troubled) for stage in stages]
            drawn = grid(stages, seed=seed, part=options.part)
            for slots in options.slots:
                worst = least.setdefault(f"{kind}, {slots} slots", {})
                for name, found in efficiencies(drawn, slots, slow=options.slow).items():
                    worst[name] = min(worst.get(name, 1.0), round(found, 4))
    print(json.dumps(least, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
