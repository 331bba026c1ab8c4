"""What a driver tells of its wishes, and a worker hears: of actors that answer when the test says so. No Ray starts."""

import asyncio
import os
import signal
from types import SimpleNamespace

import pytest
from ray.exceptions import RayActorError

from orchestrator.running.ray_tune.relay import AGAIN_SECONDS, NOTHING, Relay, Wishes
from orchestrator.running.stop import Stop
from trainables.ray_trainable import StopFlag
from trainables.record.storage import open_storage


class Actor:
    """The driver's, and the part of Ray between: each call is a list, which holds its answer once there is one."""

    def __init__(self):
        self.calls = []
        self.waited = []
        self.gone = False
        self.hear = SimpleNamespace(remote=self._hear)

    def _hear(self, known):
        self.calls.append((known, []))
        return self.calls[-1][1]

    def says(self, wished):
        self.calls[-1][1].append(wished)

    def wait(self, refs, timeout):
        self.waited.append(timeout)
        return [ref for ref in refs if ref or self.gone], []

    def get(self, ref):
        if self.gone:
            raise RayActorError
        return ref[0]


@pytest.fixture
def actor(monkeypatch):
    actor = Actor()
    monkeypatch.setattr("trainables.ray_trainable.ray", SimpleNamespace(wait=actor.wait, get=actor.get))
    monkeypatch.setattr("trainables.ray_trainable.LOOK_SECONDS", 0)
    return actor


@pytest.fixture
def flag(actor):
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    before |= {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    flag = StopFlag(actor, "here")
    flag.begin("a")
    yield flag
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    "wished", [{**NOTHING, "all": True}, {**NOTHING, "trials": ["a", "b"]}, {**NOTHING, "nodes": ["here"]}]
)
def test_a_trial_stops_when_all_are_to_or_it_alone(flag, actor, wished):
    actor.says(NOTHING)
    before = [flag() for _ in range(5)]
    actor.says(wished)

    assert (before, flag(), flag()) == ([False] * 5, True, True)
    assert [known for known, _ in actor.calls] == [None, NOTHING, wished]


def test_a_trial_goes_on_when_others_are_to_stop_and_the_next_one_of_the_process_knows(flag, actor):
    actor.says({**NOTHING, "trials": ["b"], "nodes": ["there"]})

    assert not flag()
    flag.begin("b")
    assert flag()
    flag.begin("c")
    assert not flag()


def test_one_call_waits_at_the_driver_however_many_steps_there_are(flag, actor):
    actor.says(NOTHING)

    assert not any(flag() for _ in range(1000))
    assert len(actor.calls) == 2


@pytest.mark.parametrize("gone", [False, True])
def test_a_driver_that_does_not_answer_is_waited_for_only_once(flag, actor, gone):
    actor.gone = gone

    assert not any(flag() for _ in range(10))
    assert sum(actor.waited) == max(actor.waited) == actor.waited[0]


def test_a_signal_to_the_process_stops_the_trial_it_has_and_not_the_next(flag, actor):
    actor.says(NOTHING)
    os.kill(os.getpid(), signal.SIGTERM)

    assert flag()
    flag.begin("b")
    assert not flag()


def test_the_actor_answers_all_who_wait_as_soon_as_there_is_news():
    async def talk():
        wishes = Wishes()
        first = await wishes.hear(None)
        waiting = [asyncio.ensure_future(wishes.hear(first)) for _ in range(1000)]
        await wishes.tell(dict(NOTHING))
        await asyncio.sleep(0)
        early = sum(each.done() for each in waiting)
        await wishes.tell({**NOTHING, "trials": ["a"]})
        return first, early, await asyncio.gather(*waiting), await wishes.hear({**NOTHING, "all": True})

    first, early, heard, after_a_restart = asyncio.run(talk())

    assert (first, early) == (NOTHING, 0)
    assert heard == [{**NOTHING, "trials": ["a"]}] * 1000
    assert after_a_restart == {**NOTHING, "trials": ["a"]}


@pytest.fixture
def relay(monkeypatch):
    """The driver's side; returns it and what its actor was told."""
    told = []
    actor = SimpleNamespace(tell=SimpleNamespace(remote=told.append))
    ray = SimpleNamespace(
        get_runtime_context=lambda: SimpleNamespace(get_node_id=lambda: "0" * 56),
        remote=lambda cls: SimpleNamespace(options=lambda **options: SimpleNamespace(remote=lambda: actor)),
    )
    monkeypatch.setattr("orchestrator.running.ray_tune.relay.ray", ray)
    return Relay(), told


def test_the_actor_is_told_of_what_is_new_and_again_after_a_while(relay, tmp_path, monkeypatch):
    """It may have been started anew, and then knows nothing."""
    relay, told = relay
    now = [0.0]
    monkeypatch.setattr("orchestrator.running.ray_tune.relay.time.monotonic", lambda: now[0])
    stop = Stop(open_storage(tmp_path))
    for _ in range(10):
        now[0] += AGAIN_SECONDS
        relay.tell(stop, [])
    assert told == []

    stop.trials = frozenset("ba")
    for now[0] in (100.0, 100.1, 100.1 + AGAIN_SECONDS):
        relay.tell(stop, [])

    assert told == [{**NOTHING, "trials": ["a", "b"]}] * 2


def test_the_next_run_on_the_same_ray_is_not_stopped_by_the_last_ones_wish(relay, tmp_path):
    relay, told = relay
    stopped = Stop(open_storage(tmp_path))
    stopped.request()
    relay.tell(stopped, [])

    relay.tell(Stop(open_storage(tmp_path)), [])

    assert told[-1] == NOTHING
