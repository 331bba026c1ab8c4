"""What runs at a time: this machine, a cluster's nodes, or as many GPUs as are named."""

import math
import os
from dataclasses import replace

import pytest
from drive import planned
from places import places

from orchestrator.forecast import slots
from orchestrator.forecast.slots import Slots
from orchestrator.planning.plan import Resources

HALF = Resources(cpus=2, gpus=0.5)


def copies(there: Slots, shape: Resources) -> int:
    return sum(there.copies(node, shape) for node in there.nodes)


@pytest.mark.parametrize(("visible", "count"), [(None, 3), ("", 0), ("-1", 0), ("0,2", 2), ("0,1,2,3,4", 3)])
def test_here_are_the_gpus_that_a_process_may_use(tmp_path, monkeypatch, visible, count):
    for name in ("0000:01", "0000:02", "0000:03"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(slots, "DRIVER", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    here = Slots.here()

    assert copies(here, Resources(cpus=1e-6, gpus=1)) == count
    assert copies(here, Resources(cpus=1)) == os.cpu_count()
    assert here.name.startswith(f"{count} GPUs here" if count else f"{os.cpu_count()} CPU")


def test_a_machine_without_the_driver_has_no_gpus(tmp_path, monkeypatch):
    monkeypatch.setattr(slots, "DRIVER", tmp_path / "none")

    assert not Slots.here().fits(HALF)


@pytest.mark.parametrize(
    ("nodes", "count"),
    [
        ([{"CPU": 8.0, "GPU": 1.0}], 2),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 2.0, "GPU": 4.0}], 5),
        ([{"CPU": 8.0}, {"CPU": 8.0}], 0),
        ([{"CPU": 8.0, "GPU": 1.4999999999}], 3),
    ],
)
def test_a_clusters_nodes_hold_what_fits_on_each(nodes, count):
    there = places(nodes)

    assert copies(there, HALF) == count
    assert there.fits(HALF) == bool(count)


def test_named_gpus_bring_all_else_that_trials_need_beside_them():
    shapes = [HALF, Resources(cpus=16), Resources(cpus=1, gpus=1, memory=10**12, custom={"slot": 1})]
    trials = [replace(planned(seed), resources=shape) for seed, shape in enumerate(shapes)]
    eight, one = Slots.of_gpus(8, trials), Slots.of_gpus(1, trials)

    assert [copies(eight, shape) for shape in shapes] == [16, 2, 8]
    assert [copies(one, shape) for shape in shapes] == [2, 1, 1]
    assert not one.fits(Resources(cpus=1, gpus=2))
    assert (eight.name, one.name) == ("8 GPUs", "1 GPU")


def test_a_type_of_accelerator_is_not_asked_for_but_memory_is():
    node = places([{"CPU": 4.0, "GPU": 1.0, "memory": 1e9}])

    assert node.fits(Resources(cpus=1, gpus=1, accelerator="A100"))
    assert not node.fits(Resources(cpus=1, memory=2 * 10**9))


def test_without_ray_there_is_one_place_for_whatever_a_trial_asks():
    local = Slots.local()

    assert local.fits(Resources(cpus=64, gpus=8))
    assert (local.name, local.one_by_one, math.isinf(local.others)) == ("this process", True, False)
