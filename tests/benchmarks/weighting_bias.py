"""Draws what searches of both weightings prefer, epoch by epoch: does scalar weighting drift to pools and skips?

    sharptune run weighting_bias
    python tests/benchmarks/weighting_bias.py --storage runs --output docs/results/weighting_bias.png

Reads the `epochs.parquet` of every search of an experiment; prints the same numbers as Markdown. The claim it looks at
is that of arXiv:1903.09900, section 4.3.
"""

import argparse
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from orchestrator.document.experiment import load_experiment
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import expand
from trainables.architecture.spaces import SearchSpace, read_space
from trainables.catalog import CATALOG
from trainables.record.storage import open_storage

matplotlib.use("Agg")
from matplotlib import pyplot as plt

LIGHT = ("max_pool_3x3", "avg_pool_3x3", "skip_connect")
"""Operations without a convolution at stride 1."""
COLOURS = {"scalar": "#0072b2", "max_w": "#d55e00"}
LABELS = {"scalar": "Scalar", "max_w": "Max-W"}


def light_edges(genotype: Mapping[str, list]) -> int:
    """Return how many of a genotype's 16 edges are pools or skips."""
    return sum(operation in LIGHT for cell in ("normal", "reduce") for operation, _ in genotype[cell])


def light_share(alphas_EK: Sequence[Sequence[float]], space: SearchSpace) -> float:
    """Return the weight of pools and skips, relative to all operations but `none`, as a mean over edges."""
    w_EK = np.exp(np.array(alphas_EK))
    w_EK /= w_EK.sum(axis=1, keepdims=True)
    light = [space.primitives.index(name) for name in LIGHT if name in space.primitives]
    some = [index for index, name in enumerate(space.primitives) if name != "none"]
    return float((w_EK[:, light].sum(axis=1) / w_EK[:, some].sum(axis=1)).mean())


def collect(experiment: str, storage: Path) -> pd.DataFrame:
    """Return a row for each search and epoch: weighting, seed, epoch, edges, share, params."""
    plan = expand(load_experiment(experiment), CATALOG)
    ledger = Ledger(open_storage(storage))
    rows = {trial_id: row for trial_id, row in ledger.rows().items() if row.state == "done"}
    found = []
    for trial in plan.trials:
        if trial.stage != "search" or trial.trial_id not in rows:
            continue
        space = read_space(plan.value(trial, "space"))
        assert isinstance(space, SearchSpace)
        data = ledger.folder(trial.trial_id).read_file(rows[trial.trial_id], "epochs.parquet")
        for row in pq.read_table(io.BytesIO(data)).to_pylist():
            shares = [light_share(row[f"alphas_{cell}"], space) for cell in ("normal", "reduce")]
            found.append(
                {
                    "weighting": plan.value(trial, "weighting"),
                    "seed": trial.spec.seed,
                    "epoch": row["epoch"],
                    "edges": light_edges(json.loads(row["genotype"])),
                    "share": 100 * sum(shares) / 2,
                    "params": row["params"] / 1e6,
                }
            )
    return pd.DataFrame(found)


PANELS = {
    "edges": "pools and skips among\nthe 16 edges found",
    "share": "weight of pools and skips\n(% of all but none)",
    "params": "parameters of the network\nfound (M)",
}


def draw(frame: pd.DataFrame, path: Path) -> None:
    """Write the picture: a line for the median of the seeds, a band for all of them."""
    figure, axes = plt.subplots(1, len(PANELS), figsize=(10.5, 3.2), layout="constrained")
    for axis, (column, title) in zip(axes, PANELS.items(), strict=True):
        for weighting, group in frame.groupby("weighting"):
            band = group.groupby("epoch")[column].agg(["median", "min", "max"])
            colour = COLOURS[str(weighting)]
            axis.plot(band.index, band["median"], color=colour, label=LABELS[str(weighting)])
            axis.fill_between(band.index, band["min"], band["max"], color=colour, alpha=0.2, linewidth=0)
        axis.set(xlabel="epoch", title=title)
        axis.title.set_fontsize("medium")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def markdown(frame: pd.DataFrame) -> str:
    """Return median ± range/2 over the seeds in some epochs, as a Markdown table."""
    epochs = sorted({1, int(frame["epoch"].median()), int(frame["epoch"].max())})
    lines = [
        "| weighting | epoch | pools and skips of 16 | their weight (%) | params (M) | n |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for (weighting, epoch), group in frame[frame["epoch"].isin(epochs)].groupby(["weighting", "epoch"], sort=False):
        cells = [
            f"{group[column].median():.{digits}f}±{(group[column].max() - group[column].min()) / 2:.{digits}f}"
            for column, digits in (("edges", 1), ("share", 2), ("params", 2))
        ]
        lines.append(f"| {LABELS[str(weighting)]} | {epoch} | {' | '.join(cells)} | {len(group)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", default="weighting_bias")
    parser.add_argument("--storage", type=Path, default=Path("runs"))
    parser.add_argument("--output", type=Path, default=Path("weighting_bias.png"))
    options = parser.parse_args()
    frame = collect(options.experiment, options.storage)
    if frame.empty:
        raise SystemExit(f"{options.storage} has no finished search of {options.experiment}; run it first")
    draw(frame, options.output)
    print(markdown(frame))


if __name__ == "__main__":
    main()
