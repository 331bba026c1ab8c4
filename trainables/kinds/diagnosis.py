"""What diagnoses of searches say of themselves while they are planned: the catalog names this by import paths."""

from collections.abc import Mapping
from typing import Any

from trainables.architecture.families import FAMILIES
from trainables.architecture.spaces import NasBench201Space, known_space, read_space
from trainables.kinds.costs import EVALUATION, search_cost
from trainables.trainable import KIND_OF_TRIAL, Context
from trainables.trial import JSON

WEIGHTS = "weights"
SEARCH = "search"
PRODUCTS = 40
"""Products with the Hessian that the largest eigenvalue takes, roughly."""
PRODUCT = 3
"""Of a training step's work: what a product costs."""
OF_CELLS = ("cells", "cell_images")
"""Settings of how cells are drawn and tried."""


def check(config: Any, context: Context) -> list[tuple[str, str]]:
    """Return what is wrong with a `trainables.config.DiagnoseConfig`."""
    parent = context.inherited.get(KIND_OF_TRIAL)
    if context.referred.get(WEIGHTS) == WEIGHTS and parent == SEARCH:
        return []
    others = "" if parent in (SEARCH, None) else f", not of {parent!r} trials"
    said = 'must be those that a search left: "${search.weights}", where needs: names a stage of searches'
    return [(WEIGHTS, said + others)]


def unread(config: Any, _context: Context) -> dict[str, str]:
    """Return what a diagnosis with a `trainables.config.DiagnoseConfig` does not read."""
    space = read_space(config.space)
    table = "only cells of NAS-Bench-201 are in a table that says how good they are; leave it out"
    of_cells = {} if isinstance(space, NasBench201Space) else dict.fromkeys(OF_CELLS, table)
    return {**dict.fromkeys(FAMILIES[space.finds].unread, ""), **of_cells}


def cost(settings: Mapping[str, JSON]) -> float:
    """Return the work of a diagnosis, as that of searches is counted."""
    hessian, cells, each = (settings.get(name) for name in ("hessian_images", *OF_CELLS))
    images = PRODUCTS * PRODUCT * hessian if isinstance(hessian, int) else 1
    if isinstance(known_space(settings.get("space")), NasBench201Space):
        images += EVALUATION * cells * each if isinstance(cells, int) and isinstance(each, int) else 0
    return search_cost({**settings, "epochs": 1, "train_images": images})


def absent(name: str, settings: Mapping[str, JSON]) -> str | None:
    """Return why diagnoses with these settings will not measure something; None when they may."""
    space = known_space(settings.get("space"))
    of_cells = name.startswith("kendall_tau") or name == "sampled_cells"
    if not of_cells or space is None or isinstance(space, NasBench201Space):
        return None
    return (
        f"a diagnosis measures {name!r} only of NAS-Bench-201, whose cells are in a table that says how good they are"
    )
