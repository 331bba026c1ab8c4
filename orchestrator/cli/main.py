"""The command line: `sharptune`, also `python -m orchestrator`. Thin: every command reads, calls and prints.

Exit codes: 0 all done; 1 some trial failed, or this machine could not go on; 2 a mistake in the command or in the
experiment; 130 interrupted.
"""

import os
import sys
from collections.abc import Sequence

import click

from orchestrator.cli.cost import cost
from orchestrator.cli.data import data
from orchestrator.cli.doctor import doctor
from orchestrator.cli.evaluate import evaluate, export
from orchestrator.cli.figure import figure
from orchestrator.cli.genotype import genotype
from orchestrator.cli.options import Catalog, one_line
from orchestrator.cli.run import run
from orchestrator.cli.space import space
from orchestrator.cli.table import table
from orchestrator.cli.trials import logs, plan, retry, status
from orchestrator.errors import HaltError
from trainables.catalog import CATALOG
from trainables.errors import SharptuneError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sharptune")
def cli() -> None:
    """Neural-architecture-search ablations that can be trusted.

    An experiment is a YAML file (or the name of a packaged one, such as quickstart). `plan` shows its trials, `run`
    runs those that have not run, `table` shows what came out. Interrupt it any way you like and run it again: finished
    trials are kept, interrupted ones go on from their last epoch.
    """


for command in (plan, run, status, logs, retry, table, figure, cost, genotype, space, data, export, evaluate, doctor):
    cli.add_command(command)


def invoke(arguments: Sequence[str] | None = None, *, catalog: Catalog = CATALOG) -> int:
    """Run one command and return its exit code. A person's mistake is one sentence, never a traceback."""
    try:
        result = cli.main(args=arguments, prog_name="sharptune", standalone_mode=False, obj=catalog)
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except HaltError as error:
        _say(str(error))
        return 1
    except SharptuneError as error:
        _say(str(error))
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # the world's fault: a disk, a network, a permission
        _say(": ".join(str(part) for part in (error.filename, error.strerror) if part) or one_line(error))
        return 1


def _say(text: str) -> None:
    for line in text.splitlines():
        click.echo(f"error: {line}", err=True)


def main() -> None:
    """Entry point of the `sharptune` command."""
    sys.exit(invoke())
