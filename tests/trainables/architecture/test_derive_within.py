"""Architectures within a budget: cells and paths, against all there are, and sizes against whole networks."""

import itertools
import random

import pytest

from trainables.architecture.budget import Budget, InvalidBudget
from trainables.architecture.budgeted_flow import UNIT, best_within
from trainables.architecture.cell_choices import CellChoices
from trainables.architecture.derive_within import derive_within, never_fits
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Genotype, InvalidGenotype, NasBench201Cell
from trainables.architecture.nas_bench_201_choices import NasBench201Choices
from trainables.architecture.path_choices import PathChoices
from trainables.architecture.paths import MultiChannelPath, PathStep
from trainables.architecture.published import PUBLISHED
from trainables.architecture.sampling import random_genotype, random_path
from trainables.architecture.spaces import MultiChannelSpace, NasBench201Space, SearchSpace

NAS_BENCH_201 = NasBench201Space(name="")
SIZES = ("addmult", "macs", "params")
CELLS = SearchSpace(
    name="", primitives=("none", "skip_connect", "max_pool_3x3", "sep_conv_3x3", "dil_conv_3x3"), operations="ssc"
)
PATHS = MultiChannelSpace(name="", scales=(3, 4), blocks=2, layers=2, primitives=("max_pool_3x3", "sep_conv_3x3"))
SMALL = {"network": "cifar", "channels": 2, "layers": 3}
PATH_NETWORKS = ("multichannel", "multichannel_released")


def cell_alphas(seed):
    rng = random.Random(seed)
    rows = [[rng.gauss(0, 1) for _ in CELLS.primitives] for _ in range(28)]
    return {"alphas_normal": rows[:14], "alphas_reduce": rows[14:]}


def path_alphas(seed):
    rng = random.Random(seed)
    return {"alphas": [rng.gauss(0, 1) for _ in range(32)]}


EVEN_CELLS = {name: [[0.0] * 5] * 14 for name in ("alphas_normal", "alphas_reduce")}
EVEN_PATHS = {"alphas": [0.0] * 32}


def costs_of(problem):
    return {arc.choice: arc.cost for arc in problem.arcs if arc.choice is not None}


@pytest.mark.parametrize(
    ("size", "network"),
    [
        ("addmult", SMALL),
        ("params", {"network": "cifar", "channels": 3, "layers": 5, "image_size": 13}),
        ("macs", {"network": "imagenet", "channels": 2, "layers": 4, "classes": 7, "image_size": 50}),
    ],
)
def test_the_size_of_cells_is_a_sum_over_what_is_chosen(size, network):
    choices = CellChoices(CELLS, EVEN_CELLS, size=size, **network)
    problem = choices.problem()
    costs = costs_of(problem)
    for genotype in (PUBLISHED["DARTS_V2"], *(random_genotype(CELLS, random.Random(seed)) for seed in range(3))):
        assert problem.constant + sum(costs[choice] for choice in choices.of(genotype)) == choices.count(genotype)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("network", PATH_NETWORKS)
def test_the_size_of_a_path_is_a_sum_over_what_it_goes_through(size, network):
    choices = PathChoices(PATHS, EVEN_PATHS, size=size, network=network, image_size=13)
    problem = choices.problem()
    costs = costs_of(problem)
    ends = {(arc.tail, arc.head): arc.cost for arc in problem.arcs if arc.choice is None}
    for seed in range(4):
        path = random_path(PATHS, random.Random(seed))
        first, last = path.steps[0].channels_in, path.steps[-1].channels_out
        total = problem.constant + ends["image", (0, first)] + ends[(4, last), "sink"]
        assert total + sum(costs[choice] for choice in choices.of(path)) == choices.count(path)


def test_the_sizes_of_the_papers_networks_are_sums_too():
    """Of the published genotype whose operations are all of this space, at 20 cells and 36 channels."""
    choices = CellChoices(CELLS, EVEN_CELLS, size="addmult", network="cifar")
    problem = choices.problem()
    costs = costs_of(problem)
    genotype = PUBLISHED["DARTS_V2"]
    assert problem.constant + sum(costs[choice] for choice in choices.of(genotype)) == 576_005_760


