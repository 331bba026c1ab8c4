"""What commands share: their options, and how they get at a plan and at the record.

The catalog of trainables comes in as click's context object, so that tests can run the commands on fakes.
"""

import contextlib
import math
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import click

from orchestrator.cli.output import say
from orchestrator.document.experiment import Experiment, load_experiment, packaged
from orchestrator.errors import HaltError, RunError, one_line
from orchestrator.ledger import Ledger, TrialState
from orchestrator.planning.plan import MAX_TRIALS, Plan, expand
from orchestrator.running.alike import named, with_twins_of_done
from orchestrator.words import shown_line
from trainables.errors import SharptuneError, StorageError
from trainables.record.storage import NO_SPACE, open_storage, tried_out
from trainables.record.trial_folder import TRIALS
from trainables.trainable import Trainable
from trainables.trial import TrialSpec

Catalog: TypeAlias = Mapping[str, Trainable]
Command = TypeVar("Command", bound=Callable[..., Any])

FIRST_SECONDS = 5.0
"""For how long a storage is asked at first whether it is there: its name may be wrong."""
ANY_NUMBER = 10**9
"""For commands that run nothing, and so do not ask whether a large grid is meant."""

storage_option = click.option(
    "--storage",
    default="runs",
    show_default=True,
    envvar="SHARPTUNE_STORAGE",
    help="A folder, s3://bucket/path, gs://bucket/path or az://container/path.",
)
set_option = click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the file, for this call only."
)
max_trials_option = click.option(
    "--max-trials",
    type=click.IntRange(1),
    help=f"Refuse larger grids. Unless it says otherwise, `run` refuses those of more than {MAX_TRIALS:,} trials.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
pass_catalog = click.pass_obj


class NumberRange(click.FloatRange):
    """A number between bounds, which `nan` is not, though click lets it pass."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def experiment_options(command: Command) -> Command:
    """Add what every command on one experiment takes."""
    for option in (max_trials_option, set_option, storage_option, click.argument("experiment")):
        command = option(command)
    return command


def load_plan(
    experiment: str,
    catalog: Catalog,
    overrides: Sequence[str],
    ledger: Ledger,
    max_trials: int | None = None,
    *,
    ask: bool = False,
) -> Plan:
    """Return the plan of an experiment; `ask` for one that will run.

    Args:
        ledger: of the storage; trials that have begun there keep their ids.

    Raises: SpecError, UnknownName.
    """
    most = max_trials or (MAX_TRIALS if ask else ANY_NUMBER)
    return plan_of(load_experiment(experiment, overrides=overrides), catalog, ledger, most)


def plan_of(experiment: Experiment, catalog: Catalog, ledger: Ledger, max_trials: int | None = None) -> Plan:
    """Return the plan of an experiment that is read already; `ledger` as for `load_plan`. Raises: SpecError."""
    begun = cache(lambda: frozenset(ledger.ids()))
    most = max_trials or ANY_NUMBER
    return expand(experiment, catalog, max_trials=most, stored=lambda trial_id: trial_id in begun())


def open_ledger(uri: str, *, to_read: bool = False) -> Ledger:
    """Return the record in a storage; it tells on stderr what is not as it should be.

    The storage need not exist yet, unless all that is meant is `to_read` what is there.

    Raises: RunError when there can be no record at that place; StorageError when nothing answers there; LedgerError
        when there is none to read.
    """
    storage = open_storage(uri)
    try:
        if storage.remote:
            storage.within(FIRST_SECONDS).exists("")
        else:
            root = Path(storage.uri)
            there = next(path for path in (root, *root.parents) if path.exists())
            if not there.is_dir():
                raise RunError(f"storage {uri!r}: {there} is a file; name a folder, s3://, gs:// or az://")
            storage.names(TRIALS)
    except StorageError:
        raise
    except OSError as error:
        what = "reached" if storage.remote else "read"
        raise RunError(f"storage {uri!r} cannot be {what}: {error.strerror or one_line(error)}") from error
    ledger = Ledger(storage, lambda sentence: say(shown_line(f"note: {sentence}"), err=True))
    if to_read:
        ledger.must_exist()
    return ledger


def prove_writable(ledger: Ledger) -> str:
    """Write and delete a small file, before any time is spent, and let the ledger go on with what that shows.

    Return what its storage cannot do, in words; empty for most. Raises: RunError; HaltError on a full disk;
    StorageError.
    """
    storage = ledger.storage
    try:
        ledger.storage = tried_out(storage)
    except StorageError:
        raise
    except OSError as error:
        sentence = f"storage {storage.uri} cannot be written: {error.strerror or one_line(error)}"
        raise (HaltError if error.errno in NO_SPACE else RunError)(sentence) from error
    if ledger.storage.exclusive:
        return ""
    return (
        f"storage {storage.uri} knows no conditional writes: two drivers at once may do work twice there, so start one "
        "at a time"
    )


def is_experiment(what: str) -> bool:
    """Say whether this is how an experiment is named."""
    return what in packaged() or (Path(what).suffix in (".yaml", ".yml") and Path(what).is_file())


@contextlib.contextmanager
def asking_for_a_network(what: str) -> Iterator[None]:
    """Say what an experiment is not, where looking for a network of that name fails. Raises: UsageError."""
    try:
        yield
    except SharptuneError as error:
        if is_experiment(what):
            raise click.UsageError(
                f"{what} is an experiment; this takes a network: its name, a file of it, or the trial that found it. "
                f"sharptune plan {what} shows the trials of an experiment"
            ) from error
        raise


def states_of(plan: Plan, ledger: Ledger, *, adopt: bool = True) -> dict[str, TrialState]:
    """Return the states of a plan's trials, with those whose rows they took over, or will if they `adopt`."""
    states = ledger.states(trial.spec for trial in plan.trials)
    catalog = {entry.name: entry for entry in plan.entries.values()}
    return named(plan.trials, states, ledger, catalog, adopt=adopt)


def states_of_specs(specs: Iterable[TrialSpec], ledger: Ledger) -> dict[str, TrialState]:
    """Return the states of trials, parents first, of which no plan is known, with those whose rows they took over."""
    return with_twins_of_done(ledger.states(specs))


def terminal_width() -> int | None:
    """Return how many characters a line may have; None when the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
