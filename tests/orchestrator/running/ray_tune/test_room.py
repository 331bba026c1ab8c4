"""Wide trials are not starved by narrow ones: on simulated clusters, where Ray gives room to whoever the draw says."""

from dataclasses import dataclass, field

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.cluster import Node
from orchestrator.running.ray_tune.room import HandedOut, Reservations

NARROW, WIDE = Resources(gpus=1), Resources(gpus=2)
TWO = Node(node_id="two", resources={"CPU": 8.0, "GPU": 2.0})
OTHER = Node(node_id="other", resources={"CPU": 8.0, "GPU": 2.0})


def at_work(demand, node_id):
    return HandedOut(demand=demand, starts=True, node_id=node_id)


def room(nodes, *handed_out):
    return Reservations().room(nodes, {str(number): each for number, each in enumerate(handed_out)})


def test_a_node_is_kept_for_a_wide_trial_that_waits_and_the_others_stay_open():
    busy = (at_work(NARROW, "two"), at_work(NARROW, "other"))
    there = room([OTHER, TWO], *busy, HandedOut(demand=WIDE))

    assert there.closed_to(NARROW) == {"other"}
    assert there.admits(NARROW)
    assert not there.closed_to(WIDE)
    full = room([OTHER, TWO], *busy, at_work(NARROW, "two"), HandedOut(demand=WIDE))
    assert not full.admits(NARROW), "in line it would stay off the other node when that is free again"


def test_where_there_is_one_node_narrow_trials_are_held_back_but_not_those_that_take_nothing_the_wide_one_needs():
    there = room([TWO], at_work(NARROW, "two"), HandedOut(demand=WIDE))

    assert not there.admits(NARROW)
    assert there.admits(Resources(cpus=4))
    assert not there.admits(Resources(cpus=7))


def test_a_trial_that_is_about_to_start_is_not_overtaken():
    there = room([TWO], HandedOut(demand=WIDE))

    assert not there.admits(NARROW)
    assert there.admits(Resources(cpus=1))


def test_trials_of_one_shape_are_never_held_back():
    assert room([TWO], *(HandedOut(demand=NARROW) for _ in range(9))).closed_to(NARROW) == frozenset()


def test_many_that_wait_for_gpus_keep_one_place_so_that_the_cpus_are_not_idle():
    waiting = (HandedOut(demand=Resources(gpus=1, cpus=2)) for _ in range(16))
    there = room([TWO], at_work(NARROW, "two"), at_work(NARROW, "two"), *waiting)

    assert there.admits(Resources(cpus=4))


def test_a_node_that_is_kept_stays_so_though_another_would_be_free_sooner():
    reservations = Reservations()
    handed_out = {name: at_work(NARROW, node) for name, node in (("a", "two"), ("b", "other"), ("c", "other"))}
    handed_out["w"] = HandedOut(demand=WIDE)
    assert reservations.room([TWO, OTHER], handed_out).closed_to(NARROW) == {"two"}
    handed_out["b"], handed_out["c"] = handed_out["a"], HandedOut(demand=NARROW, closed=frozenset({"two"}))

    assert reservations.room([TWO, OTHER], handed_out).closed_to(NARROW) == {"two"}
    assert reservations.room([OTHER], handed_out).closed_to(NARROW) == {"other"}


