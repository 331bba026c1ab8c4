"""The commands about an experiment: plan, run, status, logs, retry, table."""

import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from orchestrator.display import Outline, open_display
from orchestrator.errors import LedgerError
from orchestrator.ledger import STATES, Ledger, TrialState
from orchestrator.plan import Plan, expand
from orchestrator.render import FORMATS, render
from orchestrator.running import Runner, Stop
from orchestrator.running import run as run_plan
from orchestrator.spec import load_experiment
from orchestrator.tables import build
from trainables.catalog import CATALOG
from trainables.errors import SharptuneError
from trainables.storage import open_storage

Command = TypeVar("Command", bound=Callable[..., Any])


storage_option = click.option(
    "--storage", default="runs", show_default=True, envvar="SHARPTUNE_STORAGE", help="A folder, s3://… or gs://…"
)


def experiment_options(command: Command) -> Command:
    """Add what every command on an experiment takes."""
    for option in (
        click.option(
            "--max-trials", type=click.IntRange(1), default=1000, show_default=True, help="Refuse larger grids."
        ),
        click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the file."),
        storage_option,
        click.argument("experiment"),
    ):
        command = option(command)
    return command


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _load(experiment: str, overrides: Sequence[str], max_trials: int) -> Plan:
    return expand(load_experiment(experiment, overrides=list(overrides)), CATALOG, max_trials=max_trials)


def _ledger(storage: str) -> Ledger:
    return Ledger(open_storage(storage), lambda sentence: click.echo(f"note: {sentence}", err=True))


def _states(plan: Plan, ledger: Ledger) -> dict[str, TrialState]:
    return ledger.states(trial.spec for trial in plan.trials)


@click.command()
@experiment_options
@json_option
def plan(experiment: str, overrides: tuple[str, ...], storage: str, max_trials: int, as_json: bool) -> None:
    """Show every trial of EXPERIMENT, and for each why it will run or not. Runs nothing."""
    planned = _load(experiment, overrides, max_trials)
    states = _states(planned, _ledger(storage))
    if as_json:
        click.echo(json.dumps(_plan_json(planned, states), indent=1))
        return
    width = max((len(trial.label) for trial in planned.trials), default=0)
    for stage in planned.stages:
        trials = [trial for trial in planned.trials if trial.stage == stage]
        click.echo(f"{stage}: {len(trials)} trials, each on {_resources_text(trials[0].resources)}")
        for trial in trials:
            state = states[trial.trial_id]
            click.echo(f"  {trial.trial_id}  {trial.label:<{width}}  {state.state:<9}  {state.reason}")
    click.echo(_summary(planned, states))


