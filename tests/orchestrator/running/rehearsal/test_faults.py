"""The schedule of faults: by its seed alone."""

import pytest

from orchestrator.running.rehearsal.faults import FIRST, LAST, schedule


def test_a_seed_is_one_schedule_and_another_seed_another():
    assert schedule(1, 8, ["driver", "worker"]) == schedule(1, 8, ["worker", "driver"])
    assert schedule(1, 8, ["driver", "worker"]) != schedule(2, 8, ["driver", "worker"])


@pytest.mark.parametrize("count", [1, 5, 40])
def test_faults_come_one_after_the_other_while_something_is_at_work(count):
    moments = [fault.at for fault in schedule(3, count, ["worker"])]

    assert moments == sorted(moments)
    assert len(moments) == count
    assert FIRST <= moments[0] <= moments[-1] <= LAST


def test_each_kind_has_its_turn():
    faults = schedule(0, 9, ["driver", "worker", "ray"])

    assert sorted(fault.kind for fault in faults) == sorted(["driver", "worker", "ray"] * 3)
    assert schedule(0, 0, ["driver"]) == []
