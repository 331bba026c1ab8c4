"""The command that runs an experiment, and prints its tables at the end."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.missing_data import dataset_of, missing_data
from orchestrator.cli.options import (
    Catalog,
    experiment_options,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    prove_writable,
    states_of,
)
from orchestrator.cli.output import Outlet, say, say_json
from orchestrator.cli.reports import called, plan_json, summary
from orchestrator.cli.table import tables_of, tables_text
from orchestrator.errors import RunError
from orchestrator.forecast.outlook import RUNNABLE
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import Plan, PlannedTrial
from orchestrator.running.gpus import lack_here
from orchestrator.running.run import run as run_plan
from orchestrator.running.session import Runner
from orchestrator.running.stop import Stop
from orchestrator.running.time_left import Outline
from orchestrator.tables.computed import measured_only
from orchestrator.words import shown_line
from trainables.data.catalog import HELD_OUT
from trainables.data.datasets import ensure
from trainables.execution.signals import hear

if TYPE_CHECKING:
    from orchestrator.running.display import Display

FAILED, INTERRUPTED = 1, 130


@click.command()
@experiment_options
@click.option("--address", help="Join a running Ray cluster: host:port, or auto.")
@click.option(
    "--exclude-node",
    "excluded",
    multiple=True,
    metavar="NAME",
    help="Run nothing on that node of the cluster: its host name or address. May be given again.",
)
@click.option(
    "--runner",
    type=click.Choice(["ray", "local"]),
    default="ray",
    show_default=True,
    help="local: one trial after the other in this process.",
)
@click.option("--dry-run", is_flag=True, help="Say what would run, and stop.")
@json_option
@pass_catalog
def run(
    catalog: Catalog,
    experiment: str,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    address: str | None,
    excluded: tuple[str, ...],
    runner: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run what of EXPERIMENT has not run yet, and print its tables.

    Interrupt it any way you like, and give the same command again: it goes on from where it was.
    """
    if address is not None and runner == "local":
        raise click.UsageError("--address goes with --runner ray")
    if excluded and address is None:
        raise click.UsageError("--exclude-node goes with --address: there are no other nodes here")
    ledger = open_ledger(storage)
    planned = load_plan(experiment, catalog, overrides, ledger, max_trials, ask=not dry_run)
    states = states_of(planned, ledger)
    todo = [trial for trial in planned.trials if states[trial.trial_id].state in RUNNABLE]
    outlet = Outlet(to_stderr=as_json, lasting=bool(todo) and not dry_run)
    tell = outlet.say
    tell(summary(planned, states))
    if dry_run:
        for trial in todo:
            state = states[trial.trial_id]
            tell(shown_line(f"  would run {called(trial)}: {state.state}, {state.reason}"))
        for sentence in missing_data(planned, states):
            say(shown_line(f"note: {sentence}"), err=True)
        return 0
    stopped = False
    if todo:
        from orchestrator.running.display import open_display

        if runner == "local" and (lack := lack_here(todo, catalog)):
            raise RunError(lack)
        if lack := prove_writable(ledger):
            say(shown_line(f"note: {lack}"), err=True)
        identities = sorted({identity for trial in todo if (identity := dataset_of(trial))})
        _ensure_data(identities)
        stop = Stop(ledger.storage)
        outline = Outline.of(planned.trials, states, catalog)
        display = open_display(outline, sys.stderr if as_json else sys.stdout, stopping=stop)
        with _signals(stop, display), outlet.open(display) as listen:
            states = run_plan(
                planned.trials,
                ledger=ledger,
                catalog=catalog,
                runner=_runner(runner, address, identities, excluded),
                experiment=planned.experiment,
                listen=listen,
                stop=stop,
            )
        stopped = stop()
        tell(summary(planned, states))
    _print_results(planned, ledger, states, outlet, as_json=as_json)
    return outlet.code(_conclude(planned, states, tell, stopped=stopped))


def _print_results(
    plan: Plan, ledger: Ledger, states: Mapping[str, TrialState], outlet: Outlet, *, as_json: bool
) -> None:
    if as_json:
        outlet.attempt(lambda: say_json(plan_json(plan, states)))
        return
    for table in tables_of(measured_only(plan), ledger):  # a run that is told to stop has few seconds
        outlet.say("\n" + tables_text([table], "text"))


