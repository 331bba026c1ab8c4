"""Made-up rows and epochs for any plan: what would be drawn of it, in milliseconds and always the same."""

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.planning.plan import Plan, PlannedTrial
from trainables.architecture.genotype import ARCHITECTURES, describe
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.nas_bench_201.cell import NasBench201Cell
from trainables.architecture.spaces import NasBench201Space, SearchSpace, known_space
from trainables.trial import TrialRow

MORNING = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECONDS = 600
EPOCHS = 30


def row_of(trial: PlannedTrial, place: int = 0, **changes: Any) -> TrialRow:
    """Return a row of a trial that is done."""
    draw = random.Random(trial.trial_id)
    shown = dict(trial.values[trial.stage])
    if "space" in shown:
        shown["space"] = trial.effective[trial.stage]["space"]  # as a row has it: primitives written out
    own = abs(hash_of({key: value for key, value in shown.items() if key != "seed"}))
    error = 3 + own % 300 / 100 + draw.random() / 2
    started = MORNING + timedelta(seconds=SECONDS * (place // 3) + place % 3 * 20)
    values: dict[str, Any] = {
        "config": {key: value for key, value in shown.items() if key != "seed"},
        "state": "done",
        "metrics": {
            "test_error": error + 0.1,
            "test_error_best": error,
            "cifar10_1_error_best": 2 * error,
            "search_val_error": 9 + draw.random(),
            "search_val_error_best": 8 + draw.random(),
            "train_error": error / 3,
            "params": float(2_000_000 + own % 2_500_000),
            "addmult": float(300_000_000 + own % 400_000_000),
        },
        "artifacts": {"genotype": genotype_of(shown)},
        "timing": {
            "started": started.isoformat(),
            "finished": (started + timedelta(seconds=SECONDS - 60)).isoformat(),
            "wall_seconds": SECONDS - 60.0,
            "gpu_days": 0.5,
        },
        "provenance": {"host": f"node-{place % 2 + 1}", "attempts": 1 + (place % 7 == 3)},
        **changes,
    }
    return TrialRow(trial_id=trial.trial_id, spec=trial.spec, **values)


def rows_of(plan: Plan) -> dict[str, TrialRow]:
    """Return the rows of all trials of a plan, done."""
    return {trial.trial_id: row_of(trial, place) for place, trial in enumerate(plan.trials)}


def genotype_of(shown: Mapping[str, Any]) -> dict[str, Any]:
    space = known_space(shown.get("space"))
    if isinstance(space, NasBench201Space):
        return NasBench201Cell.from_digits("333132").to_json()
    path = str(shown.get("network", "")).startswith("multichannel") or (space and not isinstance(space, SearchSpace))
    names = [n for n, a in ARCHITECTURES.items() if (type(a).__name__ == "MultiChannelPath") == bool(path)]
    name = shown.get("genotype") if shown.get("genotype") in names else "SHARP_DARTS" if not path else names[0]
    return describe(ARCHITECTURES[str(name)], "ssc")


def epochs_of(row: TrialRow, epochs: int | None = None) -> list[dict[str, Any]]:
    """Return the epochs of a trial: falling errors with noise, and alphas of which some overtake others."""
    draw = random.Random(row.trial_id)
    end = float(row.metrics["test_error"])
    found: list[dict[str, Any]] = []
    epochs = epochs or EPOCHS
    for epoch in range(1, epochs + 1):
        fall = math.exp(-4 * epoch / epochs)
        noise = draw.random() * (2 + 4 * fall)
        found.append(
            {
                "epoch": epoch,
                "test_error": end + 60 * fall + noise,
                "train_error": end / 3 + 60 * fall + noise,
                "search_val_error": 9 + 60 * fall + noise,
                "params": 2e6 + 1e6 * fall,
                "pools": float(epoch % 5),
                "skips": float(epoch % 3),
                "alphas_loss": 1 + 2 * fall + noise / 10,
                "discretisation_gap": 1 + fall,
                "benchmark_cifar10": 90 - 60 * fall - noise,
                **alphas_of(row, epoch),
            }
        )
    return found


def alphas_of(row: TrialRow, epoch: int) -> dict[str, Any]:
    space = known_space(row.config.get("space"))
    if space is None:
        return {}
    if isinstance(space, SearchSpace):
        return {
            name: [drifting(f"{row.trial_id} {name} {edge}", len(space.primitives), epoch) for edge in range(14)]
            for name in ("alphas_normal", "alphas_reduce")
        }
    if isinstance(space, NasBench201Space):
        return {"alphas": [drifting(f"{row.trial_id} {edge}", len(space.primitives), epoch) for edge in range(6)]}
    flat = iter(drifting(row.trial_id, multichannel_cuboid(space).weights, epoch))
    return {"alphas": nested(flat, multichannel_cuboid(space).shape)}


def drifting(key: str, count: int, epoch: int) -> list[float]:
    """Return alphas that begin near 0 and go straight on, each at a pace of its own."""
    draw = random.Random(key)
    return [draw.gauss(0, 0.05) + epoch * draw.gauss(0, 0.04) for _ in range(count)]


def nested(flat: Any, shape: tuple[int, ...]) -> Any:
    return [nested(flat, shape[1:]) for _ in range(shape[0])] if shape else next(flat)


def hash_of(values: Mapping[str, Any]) -> int:
    """Return a number that is the same in every process."""
    return random.Random(repr(sorted(values.items(), key=str))).randrange(10**6)
