"""Which device a trial computes on."""

import pytest
import torch

from trainables.errors import TrialFailure
from trainables.loops.devices import choose_device


@pytest.mark.parametrize(("gpus", "message"), [(1, "ranks: 2 take a GPU each, but the trial has 1"), (2, None)])
def test_each_rank_takes_the_gpu_of_its_number(monkeypatch, one_thread, gpus, message):
    taken = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.setattr("torch.cuda.set_device", taken.append)
    if message:
        with pytest.raises(TrialFailure, match=f"^{message}$"):
            choose_device(1, rank=0, ranks=2)
    else:
        assert choose_device(1, rank=1, ranks=2) == torch.device("cuda", 1)
        assert taken == [1]
    assert choose_device(1) == torch.device("cuda")
