"""What a cluster can hold, worked out from its list of nodes."""

import pytest

from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.cluster import ClusterView, Node, death_reason

BIG = Node(resources={"CPU": 16.0, "GPU": 4.0})
SMALL = Node(resources={"CPU": 2.0})


def test_slots_are_counted_node_by_node():
    view = ClusterView(nodes=(BIG, SMALL))

    assert view.slots([Resources(cpus=1, gpus=0)]) == 18
    assert view.slots([Resources(cpus=3, gpus=0)]) == 5
    assert view.slots([Resources(cpus=1, gpus=0.5)]) == 8
    assert view.slots([Resources(cpus=4, gpus=1), Resources(cpus=1, gpus=1)]) == 4
    assert view.slots([]) == 1


def test_what_no_node_can_hold_is_said_with_what_there_is():
    view = ClusterView(nodes=(BIG, SMALL))

    assert view.missing([Resources(cpus=2, gpus=0), Resources(cpus=1, gpus=4)]) == ""
    assert view.missing([Resources(cpus=4, gpus=8)]) == (
        "no node can hold a trial that asks for 4 CPUs and 8 GPUs; the nodes have 16 CPUs and 4 GPUs; 2 CPUs and 0 GPUs"
    )


TAGGED = Node(
    resources={"CPU": 8.0, "GPU": 2.0, "memory": 64e9, "accelerator_type:A100": 1.0, "licence": 2.0},
    labels={"zone": "a", "ray.io/accelerator-type": "A100"},
)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"memory": 64 * 10**9, "accelerator": "A100", "gpus": 2, "custom": {"licence": 2}}, ""),
        ({"accelerator": "H100"}, ""),  # moot: it asks for no GPU
        ({"memory": 65 * 10**9}, "asks for 1 CPU, 65 GB of memory; the nodes have 8 CPUs and 2 GPUs, 64 GB of memory"),
        (
            {"accelerator": "H100", "gpus": 1},
            "asks for 1 CPU and 1 GPU of type H100; the nodes have 8 CPUs and 2 GPUs, none of type H100",
        ),
        ({"custom": {"licence": 3}}, "asks for 1 CPU, 3 licence; the nodes have 8 CPUs and 2 GPUs, 2 licence"),
        ({"labels": {"zone": "b"}}, "asks for 1 CPU, where zone is b; the nodes have 8 CPUs and 2 GPUs, zone a"),
        ({"labels": {"rack": "7"}}, "asks for 1 CPU, where rack is 7; the nodes have 8 CPUs and 2 GPUs, no label rack"),
        ({"labels": {"zone": "!a"}}, "asks for 1 CPU, where zone is !a; the nodes have 8 CPUs and 2 GPUs, zone a"),
        ({"labels": {"zone": "in(b, a)", "rack": "!7"}}, ""),
        (
            {"labels": {"zone": "!in(b, a)"}},
            "asks for 1 CPU, where zone is !in(b, a); the nodes have 8 CPUs and 2 GPUs",
        ),
    ],
)
def test_memory_types_of_gpus_custom_resources_and_labels_are_asked_of_nodes_too(asked, said):
    assert said in ClusterView(nodes=(TAGGED,)).missing([Resources(**asked)])
    assert ClusterView(nodes=(TAGGED,)).fits(Resources(**asked)) == (not said)


def test_a_death_is_told_in_one_line():
    assert death_reason("ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory") == (
        "killed for memory"
    )
    assert death_reason("Refer to the documentation on how to address the out of memory issue: https://…") == (
        "killed for memory"
    )
    assert death_reason("x\nray.exceptions.ActorDiedError: The actor died unexpectedly") == (
        "the process was killed, or its node is gone"
    )
    assert death_reason("The actor is dead because its worker process has died. Some common causes include: OOM") == (
        "the process was killed, or its node is gone"
    )
    assert death_reason("Traceback\n  File x\nModuleNotFoundError: No module named 'y'\n") == (
        "ModuleNotFoundError: No module named 'y'"
    )
    assert death_reason("RuntimeError: closed by peer\n\ntrainables.rank_processes.RankLost: rank 1 was killed") == (
        "rank 1 was killed"
    )
    assert death_reason("") == "unknown"
