"""Learning rates, against the released code's numbers, torch, and the paper's equation."""

import json
import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.config import Restart
from trainables.optimization.schedules import cosine_power

GOLDEN = json.loads((Path(__file__).parent / "cosine_power.json").read_text())
POWERS = st.floats(1, 100)


@pytest.mark.parametrize("p", ["1", "2", "10"])
def test_with_warm_up_it_is_the_released_code(p):
    rates = [
        cosine_power(epoch, epochs=10, learning_rate=0.025, learning_rate_min=1e-8, p=float(p), warmup_epochs=3)
        for epoch in range(1, 11)
    ]

    assert rates == pytest.approx(GOLDEN["warmup_3"][p], rel=GOLDEN["relative_tolerance"], abs=1e-17)


@pytest.mark.parametrize("point", GOLDEN["points"], ids=lambda point: f"{point['epochs']}-{point['epoch']}")
def test_production_schedules_pass_through_the_logged_points(point):
    rate = cosine_power(
        point["epoch"],
        epochs=point["epochs"],
        learning_rate=0.025,
        learning_rate_min=point["learning_rate_min"],
        p=point["p"],
        warmup_epochs=point["warmup"],
    )

    assert rate == pytest.approx(point["expected"], rel=1e-7)


def test_p_1_without_warm_up_is_torchs_cosine_annealing_at_every_epoch_of_2000():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.025)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2000, eta_min=1e-3)
    optimizer.step()  # the scheduler insists on one
    expected = []
    for _ in range(2000):
        expected.append(scheduler.get_last_lr()[0])
        scheduler.step()
    ours = [cosine_power(e, epochs=2000, learning_rate=0.025, learning_rate_min=1e-3, p=1) for e in range(1, 2001)]

    assert ours == pytest.approx(expected, rel=1e-10)


def printed_equation(t_cur: int, t_i: int, *, p: float, lowest: float, highest: float) -> float:
    """Return the rate of Eq. 2 as printed, or of Eq. 1 for p = 1; T_cur = t_cur, T_i = t_i."""
    cosine = (1 + math.cos(math.pi * t_cur / t_i)) / 2
    height = cosine if p == 1 else (p ** (cosine + 1) - p) / (p**2 - p)
    return lowest + (highest - lowest) * height


@pytest.mark.parametrize("restarts", [(), ((600, 0.02), (400, 0.01))], ids=["one period", "three periods"])
@pytest.mark.parametrize("warmup", [0, 5])
@pytest.mark.parametrize("p", [1, 2, 10])
def test_every_epoch_of_2000_is_equation_2_in_closed_form(p, warmup, restarts):
    """DESIGN: T_cur = e - 1 and T = N without warm-up; with W epochs of it e - W and N - W, from epoch W + 1 on."""
    lengths = [2000 - sum(length for length, _ in restarts), *(length for length, _ in restarts)]
    expected: list[float] = []
    for index, (length, highest) in enumerate(zip(lengths, [0.025, *(rate for _, rate in restarts)], strict=True)):
        climb = warmup if index == 0 else 0
        expected += [1e-8 + (highest - 1e-8) * epoch / (climb + 1) for epoch in range(1, climb + 1)]
        rest = range(1, length - climb + 1)
        shift = 0 if climb else 1
        curve = [printed_equation(e - shift, length - climb, p=p, lowest=1e-8, highest=highest) for e in rest]
        expected += [highest, *curve[1:]]  # where the climb ends, it stands at its highest for one epoch

    rates = [
        cosine_power(
            epoch,
            epochs=2000,
            learning_rate=0.025,
            learning_rate_min=1e-8,
            p=p,
            warmup_epochs=warmup,
            warm_restarts=[Restart(epochs=length, learning_rate=highest) for length, highest in restarts],
        )
        for epoch in range(1, 2001)
    ]

    assert rates == pytest.approx(expected, rel=1e-9, abs=1e-16)


@given(st.integers(1, 300), POWERS, st.data())
def test_without_warm_up_it_is_equation_2_as_printed(epochs, p, data):
    epoch = data.draw(st.integers(1, epochs))
    p = max(p, 1.001)  # as printed, the equation loses its digits at p = 1
    cosine = (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2
    printed = 1e-4 + (0.025 - 1e-4) * (p ** (cosine + 1) - p) / (p**2 - p)

    assert cosine_power(epoch, epochs=epochs, learning_rate=0.025, learning_rate_min=1e-4, p=p) == pytest.approx(
        printed
    )


@given(st.integers(1, 100), POWERS, st.data())
def test_it_climbs_to_the_maximum_and_then_only_falls(epochs, p, data):
    warmup = data.draw(st.integers(0, epochs - 1))
    rates = [
        cosine_power(epoch, epochs=epochs, learning_rate=0.1, learning_rate_min=1e-3, p=p, warmup_epochs=warmup)
        for epoch in range(1, epochs + 1)
    ]

    assert rates[warmup] == max(rates) == pytest.approx(0.1)
    assert rates[: warmup + 1] == sorted(rates[: warmup + 1])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)
    assert min(rates) >= 1e-3


def test_p_close_to_1_is_close_to_cosine_annealing():
    values = {
        p: cosine_power(7, epochs=20, learning_rate=1, learning_rate_min=0, p=p) for p in (1, 1 + 1e-12, 1 + 1e-6)
    }

    assert values[1 + 1e-12] == pytest.approx(values[1], rel=1e-9)
    assert values[1 + 1e-6] == pytest.approx(values[1], rel=1e-5)


def test_warm_restarts_are_periods_of_their_own_without_warm_up():
    restarts = (Restart(epochs=4, learning_rate=0.05), Restart(epochs=2, learning_rate=0.02))
    rates = [
        cosine_power(
            epoch, epochs=11, learning_rate=0.1, learning_rate_min=0, p=2, warmup_epochs=2, warm_restarts=restarts
        )
        for epoch in range(1, 12)
    ]

    def alone(epochs, learning_rate, warmup=0):
        return [
            cosine_power(e, epochs=epochs, learning_rate=learning_rate, learning_rate_min=0, p=2, warmup_epochs=warmup)
            for e in range(1, epochs + 1)
        ]

    assert rates == alone(5, 0.1, warmup=2) + alone(4, 0.05) + alone(2, 0.02)


@pytest.mark.parametrize(("epoch", "p"), [(1, 0.5), (0, 1), (11, 1)])
def test_what_has_no_meaning_is_refused(epoch, p):
    with pytest.raises(ValueError, match="must be"):
        cosine_power(epoch, epochs=10, learning_rate=0.1, learning_rate_min=0, p=p)
