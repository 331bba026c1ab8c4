"""The sums of an epoch."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.errors import TrialFailure
from trainables.loops.sums import EpochSums

CPU = torch.device("cpu")


def test_sums_weigh_each_step_by_its_images():
    sums = EpochSums(2, CPU)
    logits_BC = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    sums.add(0, torch.tensor(1.0), logits_BC, torch.tensor([0, 1, 1]))
    sums.add(1, torch.tensor(5.0), logits_BC[:1], torch.tensor([1]))

    assert sums.loss() == pytest.approx((3 * 1.0 + 5.0) / 4)
    assert sums.error() == pytest.approx(100 * 2 / 4)


@given(st.lists(st.sampled_from([0.5, 2.0, math.nan, math.inf, -math.inf]), min_size=1, max_size=8))
def test_the_first_bad_loss_is_the_one_named(losses):
    sums = EpochSums(8, CPU)
    for step, loss in enumerate(losses):
        sums.add(step, torch.tensor(loss), torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64))
    bad = [step for step, loss in enumerate(losses, start=1) if not math.isfinite(loss)]

    if not bad:
        sums.check(4, len(losses))
        return
    with pytest.raises(TrialFailure, match=rf"^loss is (nan|-?inf) in epoch 4, step {bad[0]}$"):
        sums.check(4, len(losses))