@click.command()
@experiment_options
@click.option("--address", help="Join a running Ray cluster: host:port, ray://host:port, or auto.")
@click.option(
    "--runner",
    type=click.Choice(["ray", "local"]),
    default="ray",
    show_default=True,
    help="local: one trial after the other in this process.",
)
@click.option("--dry-run", is_flag=True, help="Say what would run, and stop.")
@json_option
def run(
    experiment: str,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int,
    address: str | None,
    runner: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run what of EXPERIMENT has not run yet, and print its tables."""
    if address is not None and runner == "local":
        raise click.UsageError("--address goes with --runner ray")
    planned = _load(experiment, overrides, max_trials)
    ledger = _ledger(storage)
    states = _states(planned, ledger)
    todo = [trial for trial in planned.trials if states[trial.trial_id].state in ("new", "resumable", "running")]
    say = _sayer(as_json)
    say(_summary(planned, states))
    if dry_run:
        for trial in todo:
            state = states[trial.trial_id]
            say(f"  would run {trial.trial_id}  {trial.stage} {trial.label}: {state.state}, {state.reason}")
        return 0
    stopped = False
    if todo:
        identities = sorted({_dataset(planned, trial) for trial in todo} - {""})
        _ensure_data(identities)
        stop = Stop(ledger.storage)
        display = open_display(_outline(planned, states), sys.stderr if as_json else sys.stdout)
        with _signals(stop), display as shown:
            states = run_plan(
                planned.trials,
                ledger=ledger,
                catalog=CATALOG,
                runner=_runner(runner, address, identities),
                listen=shown,
                stop=stop,
            )
        stopped = stop()
        say(_summary(planned, states))
    return _conclude(planned, ledger, states, stopped=stopped, as_json=as_json)


def _conclude(plan: Plan, ledger: Ledger, states: dict[str, TrialState], *, stopped: bool, as_json: bool) -> int:
    """Print what came out and return the exit code."""
    say = _sayer(as_json)
    if as_json:
        click.echo(json.dumps(_plan_json(plan, states), indent=1))
    else:
        for text in _tables(plan, ledger, None, "text"):
            click.echo("\n" + text)
    unfinished = [t for t in plan.trials if states[t.trial_id].state not in ("done", "failed", "blocked")]
    if stopped and unfinished:
        say("\nInterrupted; nothing is lost. The same command goes on from here.")
        return 130
    failed = [trial for trial in plan.trials if states[trial.trial_id].state == "failed"]
    for trial in failed:
        say(f"failed: {trial.trial_id}  {trial.stage} {trial.label}: {states[trial.trial_id].reason}")
    if failed:
        say("See why: sharptune logs TRIAL. Run them again: sharptune retry TRIAL, then run.")
    return 1 if failed or unfinished else 0


@click.command()
@click.argument("experiment", required=False)
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the file.")
@storage_option
@json_option
def status(experiment: str | None, overrides: tuple[str, ...], storage: str, as_json: bool) -> int:
    """Show where the trials stand: those of EXPERIMENT, or all in the storage."""
    ledger = _ledger(storage)
    if experiment is not None:
        planned = _load(experiment, overrides, 1_000_000)
        states = _states(planned, ledger)
        if as_json:
            click.echo(json.dumps(_plan_json(planned, states), indent=1))
        else:
            _print_states([(t.trial_id, f"{t.stage} {t.label}") for t in planned.trials], states)
            click.echo(_summary(planned, states))
    else:
        specs = {}
        for trial_id in ledger.storage.names("trials"):
            with contextlib.suppress(LedgerError):
                specs[trial_id] = ledger.spec(trial_id)
        states = ledger.states(specs.values())
        labels = [(trial_id, f"{spec.trainable} seed={spec.seed}") for trial_id, spec in specs.items()]
        counts = Counter(state.state for state in states.values())
        if as_json:
            trials = [
                {"id": i, "trainable": specs[i].trainable, "state": s.state, "reason": s.reason}
                for i, s in states.items()
            ]
            click.echo(json.dumps({"trials": trials, "counts": {name: counts[name] for name in STATES}}, indent=1))
        else:
            _print_states(labels, states)
            click.echo(f"{ledger.storage.uri}: {len(states)} trials; {_counts_text(counts)}")
    return 1 if any(state.state == "failed" for state in states.values()) else 0


@click.command()
@click.argument("trial")
@storage_option
@click.option("--follow", "-f", is_flag=True, help="Keep printing what is added.")
def logs(trial: str, storage: str, follow: bool) -> None:
    """Print the log of TRIAL (an id, or its beginning)."""
    ledger = _ledger(storage)
    folder = ledger.folder(ledger.find(trial))
    shown = folder.read_log()
    click.echo(shown, nl=False)
    while follow:
        time.sleep(1)
        text = folder.read_log()
        click.echo(text[len(shown) :], nl=False)
        shown = text


@click.command()
@click.argument("what", metavar="TRIAL|EXPERIMENT", nargs=-1, required=True)
@storage_option
def retry(what: tuple[str, ...], storage: str) -> None:
    """Let failed trials run again at the next `run`: one TRIAL, or all that failed of an EXPERIMENT.

    The failed row is kept under another name; the trial goes on from its last checkpoint.
    """
    ledger = _ledger(storage)
    for item in what:
        ids = _failed_of(item, ledger)
        for trial_id in ids:
            click.echo(f"{trial_id} will run again; its failed row is kept as {ledger.retry(trial_id)}")
        if not ids:
            click.echo(f"{item}: no trial has failed")


def _failed_of(item: str, ledger: Ledger) -> list[str]:
    """Return the trials that `retry` means: an id or its beginning, else an experiment's failed ones."""
    if any(name.startswith(item) for name in ledger.storage.names("trials")):
        return [ledger.find(item)]
    planned = _load(item, (), 1_000_000)
    states = _states(planned, ledger)
    return sorted({trial.trial_id for trial in planned.trials if states[trial.trial_id].state == "failed"})


@click.command()
@experiment_options
@click.argument("name", required=False)
@click.option("--format", "format_", type=click.Choice(sorted(FORMATS)), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def table(
    experiment: str,
    name: str | None,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int,
    format_: str,
    as_json: bool,
) -> None:
    """Print the tables of EXPERIMENT, or the one called NAME, from the rows there are."""
    planned = _load(experiment, overrides, max_trials)
    texts = _tables(planned, _ledger(storage), name, "json" if as_json else format_)
    click.echo("\n\n".join(text.rstrip("\n") for text in texts))


def _tables(plan: Plan, ledger: Ledger, name: str | None, format_: str) -> list[str]:
    rows = {t.trial_id: row for t in plan.trials if (row := ledger.row(t.trial_id)) is not None}
    if name is not None and name not in {spec.name for spec in plan.tables}:
        known = ", ".join(spec.name for spec in plan.tables) or "none"
        raise LedgerError(f"the experiment has no table {name!r}; it has {known}")
    return [render(build(plan, rows, spec), format_) for spec in plan.tables if name in (None, spec.name)]


def _runner(kind: str, address: str | None, identities: Sequence[str]) -> Runner:
    """Return the runner; Ray is imported only here, when it is needed."""
    if kind == "local":
        from orchestrator.local_runner import LocalRunner

        return LocalRunner()
    from orchestrator.ray_runner import RayRunner

    if address is None:
        return RayRunner()
    from trainables.data.cache import pack

    return RayRunner(address=address, data={identity: pack(identity) for identity in identities})


def _ensure_data(identities: Sequence[str]) -> None:
    """Make sure that this machine has the data, before any time is spent. Raises: DataError."""
    from trainables.data.cache import ensure

    for identity in identities:
        ensure(identity)


def _dataset(plan: Plan, trial: Any) -> str:
    try:
        return str(plan.value(trial, f"{trial.stage}.dataset"))
    except (KeyError, SharptuneError):
        return ""


@contextlib.contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM ask for a clean stop, and a second one end it at once."""

    def on_signal(number: int, frame: object) -> None:
        if stop():
            raise KeyboardInterrupt
        stop.request()
        os.write(2, b"\nStopping: running trials save where they are. Again to stop at once.\n")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outline(plan: Plan, states: dict[str, TrialState]) -> Outline:
    stages: dict[str, list[str]] = {stage: [] for stage in plan.stages}
    epochs: dict[str, int] = {}
    for trial in plan.trials:
        stages[trial.stage].append(trial.trial_id)
        with contextlib.suppress(KeyError, SharptuneError, TypeError, ValueError):
            epochs[trial.trial_id] = int(plan.value(trial, f"{trial.stage}.epochs"))
    return Outline(
        stages=stages,
        done=[trial_id for trial_id, state in states.items() if state.row is not None],
        epochs=epochs,
        costs={trial.trial_id: trial.expected_cost for trial in plan.trials},
        headline={name: entry.progress for name, entry in CATALOG.items()},
    )


def _plan_json(plan: Plan, states: dict[str, TrialState]) -> dict[str, Any]:
    """Return the JSON that scripts may rely on."""
    trials = [
        {
            "id": trial.trial_id,
            "stage": trial.stage,
            "label": trial.label,
            "parents": list(trial.parents),
            "config": dict(trial.spec.config),
            "seed": trial.spec.seed,
            "resources": {"gpus": trial.resources.gpus, "cpus": trial.resources.cpus},
            "state": states[trial.trial_id].state,
            "reason": states[trial.trial_id].reason,
        }
        for trial in plan.trials
    ]
    counts = Counter(trial["state"] for trial in trials)
    return {"experiment": plan.experiment, "trials": trials, "counts": {name: counts[name] for name in STATES}}


def _print_states(labels: Sequence[tuple[str, str]], states: dict[str, TrialState]) -> None:
    width = max((len(label) for _, label in labels), default=0)
    for trial_id, label in labels:
        state = states[trial_id]
        click.echo(f"{trial_id}  {label:<{width}}  {state.state:<9}  {state.reason}")


def _summary(plan: Plan, states: dict[str, TrialState]) -> str:
    counts = Counter(states[trial.trial_id].state for trial in plan.trials)
    if counts["done"] == len(plan.trials):
        return f"{plan.experiment}: all {len(plan.trials)} trials are done"
    return f"{plan.experiment}: {len(plan.trials)} trials; {_counts_text(counts)}"


def _counts_text(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in STATES if counts[name]) or "none"


def _resources_text(resources: Any) -> str:
    gpus = f", {resources.gpus:g} GPU" if resources.gpus else ""
    return f"{resources.cpus:g} CPU{gpus}"


def _sayer(as_json: bool) -> Callable[[str], None]:
    """Return where words go: beside the JSON, they would spoil it."""
    return lambda text: click.echo(text, err=as_json)
