"""The command `genotype derive`: the best architecture of a finished search within a budget."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from orchestrator.architectures import description
from orchestrator.architectures.alphas import Searched, find_alphas
from orchestrator.cli.options import json_option, storage_option
from orchestrator.cli.output import replace_file, say, say_json
from trainables.architecture.budget import Budget, Chosen, Within, read_budget
from trainables.architecture.genotype import describe
from trainables.architecture.networks import NETWORKS, networks_of
from trainables.architecture.spaces import Space
from trainables.data import datasets
from trainables.errors import SharptuneError


class _BudgetType(click.ParamType):
    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Budget:
        try:
            return value if isinstance(value, Budget) else read_budget(str(value))
        except SharptuneError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.argument("trial")
@click.option(
    "--budget", type=_BudgetType(), required=True, metavar="SIZE", help="600M-addmult, 550M-macs or 3.5M-params."
)
@click.option("--epoch", type=click.IntRange(1), help="Of the search; by default the one its genotype is from.")
@click.option("--network", type=click.Choice(list(NETWORKS)), help="cifar for cells; by default that of the space.")
@click.option("--channels", type=click.IntRange(1), help="36 by default, 48 for imagenet, 16 for nas_bench_201.")
@click.option("--layers", type=click.IntRange(3), help="20 by default, 14 for imagenet, 15 for nas_bench_201.")
@click.option("--mid-channels", type=click.IntRange(1), help="Width of choke blocks, 32 by default.")
@click.option("--dataset", metavar="NAME", help="Whose classes and images the network is for.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.json", help="Write what is found."
)
@storage_option
@json_option
def derive(
    trial: str,
    budget: Budget,
    epoch: int | None,
    output: Path | None,
    storage: str,
    as_json: bool,
    **network: Any,
) -> None:
    """Find the best architecture of TRIAL, a search, whose final network keeps a budget.

    The best is the one of the largest total weight. It is found exactly, as a mixed-integer program; beside it stands
    what iterated network simplex finds. The written file can stand wherever a NAME or FILE can. In an experiment,
    `${search.genotype_within_600M_addmult}` is the like for the network that a stage trains.
    """
    from trainables.architecture.derive_within import derive_within

    searched = find_alphas(trial, storage, epoch)
    built = _built(searched.space, network)
    within = derive_within(searched.space, searched.alphas, budget, **built)
    if output is not None:
        replace_file(output, (json.dumps(_artifact(within.best, searched), indent=1) + "\n").encode())
        say(f"{output} holds what is found", err=True)
    if as_json:
        say_json(_json(searched, budget, built, within))
        return
    for line in _lines(trial, searched, budget, built, within):
        say(line)


def _built(space: Space, chosen: dict[str, Any]) -> dict[str, Any]:
    """Return how the final network is built. Raises: UsageError, UnknownName, DataError."""
    built = {name: value for name, value in chosen.items() if value is not None}
    dataset = built.pop("dataset", None)
    built.setdefault("network", networks_of(space.finds)[0])
    usual = NETWORKS[built["network"]]
    read = {"channels": usual.layers is not None, "layers": usual.layers is not None, "mid_channels": usual.cells}
    for name in built:
        if not read.get(name, True):
            option, network = name.replace("_", "-"), built["network"]
            raise click.UsageError(f"--{option} does not apply to the network {network!r}")
    if dataset is not None:
        images = datasets.describe(dataset)
        built |= {"classes": images.classes, "image_size": images.image_size}
    return built


def _artifact(chosen: Chosen, searched: Searched) -> dict[str, Any]:
    return describe(chosen.architecture, searched.operations)


def _json(searched: Searched, budget: Budget, built: dict[str, Any], within: Within) -> dict[str, Any]:
    def told(chosen: Chosen) -> dict[str, Any]:
        return {"genotype": _artifact(chosen, searched), "weight": chosen.weight, "size": chosen.size}

    return {
        "trial": searched.trial_id,
        "epoch": searched.epoch,
        "budget": {"size": budget.size, "limit": budget.limit},
        "network": built,
        **told(within.best),
        "simplex": told(within.simplex),
        "gap": within.best.weight - within.simplex.weight,
        "unlimited": told(within.unlimited),
    }


def _lines(trial: str, searched: Searched, budget: Budget, built: dict[str, Any], within: Within) -> Iterator[str]:
    usual = NETWORKS[built["network"]]
    layers, channels = built.get("layers", usual.layers), built.get("channels", usual.channels)
    size = f" of {layers} cells and {channels} channels" if usual.layers else ""
    yield f"{trial}, epoch {searched.epoch}: the best within {budget}, of the {usual.title}{size}"
    yield ""
    yield f"{'':<18}{'total weight':>14}{budget.size:>16}"
    for name, chosen in (
        ("without a budget", within.unlimited),
        ("within it", within.best),
        ("network simplex", within.simplex),
    ):
        yield f"{name:<18}{chosen.weight:>14.6f}{chosen.size:>16,}"
    yield _verdict(within)
    yield ""
    yield from description.lines(within.best.architecture)


def _verdict(within: Within) -> str:
    if within.best == within.unlimited:
        return "The budget does not bind: this is the genotype that the search has found."
    gap = within.best.weight - within.simplex.weight
    if within.best.architecture == within.simplex.architecture:
        return "Network simplex finds the best, too."
    return f"Network simplex is {gap:.6f} below the best, {100 * gap / within.best.weight:.2f} %."
