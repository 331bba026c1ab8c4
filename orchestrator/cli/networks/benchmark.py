"""The command `genotype benchmark`: what NAS-Bench-201 knows of a cell, or of all of them."""

from functools import partial

import click

from orchestrator.architectures.find import find_genotype
from orchestrator.cli.options import asking_for_a_network, json_option, storage_option
from orchestrator.cli.output import say, say_json
from trainables.architecture.nas_bench_201.cell import OPERATIONS, NasBench201Cell


@click.command()
@click.argument("what", metavar="[NAME|FILE|TRIAL]", required=False)
@click.option("--marked", is_flag=True, help="List the cells whose entries are to be read with care.")
@click.option(
    "--without",
    type=click.Choice(OPERATIONS),
    multiple=True,
    help="Of all cells, leave out those with this operation; may be given several times.",
)
@storage_option
@json_option
def benchmark(what: str | None, marked: bool, without: tuple[str, ...], storage: str, as_json: bool) -> None:
    """Look a cell up in the table of NAS-Bench-201, or say what is in it: the best cells, and a random one.

    All numbers are validation accuracies after 200 epochs; the table has none of a test set. WHAT is a cell as the
    benchmark writes it, '|nor_conv_3x3~0|+|...', a FILE of one, or a TRIAL that found one.
    """
    from orchestrator.architectures import benchmark as table  # the table is numpy's

    if (what is not None) + marked + bool(without) > 1:
        raise click.UsageError("say one of NAME|FILE|TRIAL, --marked and --without")
    if what is not None:
        cell = _find(what, storage)
        found, lines = partial(table.cell_json, cell), partial(table.cell_lines, cell)
    elif marked:
        found, lines = table.marked_json, table.marked_lines
    else:
        operations = tuple(name for name in OPERATIONS if name not in without)
        if not operations:
            raise click.UsageError("--without leaves no operation for a cell to consist of")
        found, lines = partial(table.summary_json, operations), partial(table.summary_lines, operations)
    if as_json:
        say_json(found())
        return
    for line in lines():
        say(line)


def _find(what: str, storage: str) -> NasBench201Cell:
    """Raises: UsageError for an architecture of another space; UnknownName, InvalidGenotype, LedgerError."""
    with asking_for_a_network(what):
        architecture, _ = find_genotype(what, storage)
    if not isinstance(architecture, NasBench201Cell):
        raise click.UsageError(f"{what} is no cell of NAS-Bench-201, so that its table knows nothing of it")
    return architecture
