"""The size of the network that a training builds: it needs no training, so it is known before any has run."""

from collections.abc import Mapping

from trainables.architecture.genotype import declared, read_architecture
from trainables.data.datasets import describe
from trainables.errors import SharptuneError
from trainables.trial import JSON

SIZES = ("params", "params_with_auxiliary", "macs", "addmult")


def size_of_training(metric: str, settings: Mapping[str, JSON]) -> int | None:
    """Return one of SIZES of the network that such a training builds, as its row will have it.

    None for other metrics, and where no network can be built of the settings. Each network is counted once in a
    process; only that loads torch.
    """
    if metric not in SIZES:
        return None
    try:
        architecture = read_architecture(settings["genotype"])
        info = describe(settings["dataset"])
    except SharptuneError:  # nothing to build, or to build it for: the trial itself will say so
        return None
    if declared(settings["genotype"]).get("operations", settings["operations"]) != settings["operations"]:
        return None  # nor will a training build it
    from trainables.architecture.final_networks import architecture_cost

    try:
        cost = architecture_cost(
            architecture,
            network=settings["network"],
            operations=settings["operations"],
            channels=settings["channels"],
            layers=settings["layers"],
            mid_channels=settings["mid_channels"],
            classes=info.classes,
            image_size=settings["image_size"] or info.image_size,
            auxiliary=settings["auxiliary"],
        )
    except (SharptuneError, RuntimeError):  # the latter of torch: more numbers than can be addressed
        return None
    return getattr(cost, metric)
