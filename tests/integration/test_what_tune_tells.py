"""What a run makes of what Tune tells it: told by hand, of a cluster that is only a list. No Ray starts."""

import dataclasses
import json
import socket
from types import SimpleNamespace

import pytest
from drive import planned
from jobs import essence, finish, folder_of, make_job
from pydantic import TypeAdapter, ValidationError
from ray._private.label_utils import validate_label_selector
from running_contract import go
from sessions import open_session

from orchestrator.errors import HaltError, RunError
from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.callbacks import FrontierSearcher, TuneCallback
from orchestrator.running.ray_tune.nodes import Nodes
from trainables.execution.job import Progress
from trainables.ray_trainable import NODE, RESULT, TrialDispatcher, placement


class World:
    """A session of one running trial, and Tune's part of it."""

    def __init__(self, storage, nodes, *trials):
        self.heard = []
        trials = trials or (planned(0),)
        self.trial = trials[0]
        self.session = open_session(storage, trials, self.heard.append)
        self.nodes = nodes
        self.told = []
        relay = SimpleNamespace(tell=lambda stop, nodes: self.told.append((stop(), stop.trials, nodes)))
        self.hearing = TuneCallback(self.session, nodes, relay)
        self.hearing.expect("tune", self.session.next())
        self.tune_trial = SimpleNamespace(trial_id="tune", error_file=storage / "error.txt", max_failures=-1)
        self.hearing.on_trial_start(0, [], self.tune_trial)

    def reports(self, state, *, node, note=""):
        progress = Progress(trial_id=self.trial.trial_id, state=state, note=note)
        result = {RESULT: json.dumps(progress.to_json()), NODE: node}
        self.hearing.on_trial_result(0, [], self.tune_trial, result)

    def dies(self, error):
        self.tune_trial.error_file.write_text(error)
        self.hearing.on_trial_recover(0, [], self.tune_trial)

    @property
    def notes(self):
        return [event.text for event in self.heard if event.kind == "note"]


@pytest.fixture
def cluster(monkeypatch):
    """Nodes of these CPUs, by name."""

    def make(port=1, excluded=(), **cpus):
        listed = [
            {
                "NodeID": name,
                "NodeManagerHostname": name,
                "NodeManagerAddress": "127.0.0.1",
                "NodeManagerPort": port,
                "Alive": True,
                "Resources": {"CPU": count},
            }
            for name, count in cpus.items()
        ]
        monkeypatch.setattr("ray.nodes", lambda: listed)
        monkeypatch.setattr("orchestrator.running.ray_tune.nodes._draining_nodes", list)
        return Nodes(excluded)

    return make


def test_a_node_with_a_full_disk_is_left_out_and_its_trial_starts_on_another(tmp_path, cluster):
    world = World(tmp_path, cluster(good=1, full=1))

    world.reports("halted", node="full", note="No space left on device")

    assert world.notes == ["node full (127.0.0.1) is left out: No space left on device"]
    assert world.session.next() == world.trial
    assert json.loads(world.hearing.expect("again", world.trial))["nodes_left_out"] == ["full"]
    assert not world.session.halted


def test_the_run_ends_when_the_last_node_cannot_work(tmp_path, cluster):
    nodes = cluster(good=1, full=1)
    nodes.leave_out("full", "No space left on device")
    world = World(tmp_path, nodes)

    world.reports("halted", node="good", note="it runs other code")

    assert world.session.halted == "it runs other code"
    assert world.session.stop()


def test_the_run_ends_when_no_node_is_left_whichever_were_left_out(tmp_path, cluster, monkeypatch):
    nodes = cluster(good=1, full=1)
    nodes.leave_out("full", "No space left on device")
    world = World(tmp_path, nodes)
    monkeypatch.setattr("ray.nodes", list)
    monkeypatch.setattr("orchestrator.running.ray_tune.callbacks.LOOK_SECONDS", 0.0)

    with pytest.raises(HaltError, match="Ray's own processes are gone"):
        world.hearing.on_step_end(0, [])