def _conclude(plan: Plan, states: Mapping[str, TrialState], tell: Callable[[str], None], *, stopped: bool) -> int:
    """Say what is not done, and what to do about it; return the exit code."""
    by_state: dict[str, dict[str, PlannedTrial]] = {}
    for trial in plan.trials:
        by_state.setdefault(states[trial.trial_id].state, {})[trial.trial_id] = trial
    unfinished = [trial for state in RUNNABLE for trial in by_state.get(state, {}).values()]
    if stopped and unfinished:
        tell("\nInterrupted; nothing is lost. The same command goes on from here.")
        return INTERRUPTED
    failed = by_state.get("failed", {})
    if failed or unfinished:
        tell("")
    for trial in failed.values():
        tell(shown_line(f"failed: {called(trial)}: {states[trial.trial_id].reason}"))
    if blocked := by_state.get("blocked"):
        tell(f"blocked: {len(blocked)} trial(s) that need these; sharptune status EXPERIMENT names them")
    for trial in unfinished:
        tell(shown_line(f"not finished: {called(trial)}: {states[trial.trial_id].reason}"))
    if failed:
        tell(_advice([states[trial_id] for trial_id in failed]))
    return FAILED if failed or unfinished else 0


def _advice(failed: Sequence[TrialState]) -> str:
    """Return what to do about failed trials: those that would fail again need other settings, not another try."""
    same = sum(state.recurs for state in failed)
    words = ["See why: sharptune logs TRIAL."]
    if same < len(failed):
        words.append(f"Run {'the others' if same else 'them'} again: sharptune retry TRIAL, then run.")
    if same:
        which = "They" if same == len(failed) else f"{same} of them"
        words.insert(1, f"{which} would fail again in the same way: change their settings.")
    return " ".join(words)


def _runner(kind: str, address: str | None, identities: Sequence[str], excluded: Sequence[str]) -> Runner:
    """Return the runner; Ray is imported only here, when it is needed."""
    if kind == "local":
        from orchestrator.running.local_runner import LocalRunner

        return LocalRunner()
    from orchestrator.running.ray_tune.runner import RayRunner

    if address is None:
        return RayRunner()
    from trainables.data.packing import pack

    data = {name: pack(name) for name in [*identities, *_held_out(identities)]}
    return RayRunner(address=address, data=data, exclude=excluded)


def _ensure_data(identities: Sequence[str]) -> None:
    """Make sure that this machine has the data, before any time is spent. Raises: DataError."""
    for identity in identities:
        ensure(identity)


def _held_out(identities: Sequence[str]) -> list[str]:
    """Return what networks trained on these datasets are tested on besides, where this machine has it."""
    from trainables.data.cache import present

    return [name for identity in identities if (name := HELD_OUT.get(identity)) and present(name)]


@contextlib.contextmanager
def _signals(stop: Stop, display: "Display") -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM ask for a clean stop, and a second one end it at once.

    So does the first of the other signals, but none of them hurries: Slurm's come before its SIGTERM, and a line that
    drops may send several.
    """
    terminals = [stream for stream in (1, 2) if os.isatty(stream)]
    hurries = (signal.SIGINT, signal.SIGTERM)
    hurried = False

    def on_signal(number: int, frame: object) -> None:
        nonlocal hurried
        if hurried and number in hurries:
            raise KeyboardInterrupt
        hurried = hurried or number in hurries
        stop.request()
        _let_go_of(terminals)
        if not display.live:
            with contextlib.suppress(OSError):
                os.write(2, b"Stopping: running trials save where they are. Again to stop at once.\n")

    before = {signal.SIGINT: signal.signal(signal.SIGINT, on_signal), **hear(on_signal)}
    try:
        yield
    finally:
        _let_go_of(terminals)
        for number, handler in before.items():
            signal.signal(number, handler)


def _let_go_of(terminals: Sequence[int]) -> None:
    """Write nowhere from now on where a terminal was that is gone: to write there is an error."""
    for stream in terminals:
        if not os.isatty(stream):
            _silence(stream)


def _silence(stream: int) -> None:
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), stream)