@dataclass
class Cluster:
    """A simulated one: time goes on from end to end of trials; who of those that fit starts first is drawn."""

    nodes: list[Node]
    draw: object
    reservations: Reservations = field(default_factory=Reservations)
    handed_out: dict[str, HandedOut] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)
    handed: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    now: int = 0

    def room(self):
        return self.reservations.room(self.nodes, self.handed_out)

    def places(self, demand, closed=frozenset()):
        """Return the nodes with room for a trial."""
        return [
            node.node_id
            for node in self.nodes
            if node.node_id not in closed
            and all(
                self.used(node.node_id, name) + amount <= node.resources.get(name, 0)
                for name, amount in demand.amounts.items()
            )
        ]

    def used(self, node_id, name):
        return sum(e.demand.amounts.get(name, 0) for e in self.handed_out.values() if e.node_id == node_id)

    def hand_out(self, waiting, at_once):
        """Hand out what the room admits, in order, as long as not too many wait; return what is left."""
        left = dict(waiting)
        while sum(not each.starts for each in self.handed_out.values()) < at_once:
            there = self.room()
            name = next((name for name, (demand, _) in left.items() if there.admits(demand)), None)
            if name is None:
                break
            demand, lasts = left.pop(name)
            self.handed_out[name] = HandedOut(demand=demand, closed=there.closed_to(demand))
            self.handed[name], self.ends[name] = self.now, lasts
        return left

    def start(self):
        """Start whatever fits, in the order that is drawn, as Ray may."""
        while able := [
            (name, places)
            for name, each in self.handed_out.items()
            if not each.starts and (places := self.places(each.demand, each.closed))
        ]:
            name, places = self.draw(st.sampled_from(able))
            demand = self.handed_out[name].demand
            self.handed_out[name] = HandedOut(demand=demand, starts=True, node_id=self.draw(st.sampled_from(places)))
            self.started[name], self.ends[name] = self.now, self.now + self.ends[name]

    def end(self):
        """Go on to the next end of a trial."""
        working = [name for name, each in self.handed_out.items() if each.starts]
        assert working, "nobody works, and somebody waits"
        self.now = min(self.ends[name] for name in working)
        for name in working:
            if self.ends[name] == self.now:
                del self.handed_out[name]
                self.ended[name] = self.now

    def run(self, waiting, at_once):
        """Bring all trials, (demand, seconds) by name, to their ends."""
        while waiting or self.handed_out:
            before = None
            while before != (len(waiting), len(self.started)):
                before = (len(waiting), len(self.started))
                waiting = self.hand_out(waiting, at_once)
                self.start()
            if sum(not each.starts for each in self.handed_out.values()) < at_once:
                there = self.room()
                roomy = [name for name, (demand, _) in waiting.items() if self.places(demand, there.closed_to(demand))]
                assert not roomy, "there is room that nobody waits for, and it is not given"
            self.end()


amounts = st.builds(Resources, gpus=st.sampled_from([0, 0.5, 1, 2, 4]), cpus=st.sampled_from([1, 2, 4]))
trials = st.lists(st.tuples(amounts, st.integers(1, 50)), min_size=1, max_size=15)
clusters = st.lists(st.tuples(st.integers(4, 8), st.sampled_from([0, 1, 2, 4])), max_size=3)


@few(20)
@given(st.data(), trials, clusters, st.integers(1, 4))
def test_every_trial_starts_and_the_widest_wait_for_none_that_came_later(data, asked, sizes, at_once):
    nodes = [
        Node(node_id=f"n{number}", resources={"CPU": float(cpus), "GPU": float(gpus)})
        for number, (cpus, gpus) in enumerate([*sizes, (4, 4)])
    ]
    cluster = Cluster(nodes=nodes, draw=data.draw)
    cluster.run({str(number): each for number, each in enumerate(asked)}, at_once)

    assert len(cluster.started) == len(asked)
    order = list(cluster.handed)
    for name in order:
        demand, _ = asked[int(name)]
        if (demand.gpus, demand.cpus) == (4, 4):
            before = [cluster.ended[other] for other in order[: order.index(name)]]
            assert cluster.started[name] <= max([cluster.handed[name], *before])


@pytest.mark.parametrize(("kept", "last"), [(True, False), (False, True)])
def test_without_a_kept_node_a_wide_trial_comes_last(monkeypatch, kept, last):
    if not kept:
        monkeypatch.setattr("orchestrator.running.ray_tune.room.Room._would_delay", lambda *_: False)
    cluster = Cluster(nodes=[TWO], draw=lambda strategy: strategy.elements[0])
    narrow = {f"{number}": (NARROW, 2 if number else 1) for number in range(20)}  # no two end at once
    cluster.run({"0": narrow["0"], "1": narrow["1"], "w": (WIDE, 1), **narrow}, 3)

    assert (cluster.started["w"] == max(cluster.started.values())) == last
