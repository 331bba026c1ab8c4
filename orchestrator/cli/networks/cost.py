"""The command `cost`: what a network costs, what a supernet costs, and our sizes beside the paper's."""

from typing import Any

import click

from orchestrator.architectures.find import find_network
from orchestrator.cli.networks.sizes import FORMATS
from orchestrator.cli.options import asking_for_a_network, json_option, storage_option
from orchestrator.cli.output import say, say_json
from orchestrator.paper.sizes import paper_sizes
from trainables.architecture.genotype import MultiChannelPath, NasBench201Cell
from trainables.architecture.networks import NETWORKS, check_network, natural_network
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace, look_up_space

CHANNELS_OF_SUPERNETS = 16
LAYERS_OF_SUPERNETS = 8


@click.command()
@click.argument("what", metavar="[NAME|FILE|TRIAL]", required=False)
@click.option(
    "--network",
    type=click.Choice(list(NETWORKS)),
    help="cifar for cells and multichannel for paths by default.",
)
@click.option("--operations", type=click.Choice(["ssc", "original"]), help="ssc by default; a trial's own otherwise.")
@click.option("--channels", type=click.IntRange(1), help="36 by default, 48 for imagenet, 16 for supernets.")
@click.option("--layers", type=click.IntRange(3), help="20 by default, 14 for imagenet, 8 for supernets.")
@click.option("--mid-channels", type=click.IntRange(1), help="Width of choke blocks, 32 by default.")
@click.option("--space", metavar="NAME", help="Count the supernet of a search space instead.")
@click.option("--paper", is_flag=True, help="Show our sizes beside those of the paper's tables instead.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="Of --paper; text by default.")
@storage_option
@json_option
def cost(
    what: str | None,
    space: str | None,
    paper: bool,
    form: str | None,
    storage: str,
    as_json: bool,
    **sizes: Any,
) -> None:
    """Count a network: parameters and arithmetic for one image, as exact integers.

    NAME is a published genotype or path, FILE one in JSON, a log or a genotypes.py (see `sharptune genotype --help`),
    TRIAL the id of a search that found one, or of a training, whose own network is counted. `addmult` is what the paper
    counts, additions and multiplications; `macs` are the multiply-accumulates of convolutions and linear layers alone.
    """
    chosen = {name: value for name, value in sizes.items() if value is not None}
    if (what is not None) + (space is not None) + paper != 1:
        raise click.UsageError("say what to count: one of NAME|FILE|TRIAL, --space NAME and --paper")
    if form is not None and not paper:
        raise click.UsageError("--format goes with --paper")
    if paper:
        _refuse(chosen, (), "--paper shows the sizes of the paper's own networks")
        from trainables.architecture.final_networks import architecture_cost

        rows = paper_sizes(architecture_cost)
        say(FORMATS["json" if as_json else form or "text"](rows), end="")
        return
    title, numbers = _count_supernet(space, chosen) if space is not None else _count(what or "", storage, chosen)
    if as_json:
        say_json(numbers, indent=None)
        return
    say(title)
    for name, number in numbers.items():
        say(f"  {name:<22}{number:>15,}")


def _count(what: str, storage: str, chosen: dict[str, Any]) -> tuple[str, dict[str, int]]:
    """Return the title and the numbers of a final network. Raises: UnknownName, InvalidGenotype, LedgerError."""
    from trainables.architecture.final_networks import architecture_cost

    with asking_for_a_network(what):
        architecture, found = find_network(what, storage)
    options = {"network": natural_network(architecture), **found, **chosen}
    usual = NETWORKS[options["network"]]
    check_network(architecture, options["network"])
    if usual.kind == MultiChannelPath.kind:
        _refuse(chosen, ("network", "operations"), "a path has channels and layers of its own")
    if usual.kind == NasBench201Cell.kind:
        _refuse(chosen, ("network", "channels", "layers"), "the operations of NAS-Bench-201 are built in one way")
    if options["network"] != found.get("network"):  # of another network than the trial's, with sizes of its own
        options = {name: value for name, value in options.items() if name in ("network", "operations", *chosen)}
    counted = architecture_cost(architecture, **options)
    size = ""
    if usual.layers is not None:
        layers, channels = options.get("layers", usual.layers), options.get("channels", usual.channels)
        size = f" of {layers} cells and {channels} channels"
    built = "" if usual.kind == NasBench201Cell.kind else f", operations {options['operations']}"
    title = f"{what}: {usual.title}{size}{built}"
    return title, {name: getattr(counted, name) for name in ("params", "params_with_auxiliary", "macs", "addmult")}


def _count_supernet(name: str, chosen: dict[str, Any]) -> tuple[str, dict[str, int]]:
    """Return the title and the numbers of a supernet. Raises: UnknownName."""
    from trainables.architecture.complexity import supernet_cost

    space = look_up_space(name)
    usual = {"channels": CHANNELS_OF_SUPERNETS, "layers": LAYERS_OF_SUPERNETS}
    match space:
        case SearchSpace():
            _refuse(chosen, ("channels", "layers"), "a search space says itself how its operations are built")
            size = {**usual, **chosen}
            title = f"{name}: supernet of {size['layers']} cells and {size['channels']} channels"
        case MultiChannelSpace():
            _refuse(chosen, (), "a MultiChannelNet has channels and layers of its own")
            size = {}
            title = f"{name}: supernet of {space.blocks} blocks of {space.layers} layers"
        case NasBench201Space():
            _refuse(chosen, ("channels",), "the cells of a stage are counted in the space")
            size = {"channels": usual["channels"], **chosen}
            title = f"{name}: supernet of 3 stages of {space.cells_per_stage} cells and {size['channels']} channels"
    counted = supernet_cost(space, **size)
    names = ("params", "params_with_auxiliary", "macs", "addmult", "alphas")
    return title, {name: getattr(counted, name) for name in names}


def _refuse(chosen: dict[str, Any], allowed: tuple[str, ...], because: str) -> None:
    """Raises: UsageError for an option that changes nothing here."""
    for name in chosen:
        if name not in allowed:
            raise click.UsageError(f"--{name.replace('_', '-')} does not apply: {because}")
