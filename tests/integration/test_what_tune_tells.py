"""What a run makes of what Tune tells it: told by hand, of a cluster that is only a list. No Ray starts."""

import json
import socket
from types import SimpleNamespace

import pytest
from drive import planned
from sessions import open_session

from orchestrator.errors import HaltError
from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.callbacks import TuneCallback
from orchestrator.running.ray_tune.nodes import Nodes
from trainables.execution.job import Progress
from trainables.ray_trainable import NODE, RESULT


class World:
    """A session of one running trial, and Tune's part of it."""

    def __init__(self, storage, nodes):
        self.heard = []
        self.trial = planned(0)
        self.session = open_session(storage, [self.trial], self.heard.append)
        self.nodes = nodes
        self.hearing = TuneCallback(self.session, nodes)
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

    def make(port=1, **cpus):
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
        return Nodes()

    return make


def test_a_node_with_a_full_disk_is_left_out_and_its_trial_starts_on_another(tmp_path, cluster):
    world = World(tmp_path, cluster(good=1, full=1))

    world.reports("halted", node="full", note="No space left on device")

    assert world.notes == ["node full (127.0.0.1) is left out: No space left on device"]
    assert world.session.next() == world.trial
    assert json.loads(world.hearing.resources(world.trial))["nodes_left_out"] == ["full"]
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
