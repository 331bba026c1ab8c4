"""A hundred kills and more, over both kinds of storage and both kinds of trials: `make chaos`.

    python chaos.py [--share 0.1] [--seed 0] [CELL ...]

Each cell is a rehearsal, and others with the next seeds where its trials ended before as much was killed as asked: on a
quick machine real ones do. Prints a table in Markdown, of what was killed, and what of it could be seen in the end:
nothing. Exit code 1 where anything could, and where less was killed than asked.
"""

import argparse
import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer
from real_trials import real_cast, tables

from orchestrator.document.experiment import load_experiment
from orchestrator.planning.plan import expand
from orchestrator.running.rehearsal.faults import schedule
from orchestrator.running.rehearsal.rehearsal import Rehearsal, Report
from orchestrator.running.rehearsal.stand_ins import rehearsed, twins
from trainables.catalog import CATALOG

KILLS = ("worker", "driver", "ray", "node")
REHEARSALS = 8
"""At most so many for a cell."""
COLUMNS = ("storage", "trials", *KILLS, "rows", "lost", "twice", "different", "left over", "seed", "minutes")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One rehearsal of the hundred."""

    storage: str
    real: bool
    faults: int
    kinds: tuple[str, ...]
    nodes: int = 0


CELLS = {
    "disk": Cell(storage="disk", real=False, faults=40, kinds=("worker",) * 6 + ("driver", "ray")),
    "s3": Cell(storage="S3", real=False, faults=30, kinds=("worker",) * 3 + ("node", "driver"), nodes=2),
    "disk-real": Cell(storage="disk", real=True, faults=18, kinds=("worker",) * 4 + ("driver", "ray")),
    "s3-real": Cell(storage="S3", real=True, faults=15, kinds=("worker",) * 4 + ("driver",)),
}


def perform(cell: Cell, storage: str, *, seed: int, share: float) -> list[Report]:
    """Run one cell, or a share of its kills: rehearsals until that many were done."""
    asked = max(1, round(cell.faults * share))
    reports: list[Report] = []
    while len(reports) < REHEARSALS and (missing := asked - sum(map(kills, reports))) > 0:
        reports.append(rehearse(cell, storage, seed=seed + len(reports), faults=missing))
    return reports


def kills(report: Report) -> int:
    """Return how many processes and nodes a rehearsal killed."""
    counts = report.counts()
    return sum(counts.get(kind, 0) for kind in KILLS)


def rehearse(cell: Cell, storage: str, *, seed: int, faults: int) -> Report:
    """Run a cell's grid once."""
    if cell.real:
        plan, cast = real_cast(faults, seeds=2)
    else:
        plan = expand(load_experiment("quickstart"), twins(CATALOG))
        cast = rehearsed(plan, CATALOG, seconds=2.5 * faults, slots=2, faults=faults, here=True)
    rehearsal = Rehearsal(
        experiment=plan.experiment,
        cast=cast,
        faults=schedule(seed, faults, cell.kinds),
        tables=lambda rows: tables(plan, rows),
        seed=seed,
        nodes=cell.nodes,
        storage=storage,
        say=lambda words: print(f"  {time.strftime('%H:%M:%S')}  {words}", file=sys.stderr, flush=True),
    )
    return rehearsal.perform()


@contextlib.contextmanager
def storages() -> Iterator[dict[str, str]]:
    """Yield a folder, and a bucket on a real S3 server (moto) on loopback."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it would tell every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.update(keys)
    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="chaos")
    query = f"endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SHARPTUNE_CACHE"] = str(Path(folder, "cache"))
        yield {"disk": str(Path(folder, "runs")), "S3": f"s3://chaos/runs?{query}"}
    server.stop()


def row(cell: Cell, reports: list[Report]) -> list[object]:
    """Return a cell's line of the table."""
    counts = [report.counts() for report in reports]
    proofs = [report.proof for report in reports]
    seeds = sorted({reports[0].seed, reports[-1].seed})
    return [
        cell.storage,
        "real" if cell.real else "stand-ins",
        *(sum(count.get(kind, 0) for count in counts) for kind in KILLS),
        sum(proof.rows for proof in proofs),
        sum(len(proof.lost) for proof in proofs),
        sum(len(proof.twice) for proof in proofs),
        sum(len(proof.different) + (not proof.tables_identical) for proof in proofs),
        sum(len(report.processes) + len(report.segments) + len(report.folders) for report in reports),
        " to ".join(map(str, seeds)),
        f"{sum(report.seconds for report in reports) / 60:.1f}",
    ]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=1.0, help="of the kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("cells", nargs="*", metavar="CELL", help=", ".join(CELLS))
    options = parser.parse_args()
    lines, holds, done, asked = [], True, 0, 0
    with storages() as places:
        for name in options.cells or CELLS:
            print(f"{name}:", file=sys.stderr, flush=True)
            cell = CELLS[name]
            reports = perform(cell, places[cell.storage], seed=options.seed, share=options.share)
            lines.append(row(cell, reports))
            holds = holds and all(report.holds for report in reports)
            done += sum(map(kills, reports))
            asked += max(1, round(cell.faults * options.share))
            for report in reports:
                for left in (*report.processes, *report.segments, *report.folders, *report.proof.different.items()):
                    print(f"  {left}", file=sys.stderr)
    for line in [COLUMNS, ["---"] * len(COLUMNS), *lines]:
        print("| " + " | ".join(map(str, line)) + " |")
    print(
        f"\n{done} kills of {asked}; {'nothing of them is to be seen' if holds else 'SOMETHING OF THEM IS TO BE SEEN'}"
    )
    return 0 if holds and done >= asked else 1


if __name__ == "__main__":
    sys.exit(main())
