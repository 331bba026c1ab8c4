"""The command that rehearses an experiment: stand-ins for its trials, faults, and the proof that nothing changed."""

import contextlib
import random
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace

import click

from orchestrator.cli.options import (
    Catalog,
    NumberRange,
    json_option,
    load_plan,
    max_trials_option,
    open_ledger,
    pass_catalog,
    prove_writable,
    set_option,
)
from orchestrator.cli.output import say, say_json
from orchestrator.cli.table import tables_text
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.running.rehearsal.faults import KINDS, schedule
from orchestrator.running.rehearsal.rehearsal import Rehearsal, Report
from orchestrator.running.rehearsal.stand_ins import rehearsed, twins
from orchestrator.tables.table import build
from orchestrator.words import duration, shown_line
from trainables.errors import unknown_name
from trainables.execution.signals import hear
from trainables.record import provenance
from trainables.record.storage import open_storage
from trainables.trial import TrialRow

NOT_THERE = {"ray": ("node",), "local": ("worker", "node", "ray"), "nodes": ("ray",), "address": ("node", "ray")}
"""Where the trials run -> the kinds of faults that cannot be there."""
FAILED = 1
SLOTS = 16
"""Trials that are taken to run at once on a cluster that is joined."""


@click.command()
@click.argument("experiment")
@set_option
@max_trials_option
@click.option(
    "--minutes",
    type=NumberRange(0, 24 * 60, min_open=True),
    default=1.0,
    show_default=True,
    help="How long it takes, faults aside.",
)
@click.option("--faults", type=click.IntRange(0), default=8, show_default=True, help="How many things go wrong.")
@click.option("--kinds", metavar="KIND,...", help=f"Which, of {', '.join(KINDS)}.")
@click.option("--seed", type=click.IntRange(0), help="Of what goes wrong, and when; drawn where none is given.")
@click.option(
    "--storage",
    help="Where the run will write: the rehearsal has a folder of its own there. By default a temporary one.",
)
@click.option("--keep", is_flag=True, help="Leave that folder there.")
@click.option("--nodes", type=click.IntRange(2), help="Start a cluster of so many Ray nodes on this machine.")
@click.option("--address", help="Join a running Ray cluster: host:port, or auto.")
@click.option(
    "--runner",
    type=click.Choice(["ray", "local"]),
    default="ray",
    show_default=True,
    help="local: one trial after the other in the driver.",
)
@json_option
@pass_catalog
def rehearse(
    catalog: Catalog,
    experiment: str,
    overrides: tuple[str, ...],
    max_trials: int | None,
    minutes: float,
    faults: int,
    kinds: str | None,
    seed: int | None,
    storage: str | None,
    keep: bool,
    nodes: int | None,
    address: str | None,
    runner: str,
    as_json: bool,
) -> int:
    """Rehearse EXPERIMENT with stand-ins for its trials, on the real runner, while processes are killed.

    A stand-in takes a trial's settings and gives findings of the same names within seconds. In the end every row is
    compared with that of a run in which nothing went wrong. To be done before a grid costs money.
    """
    place = _place(runner, nodes, address)
    if keep and storage is None:
        raise click.UsageError("--keep goes with --storage")
    which = _kinds(kinds, place)
    seed = random.SystemRandom().randrange(10_000) if seed is None else seed
    ledger = open_ledger(storage) if storage is not None else Ledger(open_storage("runs"))
    plan = _marked(load_plan(experiment, twins(catalog), overrides, ledger, max_trials, ask=True))
    if storage is not None:
        prove_writable(ledger)
    cpus = max(1, provenance.cpu_count() // nodes) if nodes else provenance.cpu_count()
    slots = {"ray": cpus, "local": 1, "nodes": cpus * (nodes or 1), "address": SLOTS}[place]
    here = address is None
    cast = rehearsed(plan, catalog, seconds=60 * minutes, slots=slots, faults=faults, here=here)

    def tell(words: str) -> None:
        say(shown_line(words), err=as_json)

    tell(f"rehearsal of {plan.experiment}: {len(cast.trials)} stand-ins, {faults} faults, seed {seed}")
    rehearsal = Rehearsal(
        experiment=plan.experiment,
        cast=cast,
        faults=schedule(seed, faults, which),
        tables=lambda rows: _tables(plan, rows),
        seed=seed,
        runner=runner,
        nodes=nodes or 0,
        cpus=cpus,
        address=address,
        storage=storage,
        keep=keep,
        say=tell,
    )
    with _interrupted_by_signals():
        report = rehearsal.perform()
    if as_json:
        say_json(report.to_json())
    else:
        for line in _lines(report):
            say(shown_line(line))
    return 0 if report.holds else FAILED


def _place(runner: str, nodes: int | None, address: str | None) -> str:
    """Return where the trials run: a key of NOT_THERE. Raises: UsageError."""
    if (nodes or address) and runner == "local":
        raise click.UsageError(f"{'--nodes' if nodes else '--address'} goes with --runner ray")
    if nodes and address:
        raise click.UsageError("--nodes starts a cluster, --address joins one; give one of the two")
    return "nodes" if nodes else "address" if address else runner


def _kinds(text: str | None, place: str) -> list[str]:
    """Return the kinds of faults that are asked for, or all that can be there. Raises: UnknownName, UsageError."""
    possible = [kind for kind in KINDS if kind not in NOT_THERE[place]]
    asked = [word.strip() for word in text.split(",")] if text is not None else possible
    for kind in asked:
        if kind not in KINDS:
            raise unknown_name("kind of fault", kind, KINDS)
        if kind not in possible:
            raise click.UsageError(f"there is no fault of kind {kind!r} here, only {', '.join(possible)}")
    return asked


def _marked(plan: Plan) -> Plan:
    """Return the plan with tables of which each says that it holds no results."""
    tables = (spec.model_copy(update={"title": f"REHEARSAL: {spec.title or spec.name}"}) for spec in plan.tables)
    return replace(plan, tables=tuple(tables))


def _tables(plan: Plan, rows: Mapping[str, TrialRow]) -> str:
    return tables_text([build(plan, rows, spec) for spec in plan.tables], "csv")


@contextlib.contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and its like do what a Ctrl-C does: end all that was started, and remove it."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {signal.SIGINT: signal.getsignal(signal.SIGINT), **hear(interrupt)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lines(report: Report) -> list[str]:
    """Return a report in words."""
    proof = report.proof
    faults = ", ".join(f"{count} {kind}" for kind, count in report.counts().items()) or "no faults"
    took = f"{report.drivers} driver{'s' if report.drivers > 1 else ''} in {duration(report.seconds)}"
    count = f"{len(report.faults)} fault{'s' if len(report.faults) != 1 else ''}"
    lines = ["", f"{report.trials} trials under {count} ({faults}), {took}, seed {report.seed}"]
    if report.missed:
        lines.append(f"{report.missed} further faults had nothing left to strike; --minutes makes a longer rehearsal")
    tables = "identical" if proof.tables_identical else "DIFFERENT"
    lines.append(
        f"rows lost {len(proof.lost)}, recorded twice {len(proof.twice)}, different {len(proof.different)}; "
        f"tables {tables}"
    )
    lines += [f"  lost: {trial_id}" for trial_id in proof.lost]
    lines += [f"  recorded twice: {trial_id}" for trial_id in proof.twice]
    lines += [f"  different: {trial_id}: {what}" for trial_id, what in proof.different.items()]
    left = {
        "processes": report.processes,
        "segments of shared memory": report.segments,
        "temporary folders": report.folders,
    }
    lines.append("left over: " + ", ".join(f"{len(names)} {what}" for what, names in left.items()))
    lines += [f"  {name}" for names in left.values() for name in names]
    lines.append(HOLDS if report.holds else BROKEN)
    return lines


HOLDS = "The rows and tables are those of a run in which nothing went wrong."
BROKEN = "Something went wrong that must not. Please report it with the seed."