@pytest.mark.parametrize(
    ("cpus", "missed"),
    [(1, ""), (4, "node large (127.0.0.1) is left out: No space left on device"), (8, "")],  # a cluster may grow to 8
)
def test_the_run_ends_when_only_nodes_that_are_left_out_could_hold_what_waits(cluster, cpus, missed):
    nodes = cluster(small=1, large=4)
    nodes.leave_out("large", "No space left on device")

    assert nodes.missed_by([Resources(cpus=cpus, gpus=0)]) == missed


KILLED = "ray.exceptions.ActorUnavailableError: The actor is temporarily unavailable: RPC error: Socket closed"
FOR_MEMORY = "Refer to the documentation on how to address the out of memory issue: https://docs.ray.io/en/latest/x"
REFUSED = "ray.exceptions.RayTaskError(OSError): ray::step()\n  File ...\nOSError: [Errno 5] Input/output error"


def test_a_trial_whose_node_is_lost_goes_on_as_often_as_that_happens(tmp_path, cluster):
    """Nothing answers at the node's port, though Ray takes it for alive."""
    world = World(tmp_path, cluster(lost=1))
    world.reports("running", node="lost")

    for _ in range(9):
        world.dies(KILLED)

    assert world.notes == ["its process died (its node is gone); it goes on from its last checkpoint"] * 9
    assert world.session.ledger.rows() == {}


@pytest.mark.parametrize(
    ("error", "halted", "rows"),
    [
        (KILLED, "", ["its process died 4 times, the last time: the process was killed, or its node is gone"]),
        (FOR_MEMORY, "", ["its process died 4 times, the last time: killed for memory"]),
        (REFUSED, "OSError: [Errno 5] Input/output error", []),
    ],
)
def test_after_too_many_deaths_it_is_the_trial_that_failed_or_the_storage(tmp_path, cluster, error, halted, rows):
    with socket.create_server(("127.0.0.1", 0)) as raylet:
        world = World(tmp_path, cluster(raylet.getsockname()[1], alive=1))
        world.reports("running", node="alive")
        for _ in range(4):
            world.dies(error)

    assert world.session.halted == halted
    assert [row.error for row in world.session.ledger.rows().values()] == rows
    assert world.tune_trial.max_failures == 0, "Tune starts it once more, to hear of its row, and no more often"


def test_a_node_that_is_drained_gets_no_trial_and_its_own_saves_and_starts_on_another(tmp_path, cluster, monkeypatch):
    monkeypatch.setattr("orchestrator.running.ray_tune.callbacks.LOOK_SECONDS", 0.0)
    world = World(tmp_path, cluster(good=1, spot=1))
    world.reports("running", node="spot")
    monkeypatch.setattr("orchestrator.running.ray_tune.nodes._draining_nodes", lambda: ["spot"])

    for _ in range(2):
        world.hearing.on_step_end(0, [world.tune_trial])
    world.reports("stopped", node="spot")

    assert [nodes for _, _, nodes in world.told] == [frozenset(), {"spot"}]
    assert world.notes == ["node spot (127.0.0.1) is being drained: its trials save, and go on elsewhere"]
    assert [node.node_id for node in world.hearing.view.nodes] == ["good"]
    assert world.session.next() == world.trial
    assert json.loads(world.hearing.expect("again", world.trial))["nodes_left_out"] == ["spot"]
    assert not world.session.halted


def test_a_trial_that_someone_stops_on_a_node_that_is_left_does_not_start_elsewhere(tmp_path, cluster):
    nodes = cluster(good=1, full=1)
    nodes.leave_out("full", "No space left on device")
    world = World(tmp_path, nodes)
    world.session.stop.trials = frozenset({world.trial.trial_id})

    world.reports("stopped", node="full")

    assert world.notes == ["is left to the next run, as was asked"]
    assert world.session.next() is None