@pytest.mark.parametrize("alphas", [cell_alphas(0), cell_alphas(1), EVEN_CELLS], ids=["one", "other", "even"])
def test_without_a_binding_budget_the_best_cells_are_the_ordinary_ones(alphas):
    choices = CellChoices(CELLS, alphas, size="params", **SMALL)
    problem = choices.problem()
    flow = best_within(problem, 10**12)
    assert flow is not None
    assert choices.architecture(problem.choices(flow)) == choices.ordinary
    within = derive_within(CELLS, alphas, Budget(size="params", limit=10**12), **SMALL)
    assert within.best == within.simplex == within.unlimited
    assert within.best.architecture == choices.ordinary


@pytest.mark.parametrize("alphas", [path_alphas(0), path_alphas(1), EVEN_PATHS], ids=["one", "other", "even"])
def test_without_a_binding_budget_the_best_path_is_the_longest_one(alphas):
    choices = PathChoices(PATHS, alphas, size="params", network="multichannel")
    problem = choices.problem()
    flow = best_within(problem, 10**12)
    assert flow is not None
    assert choices.architecture(problem.choices(flow)) == choices.ordinary


def best_weight(choices, limit):
    """The largest weight within a limit, by all combinations of two edges of a node, node after node."""
    problem = choices.problem()
    costs = costs_of(problem)
    best = {problem.constant: 0}
    for cell, node in itertools.product(range(2), range(4)):
        edges = [[key for key in costs if key[:3] == (cell, node, state)] for state in range(2 + node)]
        pairs = [pair for one, other in itertools.combinations(edges, 2) for pair in itertools.product(one, other)]
        longer = {}
        for (cost, weight), (one, other) in itertools.product(best.items(), pairs):
            total = cost + costs[one] + costs[other]
            longer[total] = max(longer.get(total, 0), weight + choices.weights[one] + choices.weights[other])
        best = longer
    return max(weight for cost, weight in best.items() if cost <= limit)


@pytest.mark.parametrize("seed", range(3))
def test_cells_within_a_budget_are_the_best_of_all_and_network_simplex_keeps_it_too(seed):
    choices = CellChoices(CELLS, cell_alphas(seed), size="macs", **SMALL)
    limit = choices.count(choices.ordinary) * 4 // 5
    within = derive_within(CELLS, cell_alphas(seed), Budget(size="macs", limit=limit), **SMALL)
    assert round(within.best.weight * UNIT) == best_weight(choices, limit)
    assert within.simplex.weight <= within.best.weight < within.unlimited.weight
    assert max(within.simplex.size, within.best.size) <= limit < within.unlimited.size
    for found in (within.best, within.simplex, within.unlimited):
        assert found.size == architecture_cost(found.architecture, operations="ssc", **SMALL).macs
    assert isinstance(within.best.architecture, Genotype)
    (one, state), (other, other_state) = within.best.architecture.normal[:2]
    assert choices.weights[0, 0, state, one] >= choices.weights[0, 0, other_state, other]  # the stronger one first


def all_paths():
    steps = list(itertools.product(PATHS.primitives, PATHS.scales))
    for first in PATHS.scales:
        for chosen in itertools.product(steps, repeat=4):
            sources = [first, *(channels for _, channels in chosen)]
            yield MultiChannelPath(
                steps=tuple(
                    PathStep(operation=name, channels_in=source, channels_out=channels, stride=1 + layer % 2)
                    for layer, (source, (name, channels)) in enumerate(zip(sources, chosen, strict=False))
                )
            )


