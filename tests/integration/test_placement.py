"""Placement on a real Ray cluster of logical GPUs: never more on a node than it has, and no trial starved."""

import dataclasses
import json
import time
from collections import Counter

import pytest
from drive import planned
from running_contract import essences, go, undisturbed_essences

from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.runner import RayRunner

pytestmark = pytest.mark.ray


def asking(noted, stage, seed, *, cost, seconds=0.1, **resources):
    """Return a chain of ten steps that asks for this, and notes where and when it works."""
    trial = planned(seed, noted=str(noted), epochs=2, steps=5, seconds=seconds)
    return dataclasses.replace(trial, stage=stage, expected_cost=cost, resources=Resources(**resources))


def grid(noted):
    """Return trials that share GPUs, one that needs two of a node, one of no GPU, and one of what no node has yet."""
    first = [asking(noted, "half", seed, cost=9, seconds=0.1 * (1 + seed), gpus=0.5, cpus=0.5) for seed in range(5)]
    others = [asking(noted, "half", seed, cost=1, gpus=0.5, cpus=0.5) for seed in range(5, 9)]
    wide = asking(noted, "wide", 10, cost=5, gpus=2, cpus=1)
    free = asking(noted, "free", 11, cost=7, cpus=0.5)
    late = asking(noted, "late", 12, cost=8, cpus=1, custom={"late": 1})
    return [*first, *others, wide, free, late]


@pytest.fixture
def cluster():
    """Two nodes: of one GPU, and of two."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(head_node_args={"num_cpus": 2, "num_gpus": 1, "include_dashboard": False}, initialize_head=True)
    nodes.two = nodes.add_node(num_cpus=2, num_gpus=2)
    yield nodes
    nodes.shutdown()


class Changing(list):
    """Events, on some of which a node joins or leaves."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.ends = Counter()
        self.left = None

    def append(self, event):
        super().append(event)
        print(f"{time.monotonic():.1f}", event.kind, event.trial and (event.trial.stage, event.trial.label), event.text)
        if event.kind != "finished":
            return
        self.ends[event.trial.stage] += 1
        if self.ends.total() == 1:
            self.cluster.add_node(num_cpus=1, num_gpus=1, resources={"late": 1})
        if self.left is None and self.ends["wide"]:
            self.left = time.monotonic()
            self.cluster.remove_node(self.cluster.two, allow_graceful=False)


def test_two_nodes_with_logical_gpus_one_that_joins_late_and_one_that_leaves(cluster, tmp_path):
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
    for event in events:
        print(
            event.kind,
            event.trial and (event.trial.stage, event.trial.label),
            event.text,
            event.progress and event.progress.state,
        )
    for note in sorted(noted.iterdir()):
        print(note.name, note.read_text())