def test_the_run_waits_for_a_cluster_whose_last_node_is_drained(tmp_path, cluster, monkeypatch):
    nodes = cluster(spot=2, full=1)
    nodes.leave_out("full", "No space left on device")
    monkeypatch.setattr("orchestrator.running.ray_tune.nodes._draining_nodes", lambda: ["spot"])
    nodes.look()

    assert nodes.missed_by([Resources(cpus=2)]) == ""
    assert nodes.missed_by([Resources(cpus=1)]) == "node full (127.0.0.1) is left out: No space left on device"


def test_excluded_nodes_are_left_out_also_those_that_come_later_and_a_wrong_name_is_told(cluster):
    nodes = cluster(good=1, bad=1, excluded=["bad"])
    nodes.exclude()
    assert [node.node_id for node in nodes.view().nodes] == ["good"]
    assert nodes.left_out == {"bad": "node bad (127.0.0.1) is left out: it is excluded"}

    with pytest.raises(RunError, match=r"no node is called bda; the nodes are 127\.0\.0\.1, bad, good"):
        cluster(good=1, bad=1, excluded=["bda"]).exclude()
    with pytest.raises(RunError, match="leaves no node to run on"):
        cluster(good=1, bad=1, excluded=["127.0.0.1"]).exclude()


def test_a_trial_that_hung_is_told_as_such_and_its_stage_bounds_how_often(tmp_path, cluster):
    trial = dataclasses.replace(planned(0), hang_minutes=1e-9, max_failures=0)
    with socket.create_server(("127.0.0.1", 0)) as raylet:
        world = World(tmp_path, cluster(raylet.getsockname()[1], alive=1), trial)
        world.reports("running", node="alive")
        world.dies(KILLED)

    (row,) = world.session.ledger.rows().values()
    assert row.error == (
        "its process died once, the last time: it made no step for 1e-09 min; where it hung stands in its stderr"
    )


def test_a_wide_trial_that_waits_is_not_overtaken_by_narrow_ones(tmp_path, cluster):
    """Two CPUs on the one node, a narrow trial at work: the wide one waits, and no other narrow one is handed out."""
    first, wide, narrow = (
        dataclasses.replace(planned(seed, cpus=cpus), expected_cost=cost)
        for seed, cpus, cost in ((0, 1, 3.0), (1, 2, 2.0), (2, 1, 1.0))
    )
    world = World(tmp_path, cluster(only=2), first, wide, narrow)
    world.reports("running", node="only")
    searcher = FrontierSearcher(world.session, world.hearing)

    handed = [searcher.suggest(name) for name in ("a", "b")]
    go(tmp_path, [first])
    world.reports("done", node="only")
    before_it_starts = searcher.suggest("c")
    world.hearing.on_trial_start(0, [], SimpleNamespace(trial_id="a"))
    later = searcher.suggest("d")

    assert json.loads(handed[0]["resources"])["amounts"] == {"CPU": 2}
    assert (handed[1], before_it_starts) == (None, None)
    assert json.loads(later["resources"])["amounts"] == {"CPU": 1}


def test_placement_asks_for_all_of_it_on_one_node_whose_labels_hold(cluster):
    asked = Resources(
        gpus=0.5, cpus=2, memory=10**9, accelerator="A100", custom={"slot": 1}, labels={"zone": "in(a, b)"}
    )
    told = {"amounts": asked.amounts, "labels": asked.labels, "nodes_left_out": ["x", "y"]}

    factory = placement({"resources": json.dumps(told)})

    assert factory.bundles == [{"CPU": 2, "GPU": 0.5, "memory": 10**9, "accelerator_type:A100": 0.001, "slot": 1}]
    assert factory.strategy == "STRICT_PACK"
    assert factory._bound.kwargs["bundle_label_selector"] == [{"zone": "in(a, b)", "ray.io/node-id": "!in(x,y)"}]


