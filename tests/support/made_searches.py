"""Rows of searches that nobody ran, with alphas that are written down: two epochs, the second the best unless said."""

import hashlib
import random
from pathlib import Path
from typing import Any

from trainables.architecture.genotype import describe
from trainables.architecture.hypercuboid import multichannel_cuboid
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace, Space, read_space
from trainables.loops.supernets import derive, operations_of
from trainables.record.trial_folder import epochs_parquet, seal
from trainables.trial import TrialRow, TrialSpec


def made_search(storage: Path, space: Any, best: int = 2, **settings: Any) -> str:
    """Write the row of a search and its epochs, and return its id."""
    spec = TrialSpec(trainable="search", version=2, config={"space": space, **settings}, seed=0)
    return write_search(storage, spec, best)


def write_search(storage: Path, spec: TrialSpec, best: int = 2) -> str:
    space = read_space(spec.config.get("space", "darts_ssc"))
    errors = {epoch: 38.0 + abs(epoch - best) for epoch in (1, 2)}
    epochs = [{"epoch": each, "search_val_error": error, **made_alphas(space, each)} for each, error in errors.items()]
    data = epochs_parquet(epochs)
    config = {"space": spec.config.get("space", "darts_ssc"), "strategy": "gradient", **spec.config}
    row = TrialRow(
        trial_id=spec.trial_id,
        spec=spec,
        config=config,
        state="done",
        metrics={"best_epoch": float(best), "search_val_error_best": 38.0},
        artifacts={"genotype": describe(derive(space, epochs[best - 1]), operations_of(space))},
        files={"epochs.parquet": {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}},
    )
    folder = storage / "trials" / spec.trial_id
    folder.mkdir(parents=True)
    (folder / "epochs.parquet").write_bytes(data)
    (folder / "row.json").write_bytes(seal(row))
    return spec.trial_id


def made_alphas(space: Space, seed: int) -> dict[str, Any]:
    """Return alphas of a space, in tenths."""
    rng = random.Random(seed)
    match space:
        case SearchSpace():
            return {name: _filled((14, len(space.primitives)), rng) for name in ("alphas_normal", "alphas_reduce")}
        case MultiChannelSpace():
            return {"alphas": _filled(multichannel_cuboid(space).shape, rng)}
        case NasBench201Space():
            return {"alphas": _filled((6, len(space.primitives)), rng)}


def _filled(shape: tuple[int, ...], rng: random.Random) -> Any:
    return [_filled(shape[1:], rng) for _ in range(shape[0])] if shape else rng.randrange(-20, 21) / 10
