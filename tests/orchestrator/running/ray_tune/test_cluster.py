"""What a cluster can hold, worked out from its list of nodes."""

from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.cluster import ClusterView, death_reason

BIG = {"CPU": 16.0, "GPU": 4.0}
SMALL = {"CPU": 2.0}


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
        "no node can hold a trial that asks for 4 CPUs and 8 GPUs; the nodes have 16 CPUs and 4 GPUs, 2 CPUs and 0 GPUs"
    )


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
