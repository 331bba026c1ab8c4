"""Products with the Hessian in the alphas, against differences of gradients."""

import numpy as np
import pytest
import torch
from naive_networks import in_double_precision
from torch.nn import functional as F

from trainables.config import SearchConfig
from trainables.diagnosis.hessian import hessian_product, number_of_alphas
from trainables.loops.supernets import build_supernet

__all__ = ["in_double_precision"]

SPACES = {
    "cells": ["none", "skip_connect", "avg_pool_3x3", "sep_conv_3x3"],
    "path": {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4},
}
RADIUS = 1e-6
"""Small, as gradients jump where a ReLU begins to pass something on."""


@pytest.mark.parametrize(("space", "weighting"), [("cells", "scalar"), ("cells", "max_w"), ("path", "max_w")])
def test_a_product_is_how_the_gradient_changes_along_the_vector_and_nothing_moves(small_cells, space, weighting):
    config = SearchConfig(space=SPACES[space], weighting=weighting, channels=2, layers=3)
    network = build_supernet(config, 3)
    for alphas in network.alpha_parameters():
        torch.nn.init.normal_(alphas)
    for weights in network.weight_parameters():
        weights.requires_grad_(False)
    network.eval()
    x_BCHW, labels_B = torch.randn(4, 3, 8, 8), torch.tensor([0, 1, 2, 0])
    v_A = np.random.default_rng(0).normal(size=number_of_alphas(network))
    before = {name: value.clone() for name, value in network.state_dict().items()}

    found_A = hessian_product(network, x_BCHW, labels_B, v_A)

    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    expected_A = difference_of_gradients(network.train(), x_BCHW, labels_B, v_A)
    np.testing.assert_allclose(found_A, expected_A, rtol=0, atol=1e-6)
    assert np.abs(found_A).max() > 1e-3


def difference_of_gradients(network, x_BCHW, labels_B, v_A):
    """Return by how much the gradient changes along a vector, for each of its lengths."""
    alphas = network.alpha_parameters()
    at, along = [each.detach().clone() for each in alphas], torch.from_numpy(v_A).split([a.numel() for a in alphas])
    found = []
    for radius in (RADIUS, -RADIUS):
        with torch.no_grad():
            for each, start, part in zip(alphas, at, along, strict=True):
                each.copy_(start + radius * part.view(each.shape))
        loss = F.cross_entropy(network(x_BCHW), labels_B, reduction="sum")
        found.append(torch.cat([part.flatten() for part in torch.autograd.grad(loss, alphas)]))
    return ((found[0] - found[1]) / (2 * RADIUS)).numpy()
