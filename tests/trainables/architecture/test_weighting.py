"""What the paper says of Max-W, as properties."""

import pytest
import torch
from few import few
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.weighting import look_up_weighting, max_w, scalar
from trainables.errors import UnknownName


@st.composite
def softmax_weights(draw):
    edges, primitives = draw(st.integers(1, 4)), draw(st.integers(1, 9))
    alphas = draw(
        st.lists(st.lists(st.floats(-8, 8), min_size=primitives, max_size=primitives), min_size=edges, max_size=edges)
    )
    return torch.tensor(alphas, dtype=torch.float64).softmax(dim=-1)


@few(40)
@given(softmax_weights())
def test_scalar_leaves_the_weights_as_they_are(w_EK):
    assert torch.equal(scalar(w_EK), w_EK)


@few(40)
@given(softmax_weights())
def test_max_w_multiplies_the_leading_operation_by_exactly_one(w_EK):
    multipliers_EK = max_w(w_EK)

    assert torch.equal(multipliers_EK.amax(dim=-1), torch.ones(len(w_EK), dtype=w_EK.dtype))
    assert torch.all(multipliers_EK[w_EK == w_EK.amax(dim=-1, keepdim=True)] == 1)
    assert torch.all(multipliers_EK > 0)


@few(40)
@given(softmax_weights())
def test_max_w_is_the_formula_of_the_paper(w_EK):
    expected = torch.stack([1 - row.max() + row for row in w_EK])

    torch.testing.assert_close(max_w(w_EK), expected, rtol=0, atol=1e-15)


@few(40)
@given(softmax_weights())
def test_max_w_keeps_the_order_of_operations(w_EK):
    scaled_EK = max_w(w_EK)
    order = (w_EK[:, :, None] - w_EK[:, None, :]) * (scaled_EK[:, :, None] - scaled_EK[:, None, :])

    assert torch.all(order >= 0)


@few(40)
@given(softmax_weights())
def test_max_w_gives_the_leading_operation_no_gradient_through_its_own_multiplier(w_EK):
    w_EK = w_EK.clone().requires_grad_()
    leading_E = w_EK.argmax(dim=-1, keepdim=True)
    own = torch.autograd.grad(max_w(w_EK).gather(-1, leading_E).sum(), w_EK, retain_graph=True)[0]
    runners_up = (w_EK == w_EK.amax(dim=-1, keepdim=True)).sum(dim=-1) > 1

    assert torch.all(own[~runners_up] == 0)


def test_max_w_lets_the_others_pull_the_leading_weight_down():
    w_EK = torch.tensor([[0.5, 0.3, 0.2]], requires_grad=True)

    gradient = torch.autograd.grad(max_w(w_EK) @ torch.tensor([[10.0], [2.0], [3.0]]), w_EK)[0]

    assert torch.equal(gradient, torch.tensor([[-5.0, 2.0, 3.0]]))


@few(40)
@given(softmax_weights(), st.randoms(use_true_random=False))
def test_permuting_the_primitives_permutes_the_multipliers(w_EK, random):
    order = list(range(w_EK.shape[1]))
    random.shuffle(order)

    assert torch.equal(max_w(w_EK[:, order]), max_w(w_EK)[:, order])


def test_an_unknown_weighting_is_named_with_the_nearest_known_one():
    with pytest.raises(UnknownName, match=r"unknown weighting 'maxw'; did you mean 'max_w'\? known: max_w, scalar"):
        look_up_weighting("maxw")