def test_a_path_within_a_budget_is_the_best_of_all():
    choices = PathChoices(PATHS, path_alphas(2), size="params", network="multichannel")
    problem = choices.problem()
    costs = costs_of(problem)
    ends = {(arc.tail, arc.head): arc.cost for arc in problem.arcs if arc.choice is None}

    def size(path):
        total = problem.constant + ends["image", (0, path.steps[0].channels_in)]
        total += ends[(4, path.steps[-1].channels_out), "sink"]
        return total + sum(costs[choice] for choice in choices.of(path))

    paths = [(size(path), sum(choices.weights[choice] for choice in choices.of(path))) for path in all_paths()]
    least, most = min(paths)[0], choices.count(choices.ordinary)
    for limit in (least, (least + most) // 2, most - 1):
        within = derive_within(PATHS, path_alphas(2), Budget(size="params", limit=limit), network="multichannel")
        assert round(within.best.weight * UNIT) == max(weight for cost, weight in paths if cost <= limit)
        assert within.best.size <= limit
        assert within.simplex.size <= limit
        assert within.simplex.weight <= within.best.weight


@pytest.mark.parametrize(
    ("space", "alphas", "network"),
    [(CELLS, cell_alphas(0), SMALL), (PATHS, path_alphas(0), {"network": "multichannel"})],
)
def test_where_nothing_fits_the_sentence_says_the_least_size_which_does(space, alphas, network):
    with pytest.raises(InvalidBudget) as error:
        derive_within(space, alphas, Budget(size="params", limit=1), **network)
    sentence = str(error.value)
    assert sentence.startswith("no architecture of this space has 1 params or less; the smallest has ")
    least = int(sentence.rpartition(" ")[2].replace(",", ""))
    assert never_fits(space, Budget(size="params", limit=least - 1), **network) == sentence.replace(
        "1 p", f"{least - 1:,} p", 1
    )
    assert never_fits(space, Budget(size="params", limit=least), **network) is None
    assert derive_within(space, alphas, Budget(size="params", limit=least), **network).best.size == least


def test_a_network_of_something_else_is_refused():
    with pytest.raises(InvalidGenotype, match="cells cannot become the network 'multichannel'"):
        derive_within(CELLS, EVEN_CELLS, Budget(size="params", limit=1), network="multichannel")


def nas_bench_201_alphas(seed):
    rng = random.Random(seed)
    return {"alphas": [[rng.gauss(0, 1) for _ in NAS_BENCH_201.primitives] for _ in range(6)]}


@pytest.mark.parametrize("size", SIZES)
def test_the_size_of_a_cell_of_nas_bench_201_is_a_sum_over_its_edges(size):
    network = {"network": "nas_bench_201", "channels": 3, "layers": 3, "image_size": 9, "classes": 7}
    choices = NasBench201Choices(NAS_BENCH_201, nas_bench_201_alphas(0), size=size, **network)
    problem = choices.problem()
    costs = costs_of(problem)
    for digits in ("012343", "333333", "000000", "214032", "400331"):
        cell = NasBench201Cell.from_digits(digits)
        assert problem.constant + sum(costs[choice] for choice in choices.of(cell)) == choices.count(cell)


def test_a_cell_of_nas_bench_201_within_a_budget_is_the_best_of_all_15_625():
    network = {"network": "nas_bench_201", "channels": 2, "layers": 3}
    choices = NasBench201Choices(NAS_BENCH_201, nas_bench_201_alphas(1), size="params", **network)
    problem = choices.problem()
    costs = costs_of(problem)
    cells = [
        (
            problem.constant + sum(costs[choice] for choice in enumerate(cell)),
            sum(choices.weights[choice] for choice in enumerate(cell)),
        )
        for cell in itertools.product(NAS_BENCH_201.primitives, repeat=6)
    ]
    least, most = min(cells)[0], choices.count(choices.ordinary)
    for limit in (least, (least + most) // 2, most - 1):
        budget = Budget(size="params", limit=limit)
        within = derive_within(NAS_BENCH_201, nas_bench_201_alphas(1), budget, **network)
        assert round(within.best.weight * UNIT) == max(weight for cost, weight in cells if cost <= limit)
        assert max(within.best.size, within.simplex.size) <= limit
        assert within.simplex.weight <= within.best.weight
    flow = best_within(problem, 10**12)
    assert flow is not None
    assert choices.architecture(problem.choices(flow)) == choices.ordinary
