"""Draws depend on what they are for, and on nothing else."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.loops import randomness

KEYS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10),
        "trainable": st.sampled_from(["search", "train"]),
        "purpose": st.sampled_from(["order", "crop", "drop_path"]),
        "epoch": st.integers(0, 3),
        "step": st.integers(0, 3),
        "rank": st.integers(0, 1),
    }
)


@given(KEYS, KEYS)
def test_keys_are_equal_exactly_when_all_parts_are(first, second):
    assert (randomness.key(**first) == randomness.key(**second)) == (first == second)


def test_a_key_is_the_same_in_every_process_and_version():
    assert randomness.key(seed=0, trainable="search", purpose="order", epoch=1) == 15956713849229044796


def test_drawing_leaves_the_process_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)

    torch.manual_seed(5)
    torch.rand(4, generator=randomness.generator(seed=0, trainable="train", purpose="crop"))
    randomness.order(10, seed=0, trainable="train", epoch=1)
    with randomness.initialising(seed=0, trainable="train"):
        torch.nn.Linear(3, 3)

    assert torch.equal(torch.rand(3), expected)


def test_initialisation_ignores_what_was_drawn_before():
    def weight(seed):
        torch.rand(seed + 1)
        with randomness.initialising(seed=seed, trainable="train"):
            return torch.nn.Linear(4, 4).weight

    assert torch.equal(weight(0), weight(0))
    assert not torch.equal(weight(0), weight(1))


@given(st.integers(0, 200), st.integers(0, 5), st.integers(1, 5))
def test_an_order_is_a_permutation_that_differs_between_epochs(count, seed, epoch):
    order_N = randomness.order(count, seed=seed, trainable="train", epoch=epoch)
    later_N = randomness.order(count, seed=seed, trainable="train", epoch=epoch + 1)

    assert sorted(order_N.tolist()) == list(range(count))
    assert count < 30 or not torch.equal(order_N, later_N)


def test_draws_of_two_users_of_a_purpose_differ():
    def draw(prefix):
        draws = randomness.draws(seed=0, trainable="search", prefix=prefix, epoch=1, step=2)
        return torch.rand(4, generator=draws("crop"))

    assert torch.equal(draw("weights "), draw("weights "))
    assert not torch.equal(draw("weights "), draw("alphas "))
