"""The command that says what can be said of the arms of a table, and what it takes to say more."""

import contextlib
from collections.abc import Mapping, Sequence

import click

from orchestrator.cli.options import (
    Catalog,
    experiment_options,
    json_option,
    load_plan,
    open_ledger,
    pass_catalog,
    terminal_width,
)
from orchestrator.cli.output import say, say_json, spelled
from orchestrator.cli.table import tables_of
from orchestrator.comparisons.comparison import Comparisons
from orchestrator.comparisons.comparison import compare as compare_arms
from orchestrator.comparisons.growth import Growth, Price, growths_of, price_of
from orchestrator.comparisons.words import as_json as comparisons_json
from orchestrator.comparisons.words import grid, paragraph, sentences
from orchestrator.errors import SpecError, TableError
from orchestrator.planning.plan import Plan
from orchestrator.tables.computed import measured_only
from orchestrator.tables.formats.text import text_lines
from orchestrator.tables.table import Table
from orchestrator.words import shown

KINDS = {"gpu_days": "GPU hours", "cpu_days": "CPU hours"}


@click.command()
@experiment_options
@click.argument("name", metavar="[TABLE]", required=False)
@click.option("--metric", help="The column to compare; by default the first error.")
@click.option("--paragraph", "prose", is_flag=True, help="Print running text only, to copy into a paper.")
@json_option
@pass_catalog
def compare(
    catalog: Catalog,
    experiment: str,
    name: str | None,
    overrides: tuple[str, ...],
    storage: str,
    max_trials: int | None,
    metric: str | None,
    prose: bool,
    as_json: bool,
) -> None:
    """Say which lines of a TABLE of EXPERIMENT differ, by how much and how sure, and what would settle the others.

    Runs that share a seed are paired; independent is what was drawn independently: where searches vary, the search.
    """
    from orchestrator.comparisons.image_noise import image_noise  # loads NumPy
    from orchestrator.comparisons.noise_words import noise_json, noise_sentences

    if prose and as_json:
        raise click.UsageError("--paragraph is text, and --json is data: name one of them")
    ledger = open_ledger(storage, to_read=True)
    plan = load_plan(experiment, catalog, overrides, ledger, max_trials)
    rows = ledger.rows(trial.trial_id for trial in plan.trials)
    found = _comparisons(plan, tables_of(measured_only(plan), ledger, name), metric)
    if prose:
        say(shown("\n\n".join(filter(None, map(paragraph, found)))))
        return
    data, blocks = [], []
    for one in found:
        steps = []
        for settled, growth in growths_of(plan, one):
            with contextlib.suppress(SpecError):  # a grid that cannot have them: seeds are named elsewhere too
                grown = load_plan(experiment, catalog, (*overrides, *growth.overrides), ledger, max_trials)
                steps.append((settled, growth, price_of(plan, grown, rows)))
        noise = image_noise(one, lambda trial_id, file: ledger.folder(trial_id).read_file(rows[trial_id], file))
        settle = [_growth_json(*step) for step in steps]
        more = {"test_set": noise_json(noise), "to_settle_first": settle[0] if settle else None}
        data.append({**comparisons_json(one), **more, "to_settle": settle[-1] if settle else None})
        still = sum(not each.decided for each in one.comparisons)
        lines = [line for step in steps for line in _growth_lines(still, *step)]
        blocks.append(_text(one, noise_sentences(one, noise), lines))
    if as_json:
        say_json({"experiment": plan.experiment, "tables": data})
    else:
        say(shown("\n\n".join(blocks)))


def _comparisons(plan: Plan, tables: Sequence[Table], metric: str | None) -> list[Comparisons]:
    """Return the comparisons of those tables that have any. Raises: TableError where none has, or the only one."""
    found = []
    for table in tables:
        try:
            found.append(compare_arms(plan, table, metric))
        except TableError:
            if len(tables) == 1:
                raise
    if not found:
        raise TableError(f"no table of {plan.experiment} has two lines that could be compared; name one to see why")
    return found


def _text(found: Comparisons, noise: Sequence[str], growth: Sequence[str]) -> str:
    """Return all that is said of one table: its arms, the comparisons as a grid and in words, and what to do next."""
    head, *lines = sentences(found)
    arms = lines[: len(found.arms)]
    parts = [
        [head, *arms],
        text_lines(grid(found), width=terminal_width(), spelled=spelled),
        lines[len(found.arms) :],
        noise,
        growth,
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _growth_json(settled: int, growth: Growth, price: Price) -> Mapping[str, object]:
    return {
        "comparisons": settled,
        "set": list(growth.overrides),
        "more_trials": price.trials,
        "days": dict(price.days),
        "cost_unknown": dict(price.unknown),
    }


def _growth_lines(still: int, settled: int, growth: Growth, price: Price) -> Sequence[str]:
    """Return the lines of YAML that grow the grid, and what that costs."""
    known = [f"{24 * days:.2g} {KINDS[name]}" for name, days in price.days.items()]
    unknown = [
        f"what a {stage} takes is not known yet, and there is {100 * more:.0f} % more of them"
        for stage, more in price.unknown.items()
    ]
    cost = "; ".join([*known, *unknown]) or "next to nothing"
    what = "what is open" if settled == still else f"{settled} of the {still} that are open"
    return (
        f"To settle {what}, {price.trials} more trials ({cost}):",
        *(f"  {line}" for line in growth.lines),
    )
