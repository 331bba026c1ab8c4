"""What a run makes of what Tune tells it: told by hand, of a cluster that is only a list. No Ray starts."""

import json
from types import SimpleNamespace

import pytest
from drive import planned
from fakes import CATALOG

from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Resources
from orchestrator.running.frontier import Frontier
from orchestrator.running.ray_tune.callbacks import TuneCallback
from orchestrator.running.ray_tune.nodes import Nodes
from orchestrator.running.session import Session, Stop
from trainables.execution.job import Progress
from trainables.ray_trainable import NODE, RESULT
from trainables.record.storage import open_storage


class World:
    """A session of one running trial, and Tune's part of it."""

    def __init__(self, storage, nodes):
        self.heard = []
        self.trial = planned(0)
        ledger = Ledger(open_storage(storage))
        stop = Stop(ledger.storage)
        self.session = Session(
            ledger=ledger,
            catalog=CATALOG,
            listen=self.heard.append,
            stop=stop,
            driver=stop.driver,
            frontier=Frontier(ledger=ledger, waiting={self.trial.trial_id: self.trial}),
            code="",
        )
        self.nodes = nodes
        self.hearing = TuneCallback(self.session, nodes)
        self.hearing.expect("tune", self.session.next())
        self.tune_trial = SimpleNamespace(trial_id="tune", num_failures=0, error_file=None)
        self.hearing.on_trial_start(0, [], self.tune_trial)

    def reports(self, state, *, node, note=""):
        progress = Progress(trial_id=self.trial.trial_id, state=state, note=note)
        result = {RESULT: json.dumps(progress.to_json()), NODE: node}
        self.hearing.on_trial_result(0, [], self.tune_trial, result)

    @property
    def notes(self):
        return [event.text for event in self.heard if event.kind == "note"]


@pytest.fixture
def cluster(monkeypatch):
    """Nodes of these CPUs, by name."""

    def make(**cpus):
        listed = [
            {
                "NodeID": name,
                "NodeManagerHostname": name,
                "NodeManagerAddress": "::",
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

    assert world.notes == ["node full (::) is left out: No space left on device"]
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


@pytest.mark.parametrize(
    ("cpus", "missed"),
    [(1, ""), (4, "node large (::) is left out: No space left on device"), (8, "")],  # a cluster may grow to 8
)
def test_the_run_ends_when_only_nodes_that_are_left_out_could_hold_what_waits(cluster, cpus, missed):
    nodes = cluster(small=1, large=4)
    nodes.leave_out("large", "No space left on device")

    assert nodes.missed_by([Resources(cpus=cpus, gpus=0)]) == missed