@pytest.mark.parametrize("key", ["zone", "example.com/zone", "a/b/c", "a..b/c", "x" * 63, "x" * 64])
@pytest.mark.parametrize("choice", ["a", "!a", "in(a,b)", "in(a, b)", "!in(a)", "a.b-c_d", "x" * 63, "a,b", "in()"])
def test_whatever_passes_as_a_label_rays_own_check_takes(key, choice):
    try:
        TypeAdapter(Resources).validate_python({"labels": {key: choice}})
    except ValidationError:
        return
    assert validate_label_selector({key: choice}) is None


def test_what_is_to_stop_is_passed_on_at_every_step_of_tune(tmp_path, cluster):
    world = World(tmp_path, cluster(alive=1))

    world.hearing.on_step_end(0, [])
    world.session.stop.trials = frozenset({"a"})
    world.hearing.on_step_end(1, [])
    world.session.stop.request()
    world.hearing.on_step_end(2, [])

    assert world.told == [(False, frozenset(), frozenset()), (False, {"a"}, frozenset()), (True, {"a"}, frozenset())]


def test_a_trial_in_tunes_line_that_someone_stops_is_left_to_the_next_run_once_it_is_let_go(tmp_path, cluster):
    world = World(tmp_path, cluster(alive=1))
    world.session.stop.trials = frozenset({world.trial.trial_id})

    world.reports("stopped", node="alive")

    assert world.notes == ["is left to the next run, as was asked"]
    assert world.session.frontier.exhausted


@pytest.fixture
def dispatched(monkeypatch):
    """Makes the trainable of a job, as Tune does in an actor; no Ray runs."""
    monkeypatch.setattr("ray.get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "here"))
    monkeypatch.setattr("trainables.ray_trainable.hear", lambda handler: {})
    monkeypatch.setattr("trainables.ray_trainable.REPORT_SECONDS", 0.0)

    def make(job, wishes=None):
        class Told(TrialDispatcher):
            def setup(self, config):
                super().setup(config, wishes=wishes)

        return Told({"job": job.to_json()})

    return make


def states_of(trainable):
    """Step to the end, and return the states that are reported."""
    states = []
    while not states or states[-1] == "running":
        states.append(json.loads(trainable.step()[RESULT])["state"])
    return states


def test_an_ended_trial_gives_its_memory_on_a_gpu_back_though_its_process_stays(tmp_path, dispatched, monkeypatch):
    given_back = []
    monkeypatch.setattr("torch.cuda.is_initialized", lambda: True)
    monkeypatch.setattr("torch.cuda.empty_cache", lambda: given_back.append("all"))
    trainable = dispatched(make_job(tmp_path))

    trainable.step()
    assert given_back == []
    assert states_of(trainable)[-1] == "done"
    assert given_back == ["all"]


def test_a_trial_whose_node_is_left_saves_and_goes_on_to_the_same_row_elsewhere(tmp_path, dispatched, monkeypatch):
    wished = {"all": False, "trials": [], "nodes": []}
    monkeypatch.setattr("trainables.ray_trainable.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("ray.wait", lambda calls, timeout: ([], calls) if calls == [["knows", wished]] else (calls, []))
    monkeypatch.setattr("ray.get", lambda call: dict(wished))
    job = make_job(tmp_path / "moved")
    trainable = dispatched(job, SimpleNamespace(hear=SimpleNamespace(remote=lambda known: ["knows", known])))
    trainable.step()
    wished["nodes"] = ["elsewhere", "here"]

    assert states_of(trainable)[-1] == "stopped"
    assert states_of(dispatched(job))[-1] == "done"
    finish(make_job(tmp_path / "reference"))
    moved, reference = (folder_of(make_job(tmp_path / name)).read_row() for name in ("moved", "reference"))
    assert essence(moved) == essence(reference)
