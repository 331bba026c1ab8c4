"""Of the trials that can start, the one with the longest way to go of a shape that fits comes first."""

from dataclasses import replace

from drive import planned
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.planning.plan import Resources
from orchestrator.running.ready import Ready

SHAPES = (Resources(cpus=1), Resources(cpus=2), Resources(cpus=2, gpus=1))
TRIALS = [replace(planned(seed), resources=SHAPES[seed % 3]) for seed in range(9)]
IDS = [trial.trial_id for trial in TRIALS]
WEIGHTS = st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=9, max_size=9).map(
    lambda w: dict(zip(IDS, w, strict=True))
)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 8)),
        st.tuples(st.just("discard"), st.integers(0, 8)),
        st.tuples(st.just("pop"), st.sets(st.sampled_from(SHAPES))),
        st.tuples(st.just("weigh"), WEIGHTS),
        st.tuples(st.just("order"), st.dictionaries(st.sampled_from(IDS), st.integers(0, 2))),
    ),
    max_size=30,
)


def plainly(there: set[int], order: dict[str, int], weights: dict[str, float], fitting: set[Resources]) -> int | None:
    """Return the place of the trial that is next, by looking at all."""
    able = [place for place in there if TRIALS[place].resources in fitting]
    return min(able, key=lambda place: (order.get(IDS[place], 9), -weights[IDS[place]], IDS[place]), default=None)


@given(WEIGHTS, MOVES)
def test_whatever_came_and_went_the_next_is_the_one_that_a_look_at_all_would_find(weights, moves):
    ready, there, order = Ready(weights), set[int](), dict[str, int]()
    for kind, what in moves:
        if kind == "add":
            ready.add(TRIALS[what])
            there.add(what)
        elif kind == "discard":
            ready.discard([IDS[what]])
            there.discard(what)
        elif kind == "weigh":
            weights = what
            ready.weigh(weights)
        elif kind == "order":
            order = what
            ready.put_in_order(order)
        else:
            expected = plainly(there, order, weights, what)
            assert ready.pop(what.__contains__) == (None if expected is None else IDS[expected])
            there.discard(expected)

    assert [trial_id in ready for trial_id in IDS] == [place in there for place in range(9)]
    assert len(ready) == len(there)
    rest = sorted((IDS[place] for place in there), key=lambda each: (order.get(each, 9), -weights[each], each))
    assert [ready.pop(lambda shape: True) for _ in range(10)] == [*rest, *[None] * (10 - len(rest))]


def test_each_shape_is_asked_about_once_however_many_trials_have_it():
    ready, asked = Ready(dict.fromkeys(IDS, 1.0)), []
    for trial in TRIALS:
        ready.add(trial)

    assert ready.pop(lambda shape: bool(asked.append(shape))) is None  # none fits
    assert sorted(map(str, asked)) == sorted(map(str, SHAPES))
