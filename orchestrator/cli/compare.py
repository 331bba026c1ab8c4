"""The command that says what can be said of the arms of a table, and what it takes to say more."""

from collections.abc import Sequence

import click

from orchestrator.cli.options import Catalog, experiment_options, json_option, load_plan, open_ledger, pass_catalog
from orchestrator.cli.output import say, say_json
from orchestrator.cli.table import tables_of
from orchestrator.comparisons.comparison import compare as compare_arms
from orchestrator.comparisons.growth import Growth, Price, growth_of, price_of
from orchestrator.comparisons.words import as_json as comparisons_json
from orchestrator.comparisons.words import sentences
from orchestrator.errors import TableError
from orchestrator.words import shown


@click.command()
@experiment_options
@click.argument("name", metavar="[TABLE]", required=False)
@click.option("--metric", help="The column to compare; by default the first error.")
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
    as_json: bool,
) -> None:
    """Say which lines of a TABLE of EXPERIMENT differ, by how much and how sure, and what would settle the others.

    Runs that share a seed are paired; independent is what was drawn independently: where searches vary, the search.
    """
    ledger = open_ledger(storage, to_read=True)
    plan = load_plan(experiment, catalog, overrides, ledger, max_trials)
    rows = ledger.rows(trial.trial_id for trial in plan.trials)
    tables = tables_of(plan, ledger, name)
    found = []
    for table in tables:
        try:
            found.append(compare_arms(plan, table, metric))
        except TableError:
            if name is not None or len(tables) == 1:
                raise
    if not found:
        raise TableError(f"no table of {experiment} has two lines that could be compared; name one to see why")
    data, blocks = [], []
    for one in found:
        growth = growth_of(plan, one)
        price = None
        if growth:
            grown = load_plan(experiment, catalog, (*overrides, *growth.overrides), ledger, max_trials)
            price = price_of(plan, grown, rows)
        data.append({**comparisons_json(one), "to_settle": _growth_json(growth, price)})
        blocks.append("\n".join([*sentences(one), *_growth_lines(growth, price)]))
    if as_json:
        say_json(data[0] if name is not None else data)
    else:
        say(shown("\n\n".join(blocks)))


def _growth_json(growth: Growth | None, price: Price | None) -> object:
    if growth is None or price is None:
        return None
    return {
        "set": list(growth.overrides),
        "more_trials": price.trials,
        "days": dict(price.days),
        "cost_unknown": list(price.unknown),
    }


def _growth_lines(growth: Growth | None, price: Price | None) -> Sequence[str]:
    """Return the lines of YAML that grow the grid, and what that costs."""
    if growth is None or price is None:
        return ()
    cost = " and ".join(
        f"{days:.2g} {name.replace('_', ' ').replace('gpu', 'GPU').replace('cpu', 'CPU')}"
        for name, days in price.days.items()
    )
    if price.unknown:
        rest = f"what {', '.join(price.unknown)} trials take is not known yet"
        cost = f"{cost}, and {rest}" if cost else rest
    return (
        f"To settle what is open, {price.trials} more trials ({cost or 'next to nothing'}):",
        *(f"  stages.{stage}.grid.seed: {_listed(seeds)}" for stage, seeds in growth.seeds.items()),
    )


def _listed(seeds: Sequence[int]) -> str:
    """Return a list of YAML; the middle of a long one is left out."""
    if len(seeds) > 20:
        return f"[{', '.join(map(str, seeds[:5]))}, …, {seeds[-1]}]  # {len(seeds)} of them"
    return f"[{', '.join(map(str, seeds))}]"
