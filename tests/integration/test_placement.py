"""Placement on a real Ray cluster of logical GPUs: never more on a node than it has, and no trial starved."""

import dataclasses
import json
import re
import time
from collections import Counter

import pytest
from drive import planned
from plans import plan, stage
from running_contract import essences, go, undisturbed_essences

from orchestrator.errors import HaltError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.runner import RayRunner
from orchestrator.running.run import run
from trainables.catalog import CATALOG
from trainables.record.storage import open_storage

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("nodes")]
FIRST, LAST, WIDE, FREE, LATE = range(5), range(5, 9), 10, 11, 12
"""The seeds of the trials: such as share GPUs, and come first or last; one of two GPUs, one of none, one of `late`."""


def asking(noted, name, seed, *, cost, seconds=0.1, **resources):
    """Return a chain of ten steps that asks for this, and notes where and when it works."""
    trial = planned(seed, noted=str(noted), epochs=2, steps=5, seconds=seconds)
    return dataclasses.replace(trial, stage=name, expected_cost=cost, resources=Resources(**resources))


def grid(noted):
    """Return trials that share GPUs, one that needs two of a node, one of no GPU, and one of what no node has yet."""
    first = [asking(noted, "half", seed, cost=9, seconds=0.1 * (1 + seed), gpus=0.5, cpus=0.5) for seed in FIRST]
    others = [asking(noted, "half", seed, cost=1, gpus=0.5, cpus=0.5) for seed in LAST]
    wide = asking(noted, "wide", WIDE, cost=5, gpus=2, cpus=1)
    free = asking(noted, "free", FREE, cost=7, cpus=0.5)
    asked = {"accelerator": "A100", "memory": 10**8, "custom": {"late": 1}, "labels": {"zone": "!a"}}
    late = asking(noted, "late", LATE, cost=8, gpus=1, **asked)
    return [*first, *others, wide, free, late]


@pytest.fixture(scope="module")
def cluster():
    """Two nodes, of one GPU and of two; `sizes` has what each has, also of those that come later, by Ray's id."""
    from patient_cluster import PatientCluster

    nodes = PatientCluster(
        head_node_args={"num_cpus": 2, "num_gpus": 1, "include_dashboard": False}, initialize_head=True
    )
    nodes.two = nodes.add_node(num_cpus=2, num_gpus=2)
    nodes.sizes = {nodes.head_node.node_id: {"CPU": 2, "GPU": 1}, nodes.two.node_id: {"CPU": 2, "GPU": 2}}
    yield nodes
    nodes.shutdown()


class Changing(list):
    """Events: with the first end of a trial a node joins, and with that of the wide one another leaves."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.left = None

    def append(self, event):
        super().append(event)
        if event.kind == "finished" and len(self.cluster.sizes) == 2:
            has = {"late": 1, "accelerator_type:A100": 1}
            node = self.cluster.add_node(num_cpus=1, num_gpus=1, memory=10**9, resources=has, labels={"zone": "b"})
            self.cluster.sizes[node.node_id] = {"CPU": 1, "GPU": 1, "memory": 10**9, **has}
        if event.kind == "finished" and event.trial.stage == "wide":
            self.left = time.monotonic()
            self.cluster.remove_node(self.cluster.two, allow_graceful=False)


def used(notes, demands, node, when):
    """Return how much of each resource the trials took on a node at a moment."""
    total = Counter()
    for note in notes:
        if note["node"] == node and note["begin"] <= when < note["end"]:
            total.update(demands[note["seed"]].amounts)
    return total


@pytest.mark.slow
def test_a_real_trial_does_not_train_silently_on_the_cpu_of_nodes_whose_gpus_are_none(cluster, tmp_path, monkeypatch):
    """`ray start --num-gpus` says what there is; PyTorch sees none. The nodes leave, and the run with the last."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    search = plan(stage("    config: {dataset: cifar10-mini}\n    resources: {gpus: 1}")).trials
    ledger, events = Ledger(open_storage(tmp_path / "runs")), []

    with pytest.raises(HaltError) as halted:
        run(search, ledger=ledger, catalog=CATALOG, runner=RayRunner(address=cluster.address), listen=events.append)

    notes = [event.text for event in events if event.kind == "note"]
    assert len(notes) == 1
    assert re.fullmatch(
        r"node .* is left out: the trial's resources say gpus: 1, and PyTorch sees no GPU on .*", notes[0]
    )
    assert str(halted.value).startswith("the trial's resources say gpus: 1, and PyTorch sees no GPU on ")
    assert "gpus=0 runs it on the CPU" in str(halted.value)
    assert ledger.rows() == {}


def test_two_nodes_of_logical_gpus_one_that_joins_late_and_one_that_leaves(cluster, tmp_path):
    noted = tmp_path / "noted"
    noted.mkdir()
    trials = grid(noted)
    undisturbed = undisturbed_essences(tmp_path / "undisturbed", trials)
    for note in noted.iterdir():
        note.unlink()
    events = Changing(cluster)

    states, _ = go(tmp_path / "runs", trials, runner=RayRunner(address=cluster.address), events=events)

    assert set(states.values()) == {"done"}
    assert essences(tmp_path / "runs") == undisturbed
    notes = [json.loads(file.read_text()) for file in noted.iterdir()]
    notes = [{**note, "end": note["end"] or events.left} for note in notes]
    demands = {trial.spec.seed: trial.resources for trial in trials}
    for note in notes:
        for name, amount in used(notes, demands, note["node"], note["begin"]).items():
            assert amount <= cluster.sizes[note["node"]][name] + 1e-9
    (wide,) = [note for note in notes if note["seed"] == WIDE]
    (late,) = [note for note in notes if note["seed"] == LATE]
    assert wide["node"] == cluster.two.node_id
    assert "late" in cluster.sizes[late["node"]]
    overtook = [n for n in notes if n["seed"] in LAST and n["node"] == wide["node"] and n["begin"] < wide["begin"]]
    assert not overtook, "the node of two GPUs was kept for who needs both"
