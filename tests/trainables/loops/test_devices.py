"""Which device a trial computes on."""

import pytest
import torch

from trainables.errors import TrialFailure
from trainables.loops.devices import choose_device, lacking


@pytest.mark.parametrize(("gpus", "message"), [(1, "ranks: 2 take a GPU each, but the trial has 1"), (2, None)])
def test_each_rank_takes_the_gpu_of_its_number(monkeypatch, one_thread, gpus, message):
    taken = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    monkeypatch.setattr("torch.cuda.set_device", taken.append)
    if message:
        with pytest.raises(TrialFailure, match=f"^{message}$"):
            choose_device(1, gpus=2, rank=0, ranks=2)
    else:
        assert choose_device(1, gpus=2, rank=1, ranks=2) == torch.device("cuda", 1)
        assert taken == [1]
    assert choose_device(1, gpus=0.25) == torch.device("cuda")


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_trial_that_was_given_no_gpu_takes_none_of_those_that_are_visible(monkeypatch, one_thread, ranks):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)

    assert choose_device(1, gpus=0, rank=ranks - 1, ranks=ranks) == torch.device("cpu")


def test_a_trial_that_was_given_a_gpu_and_sees_none_never_falls_back_to_the_cpu(monkeypatch, one_thread):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    with pytest.raises(TrialFailure, match=r"say gpus: 0\.25, and PyTorch sees no GPU on .*; gpus=0 runs it"):
        choose_device(1, gpus=0.25)
    assert lacking({"strategy": "gradient"}, 0.25)
    assert not lacking({"strategy": "random"}, 0.25), "it looks at no image"
    assert not lacking({}, 0)
