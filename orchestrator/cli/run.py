"""The command that runs an experiment, and prints its tables at the end."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.foresight import Intent, lack_of_space, limit_options, slots_of
from orchestrator.cli.missing_data import dataset_of, missing_data
from orchestrator.cli.options import (
    Catalog,
    NumberRange,
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
from orchestrator.forecast.outlook import RUNNABLE, Outlook
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import Plan, PlannedTrial, and_what_needs
from orchestrator.running.foresight import Ended, remember, truth_text
from orchestrator.running.gpus import lack_here
from orchestrator.running.limit_texts import interrupted_lines, left_lines
from orchestrator.running.run import run as run_plan
from orchestrator.running.session import Runner
from orchestrator.running.stop import Stop
from orchestrator.running.time_left import Outline
from orchestrator.tables.computed import measured_only
from orchestrator.words import shown_line
from trainables.data.catalog import HELD_OUT
from trainables.data.datasets import ensure
from trainables.execution.signals import hear
from trainables.trial import JSON

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
@click.option(
    "--no-adopt",
    is_flag=True,
    help="Let each trial work, also where another one that is alike is done, whose row it would take over.",
)
@click.option("--dry-run", is_flag=True, help="Say what would run, and stop.")
@limit_options
@click.option(
    "--ask-above",
    type=NumberRange(0),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="On a terminal, ask before more GPU hours than that; CPU hours, where no trial asks for a GPU.",
)
@click.option("--yes", "-y", is_flag=True, help="Go on without asking.")
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
    no_adopt: bool,
    dry_run: bool,
    budget: str | None,
    until: str | None,
    ask_above: float,
    yes: bool,
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
    states = states_of(planned, ledger, adopt=not no_adopt)
    todo = [trial for trial in planned.trials if states[trial.trial_id].state in RUNNABLE]
    outlet = Outlet(to_stderr=as_json, lasting=bool(todo) and not dry_run)
    tell = outlet.say
    intent = Intent.of(planned, states, ledger, catalog, slots_of(runner, address), budget, until)
    tell(summary(planned, states))
    if dry_run:
        _tell_intent(intent, planned, states, todo, tell)
        if as_json:
            say_json({**plan_json(planned, states), **intent.fits})
        return 0
    end = End(states=states, facts=intent.facts(states))
    if todo:
        if runner == "local" and (lack := lack_here(todo, catalog)):
            raise RunError(lack)
        if not intent.agreed(ask_above, yes=yes, as_json=as_json):
            say("Nothing was started.")
            return INTERRUPTED
        for lack in filter(None, (prove_writable(ledger), lack_of_space(ledger, intent.foresight.first))):
            say(shown_line(f"note: {lack}"), err=True)
        identities = sorted({identity for trial in todo if (identity := dataset_of(trial))})
        _ensure_data(identities)
        workers = _runner(runner, address, identities, excluded)
        end = _work(planned, states, ledger, catalog, intent, outlet, workers, adopt=not no_adopt)
        tell(summary(planned, end.states))
        if end.truth:
            tell(end.truth)
    _print_results(planned, ledger, end, outlet, as_json=as_json)
    return outlet.code(_conclude(planned, end, intent, tell))


@dataclass(frozen=True, kw_only=True)
class End:
    """How a run ended."""

    states: Mapping[str, TrialState]
    interrupted: bool = False
    limit: str = ""
    """Which of its limits it reached."""
    stopped: frozenset[str] = frozenset()
    """Trials that somebody asked to stop, and what needs them."""
    truth: str = ""
    """The forecast that was made at its start, beside what came."""
    facts: Mapping[str, JSON] = field(default_factory=dict)
    """What else there is of it for scripts."""


def _tell_intent(
    intent: Intent,
    plan: Plan,
    states: Mapping[str, TrialState],
    todo: Sequence[PlannedTrial],
    tell: Callable[[str], None],
) -> None:
    """Say what would run, and what would be left out."""
    for trial in todo:
        state = states[trial.trial_id]
        tell(shown_line(f"  {intent.would(trial, state)} {called(trial)}: {state.state}, {state.reason}"))
    for line in intent.lines(states):
        tell(shown_line(line))
    for sentence in missing_data(plan, states):
        say(shown_line(f"note: {sentence}"), err=True)


def _work(
    plan: Plan,
    states: Mapping[str, TrialState],
    ledger: Ledger,
    catalog: Catalog,
    intent: Intent,
    outlet: Outlet,
    runner: Runner,
    *,
    adopt: bool,
) -> End:
    """Run the plan as far as it is meant to go, and return how that ended."""
    from orchestrator.running.display import open_display

    stop = Stop(ledger.storage)
    outline = Outline.of(plan.trials, states, catalog)
    foresight = intent.foresight if intent.joined else None
    out = sys.stderr if outlet.to_stderr else sys.stdout
    display = open_display(outline, out, stopping=stop, foresight=foresight)
    begun = time.monotonic()
    with _signals(stop, display), outlet.open(display) as listen:
        states = run_plan(
            plan.trials,
            ledger=ledger,
            catalog=catalog,
            runner=runner,
            experiment=plan.experiment,
            listen=listen,
            stop=stop,
            adopt=adopt,
            limits=intent.limits,
            foresight=foresight,
        )
    took, interrupted = time.monotonic() - begun, stop() and not stop.limit
    facts: dict[str, JSON] = {"took_seconds": took, **intent.facts(states, stop.limit)}
    asked = and_what_needs(stop.trials, plan.trials)
    end = End(states=states, interrupted=interrupted, limit=stop.limit, stopped=asked, facts=facts)
    if foresight is None or foresight.first is None:
        return end
    short = any(states[trial_id].state in RUNNABLE for trial_id in intent.trials)  # of what was to fit at the start
    ended: Ended = "interrupted" if interrupted else "limit" if short else "done"
    remember(ledger.storage, stop.driver, plan.experiment, foresight.first, took=took, ended=ended)
    truth = truth_text(foresight.first, took, ended)
    return replace(end, truth=truth, facts={"forecast": foresight.first.to_json(), **facts})


def _print_results(plan: Plan, ledger: Ledger, end: End, outlet: Outlet, *, as_json: bool) -> None:
    if as_json:
        outlet.attempt(lambda: say_json({**plan_json(plan, end.states), **end.facts}))
        return
    ledger.read(end.states)
    for table in tables_of(measured_only(plan), ledger):  # a run that is told to stop has few seconds
        outlet.say("\n" + tables_text([table], "text"))


def _conclude(plan: Plan, end: End, intent: Intent, tell: Callable[[str], None]) -> int:
    """Say what is not done, and what to do about it; return the exit code."""
    states = end.states
    by_state: dict[str, dict[str, PlannedTrial]] = {}
    for trial in plan.trials:
        by_state.setdefault(states[trial.trial_id].state, {})[trial.trial_id] = trial
    unfinished = [trial for state in RUNNABLE for trial in by_state.get(state, {}).values()]
    if end.interrupted and unfinished:
        tell("\n".join(["", *interrupted_lines(intent.limits)]))
        return INTERRUPTED
    failed = by_state.get("failed", {})
    if failed or unfinished:
        tell("")
    for trial in failed.values():
        tell(shown_line(f"failed: {called(trial)}: {states[trial.trial_id].reason}"))
    if blocked := by_state.get("blocked"):
        tell(f"blocked: {len(blocked)} trial(s) that need these; sharptune status EXPERIMENT names them")
    left_out = [each for each in unfinished if intent.limits is not None and each.trial_id not in end.stopped]
    unfinished = [each for each in unfinished if intent.limits is None or each.trial_id in end.stopped]
    for trial in unfinished:
        tell(shown_line(f"not finished: {called(trial)}: {states[trial.trial_id].reason}"))
    if intent.limits is not None and left_out:
        outlook = Outlook.of([each for each in plan.trials if each.trial_id not in end.stopped], states)
        for line in left_lines(intent.limits, outlook, intent.slots, states, end.limit):
            tell(shown_line(line))
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
