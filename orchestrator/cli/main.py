"""The command line: `sharptune`, also `python -m orchestrator`. Thin: every command reads, calls and prints.

Exit codes: 0 all done; 1 some trial failed, or this machine could not go on; 2 a mistake in the command or in the
experiment; 130 interrupted; 141 nobody reads what is printed (as in `sharptune status | head -1`).
"""

import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.output import NobodyReadsError, fit_streams, say, settle_streams
from orchestrator.errors import HaltError, one_line
from trainables.errors import SharptuneError, StorageError

if TYPE_CHECKING:
    from orchestrator.cli.options import Catalog

INTERRUPTED, UNREAD = 130, 141
COLLECTIONS = (100_000, 20, 50)
"""After how many new objects garbage is looked for: rows and plans are many objects, and hardly ever garbage."""


class LazyCommand(click.Command):
    """Stands for a command until that is called: only then is its module, a file of this package, imported.

    `sentence` is the first one of the command's own help: all that the list of commands shows.
    """

    def __init__(self, name: str, module: str, sentence: str) -> None:
        super().__init__(name, help=sentence)
        self._path = (f"orchestrator.cli.{module}", name.replace("-", "_"))

    def load(self) -> click.Command:
        """Return the command itself, or group of commands."""
        module, name = self._path
        return getattr(importlib.import_module(module), name)

    def make_context(self, *arguments: Any, **settings: Any) -> click.Context:
        """Return the context of the command itself, which click then invokes."""
        return self.load().make_context(*arguments, **settings)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sharptune")
@click.pass_context
def cli(context: click.Context) -> None:
    """Neural-architecture-search ablations that can be trusted.

    An experiment is a YAML file (or the name of a packaged one, such as quickstart). `plan` shows its trials, `run`
    runs those that have not run, `table` shows what came out. Interrupt it any way you like and run it again: finished
    trials are kept, interrupted ones go on from their last epoch.
    """
    if context.obj is None:
        from trainables.catalog import CATALOG

        context.obj = CATALOG


COMMANDS = (
    LazyCommand("plan", "plan", "Show every trial of EXPERIMENT, and for each why it will run or not."),
    LazyCommand("run", "run", "Run what of EXPERIMENT has not run yet, and print its tables."),
    LazyCommand(
        "rehearse",
        "rehearse",
        "Rehearse EXPERIMENT with stand-ins for its trials, on the real runner, while processes are killed.",
    ),
    LazyCommand(
        "launch",
        "launch",
        "Hand a run to a cluster's scheduler: show the batch script or manifest, and send it when asked.",
    ),
    LazyCommand("status", "record.status", "Show where the trials stand: those of EXPERIMENT, or all in the storage."),
    LazyCommand(
        "stop",
        "record.stop",
        "Stop TRIAL (an id, or its beginning), or all, of runs in other terminals and on other machines.",
    ),
    LazyCommand(
        "logs", "record.logs", "Print the log of TRIAL (an id, or its beginning), and what its process printed."
    ),
    LazyCommand("why", "upkeep.why", "Say why a TRIAL, or each of an EXPERIMENT, is new, failed or blocked."),
    LazyCommand(
        "retry",
        "upkeep.retry",
        "Let failed trials run again at the next `run`: one TRIAL, or all that failed of an EXPERIMENT.",
    ),
    LazyCommand(
        "verify",
        "upkeep.verify",
        "Hold every row and file against its digests: those of EXPERIMENT, or all in the storage.",
    ),
    LazyCommand(
        "index",
        "upkeep.index",
        "Put the rows of finished trials into few files, which are quick to read: those of EXPERIMENT, or all.",
    ),
    LazyCommand(
        "prune",
        "upkeep.prune",
        "Delete what nobody needs: checkpoints of trials that are done, refused ones, and what was left by the killed.",
    ),
    LazyCommand(
        "merge",
        "upkeep.merge",
        "Take the trials of other storages, or of bundles, over into this one; nothing that is done is replaced.",
    ),
    LazyCommand(
        "bundle",
        "upkeep.bundle",
        "Pack what a colleague needs for the tables of EXPERIMENT into FILE (.zip, .tar.gz or .parquet).",
    ),
    LazyCommand("table", "table", "Print the tables of EXPERIMENT, or the one called NAME, from the rows there are."),
    LazyCommand(
        "compare",
        "compare",
        "Say which lines of a TABLE of EXPERIMENT differ, by how much and how sure, and what would settle the others.",
    ),
    LazyCommand(
        "check-paper",
        "check_paper",
        "Hold the numbers of a paper's LaTeX, which carry our comments, against the rows of today.",
    ),
    LazyCommand("figure", "figure", "Draw the figures of EXPERIMENT, or the one called NAME, from the rows there are."),
    LazyCommand(
        "report",
        "report",
        "Write all there is of EXPERIMENT into one HTML file: what was asked, what came out, and from which runs.",
    ),
    LazyCommand(
        "cost", "networks.cost", "Count a network: parameters and arithmetic for one image, as exact integers."
    ),
    LazyCommand(
        "genotype",
        "networks.genotype",
        "Architectures: cells of a genotype, a path through a MultiChannelNet, or a cell of NAS-Bench-201.",
    ),
    LazyCommand("space", "networks.space", "Search spaces: which operations a search chooses from."),
    LazyCommand("data", "data", "Datasets: what there is, and fetching them."),
    LazyCommand(
        "export",
        "export",
        "Take results elsewhere: TRIAL's network as one file, or the trials of an EXPERIMENT for other tools.",
    ),
    LazyCommand(
        "evaluate",
        "evaluate",
        "Measure the errors of an exported FILE, or of the network that TRIAL trained, on the test images "
        "of a dataset.",
    ),
    LazyCommand("doctor", "doctor", "Check this machine: versions, processors, GPUs, storage, disk space, data."),
)
for command in COMMANDS:
    cli.add_command(command)


def invoke(arguments: Sequence[str] | None = None, *, catalog: "Catalog | None" = None) -> int:
    """Run one command, by default on what `trainables.catalog` holds, and return its exit code.

    A person's mistake is one sentence, never a traceback.
    """
    fit_streams()
    if sys.stdout is None:
        _say("the standard output is closed; > /dev/null throws away what is printed")
        return 1
    try:
        return _invoke(arguments, catalog)
    finally:
        settle_streams()


def _invoke(arguments: Sequence[str] | None, catalog: "Catalog | None") -> int:
    try:
        result = cli.main(args=arguments, prog_name="sharptune", standalone_mode=False, obj=catalog)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        words = io.StringIO()
        error.show(words)
        say(words.getvalue(), err=True, end="")
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted", err=True)
        return INTERRUPTED
    except (NobodyReadsError, SystemExit):  # click itself exits when nobody reads its help
        return UNREAD
    except (HaltError, StorageError) as error:
        _say(str(error))
        return 1
    except SharptuneError as error:
        _say(str(error))
        return 2
    except OSError as error:  # the world's fault: a disk, a network, a permission
        _say(": ".join(str(part) for part in (error.filename, error.strerror) if part) or one_line(error))
        return 1


def _say(text: str) -> None:
    for line in text.split("\n"):
        say(f"error: {line}", err=True)


def main() -> None:
    """Entry point of the `sharptune` command."""
    gc.set_threshold(*COLLECTIONS)
    if sys.stderr is None:  # closed: what is said there is for nobody
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
    sys.exit(invoke())
