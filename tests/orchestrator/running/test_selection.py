"""What is run where not all fits: held against every choice there is, for small grids."""

from itertools import chain, combinations
from math import inf

from drive import planned
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.running.selection import LOOKS, Cell, choose, order_of


@st.composite
def grids(draw, *, shared: bool):
    """Draw (trials, cells, prices, room): roots, each with children; a cell is a few children, or roots alone."""
    trials = []
    for root in range(draw(st.integers(1, 3))):
        parent = planned(root)
        trials.append(parent)
        trials += [planned(child, (parent.trial_id,)) for child in range(draw(st.integers(0, 2)))]
    ids = [trial.trial_id for trial in trials]
    if shared:
        members = draw(st.lists(st.sets(st.sampled_from(ids), min_size=1, max_size=3), max_size=4))
    else:  # whole families, which have nothing in common
        families = {}
        for trial in trials:
            families.setdefault(trial.parents[0] if trial.parents else trial.trial_id, []).append(trial.trial_id)
        members = list(families.values())
    cells = [Cell(name=str(place), trials=tuple(each)) for place, each in enumerate(members)]
    prices = {trial_id: float(draw(st.integers(0, 9))) for trial_id in ids}
    return trials, cells, prices, float(draw(st.integers(0, 30)))


def closure(trials, wanted) -> frozenset[str]:
    parents = {trial.trial_id: trial.parents for trial in trials}
    return frozenset(wanted).union(*(parents[each] for each in wanted))


def whole(cells, chosen) -> list[Cell]:
    return [cell for cell in cells if chosen.issuperset(cell.trials)]


@given(grids(shared=True))
def test_what_is_chosen_costs_no_more_than_there_is_and_has_its_parents(grid):
    trials, cells, prices, room = grid

    chosen = choose(trials, cells, prices, room)

    assert sum(prices[each] for each in chosen) <= room
    assert chosen == closure(trials, chosen)


@given(grids(shared=True))
def test_no_cell_is_left_for_parts_of_others(grid):
    """Without the parts of cells that are not whole, no other cell would fit; nothing fits beside what is chosen."""
    trials, cells, prices, room = grid

    chosen = choose(trials, cells, prices, room)

    def price(some) -> float:
        return sum(prices[each] for each in some)

    complete = closure(trials, chain.from_iterable(cell.trials for cell in whole(cells, chosen)))
    broken = [cell.trials for cell in cells if not chosen.issuperset(cell.trials)]
    more = [chosen | closure(trials, [trial.trial_id]) for trial in trials]
    assert [cell for cell in broken if price(complete | closure(trials, cell)) <= room] == []
    assert [each for each in more if len(each) == len(chosen) + 1 and price(each) <= room] == []


@given(grids(shared=False))
def test_of_cells_that_share_nothing_no_choice_completes_more(grid):
    trials, cells, prices, room = grid
    ids = [cell.trials for cell in cells]
    sets = chain.from_iterable(combinations(ids, count) for count in range(len(ids) + 1))
    affordable = [some for some in sets if sum(prices[each] for cell in some for each in cell) <= room]

    chosen = choose(trials, cells, prices, room)

    assert len(whole(cells, chosen)) == max(map(len, affordable))


@given(grids(shared=True), st.integers(0, 6))
def test_what_cannot_be_done_in_time_is_left_out_and_what_can_is_taken(grid, most):
    trials, cells, prices, _ = grid
    looked = []

    def in_time(chosen) -> bool:
        looked.append(chosen)
        return len(chosen) <= most

    chosen = choose(trials, cells, prices, inf, in_time)

    assert (len(chosen) <= most, chosen == closure(trials, chosen)) == (True, True)
    assert len(chosen) == min(most, len(trials))
    assert len(looked) <= LOOKS


def test_what_a_cell_lacks_is_what_those_before_it_left():
    """The third shares its dearest trial with the first; alone it would be the last."""
    trials = [planned(seed) for seed in range(4)]
    ids = [trial.trial_id for trial in trials]
    cells = [Cell(name="", trials=each) for each in ((ids[0],), (ids[1], ids[2]), (ids[0], ids[3]))]

    chosen = choose(trials, cells, dict(zip(ids, (3.0, 2.0, 3.0, 2.5), strict=True)), 6.0)

    assert chosen == {ids[0], ids[3]}


def test_the_cheapest_cell_starts_first_with_all_that_it_needs_and_what_is_part_of_none_has_no_number():
    """The first that is named is the dearest, and not whole; the other two need the same root."""
    root, other = planned(0), planned(1)
    one, two, three, dear = (
        planned(seed, (parent.trial_id,)) for seed, parent in ((2, root), (3, root), (4, root), (5, other))
    )
    cells = [
        Cell(name=name, trials=tuple(trial.trial_id for trial in trials))
        for name, trials in {"dear": (dear,), "second": (two, three), "first": (one,)}.items()
    ]
    trials = [root, other, one, two, three, dear]
    prices = {trial.trial_id: 1.0 for trial in trials} | {other.trial_id: 9.0}
    first = {root.trial_id: 0, one.trial_id: 0, two.trial_id: 1, three.trial_id: 1}

    parts = order_of(trials, cells, prices, prices.keys() - {dear.trial_id})
    whole = order_of(trials, cells, prices, prices.keys())

    assert parts == first
    assert whole == first | {other.trial_id: 2, dear.trial_id: 2}


def test_five_thousand_trials_are_chosen_from_with_few_looks():
    roots = [planned(seed) for seed in range(500)]
    children = [planned(seed, (root.trial_id,)) for root in roots for seed in range(9)]
    trials = [*roots, *children]
    cells = [Cell(name="", trials=tuple(each.trial_id for each in children[at : at + 3])) for at in range(0, 4500, 3)]
    looked = []

    def in_time(chosen) -> bool:
        looked.append(chosen)
        return len(chosen) <= 2321

    chosen = choose(trials, cells, dict.fromkeys([trial.trial_id for trial in trials], 1.0), 3000.0, in_time)

    assert len(chosen) > 2300
    assert len(looked) <= LOOKS
