"""Device seconds and peak memory."""

import itertools
import time
from functools import partial

import pytest
import torch

from trainables.loops.metering import Meter
from trainables.trial import Spent


def busy(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def work():
    for item in range(3):
        busy(0.02)
        yield item
    busy(0.02)


def test_work_is_measured_and_pauses_are_not():
    meter = Meter(torch.device("cpu"))
    items = []
    for item in meter.measure(work()):
        busy(0.1)
        items.append(item)

    assert items == [0, 1, 2]
    assert 0.08 <= meter.seconds() < 0.2


def test_seconds_and_memory_add_up_over_processes():
    first, second = Meter(torch.device("cpu")), Meter(torch.device("cpu"))
    list(first.measure(work()))
    before = {**first.state(), "peak": 2**50}
    second.load(before)
    list(second.measure(work()))

    assert second.seconds() >= before["seconds"] + 0.08
    assert second.peak_bytes() == 2**50


@pytest.mark.parametrize(
    ("device", "ranks", "seconds"), [("cpu", 1, 4), ("cpu", 3, 12), ("cuda", 1, 4), ("cuda", 3, 4)]
)
def test_seconds_are_of_one_gpu_and_of_all_processes_on_the_cpu(monkeypatch, device, ranks, seconds):
    """Each look at a clock is a second after the last one; work of three items is looked at four times."""
    monkeypatch.setattr("torch.cuda.get_device_name", lambda device: "Fake GPU")
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda device: 5)
    monkeypatch.setattr("torch.cuda.reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr("torch.cuda.Event", FakeEvent)
    monkeypatch.setattr("trainables.loops.metering.time.process_time", partial(next, itertools.count()))
    meter = Meter(torch.device(device), ranks=ranks)
    meter.load({"seconds": 8.0, "peak": 2**50})  # whatever it was spent on
    list(meter.measure(iter("abc")))

    name = "Fake GPU" if device == "cuda" else "cpu"
    assert meter.spent() == Spent(device=name, seconds=8 + seconds, peak_bytes=2**50)


class FakeEvent:
    def __init__(self, enable_timing):
        pass

    def record(self):
        pass

    def synchronize(self):
        pass

    def elapsed_time(self, other):
        return 1000


def test_before_anything_is_measured_the_cost_is_that_of_the_state():
    """Not the peak of whatever the process did before."""
    fresh, resumed = Meter(torch.device("cpu")), Meter(torch.device("cpu"))
    resumed.load({"seconds": 8.0, "peak": 5})

    assert fresh.spent() == Spent(device="cpu", seconds=0.0, peak_bytes=0)
    assert resumed.spent() == Spent(device="cpu", seconds=8.0, peak_bytes=5)


def test_the_peak_of_an_earlier_trial_of_the_process_is_forgotten():
    earlier = bytearray(300 * 2**20)
    earlier[::4096] = b"x" * len(earlier[::4096])
    del earlier
    meter = Meter(torch.device("cpu"))
    list(meter.measure(work()))
    after_small = meter.peak_bytes()
    held = bytearray(200 * 2**20)
    held[::4096] = b"x" * len(held[::4096])

    assert meter.peak_bytes() - after_small > 150 * 2**20
