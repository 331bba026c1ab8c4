"""What holds for the supernet of every space: Max-W's own property, no order of primitives, recomputed activations."""

import pytest
import torch
from torch.nn import functional as F

from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.spaces import SPACES, SearchSpace
from trainables.architecture.weighting import WEIGHTINGS


@pytest.fixture(autouse=True)
def _small_cells(monkeypatch):
    """Cells of two nodes, with 5 edges instead of 14, take a third of the time."""
    monkeypatch.setattr("trainables.architecture.cell_supernet.NODES", 2)
    monkeypatch.setattr("trainables.architecture.cell_supernet.EDGES", 5)


def build(space, **options):
    network = CellSupernet(space=space, weighting="max_w", channels=2, layers=3, classes=3, **options)
    for alphas in network.alpha_parameters():
        torch.nn.init.normal_(alphas)
    return network


def loss_of(network):
    generator = torch.Generator().manual_seed(1)
    logits = network(torch.randn(3, 3, 8, 8, generator=generator))
    return F.cross_entropy(logits, torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("space", SPACES.values(), ids=lambda space: space.name)
def test_permuting_the_primitives_permutes_the_gradients_and_changes_nothing_else(space):
    order = torch.randperm(len(space.primitives)).tolist()
    primitives = tuple(space.primitives[k] for k in order)
    network = build(space)
    other = build(SearchSpace(name="", primitives=primitives, operations=space.operations))
    state = network.state_dict()
    other.load_state_dict({k: v[:, order] if k.startswith("alphas") else v for k, v in state.items()})

    assert {"scalar", "max_w"} <= WEIGHTINGS.keys()
    for weighting in WEIGHTINGS.values():
        network._weighting = other._weighting = weighting
        loss, other_loss = loss_of(network), loss_of(other)
        gradients = torch.autograd.grad(loss, network.alpha_parameters())
        other_gradients = torch.autograd.grad(other_loss, other.alpha_parameters())

        torch.testing.assert_close(loss, other_loss, rtol=0, atol=1e-12)
        for gradient, other_gradient in zip(gradients, other_gradients, strict=True):
            torch.testing.assert_close(gradient[:, order], other_gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("space", SPACES.values(), ids=lambda space: space.name)
def test_under_max_w_the_leading_operation_counts_once_and_gets_no_gradient_of_its_own(space, monkeypatch):
    """Its weight is moved by what the others' multipliers ask for, and by nothing else."""
    network = build(space)
    weigh, seen = network._weighting, []

    def watched(w_EK):
        multipliers_EK = weigh(w_EK)
        w_EK.retain_grad()
        multipliers_EK.retain_grad()
        seen.append((w_EK, multipliers_EK))
        return multipliers_EK

    monkeypatch.setattr(network, "_weighting", watched)
    loss_of(network).backward()

    assert len(seen) == len(network.alpha_parameters()) == 2
    for w_EK, multipliers_EK in seen:
        leading_E1 = w_EK.argmax(dim=-1, keepdim=True)
        asked_EK = multipliers_EK.grad.scatter(1, leading_E1, 0.0)
        expected_EK = asked_EK.scatter(1, leading_E1, -asked_EK.sum(dim=-1, keepdim=True))
        assert torch.equal(multipliers_EK.gather(1, leading_E1), torch.ones(len(w_EK), 1))
        assert multipliers_EK.grad.gather(1, leading_E1).abs().max() > 0
        torch.testing.assert_close(w_EK.grad, expected_EK, rtol=1e-9, atol=1e-12)


def saved_bytes(network):
    """Return the loss, and how many bytes of tensors wait for the backward pass."""
    storages = {}

    def pack(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = loss_of(network)
    parameters = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    return loss, sum(size for storage, size in storages.items() if storage not in parameters)


def test_recomputed_activations_give_the_same_bits_for_less_memory():
    plain, thrifty = build(SPACES["darts_ssc"]), build(SPACES["darts_ssc"], activation_checkpointing=True)
    thrifty.load_state_dict(plain.state_dict())

    (loss, size), (thrifty_loss, thrifty_size) = saved_bytes(plain), saved_bytes(thrifty)
    loss.backward()
    thrifty_loss.backward()

    assert torch.equal(loss, thrifty_loss)
    for (name, parameter), twin in zip(plain.named_parameters(), thrifty.parameters(), strict=True):
        assert torch.equal(parameter.grad, twin.grad), name
    for (name, buffer), twin in zip(plain.named_buffers(), thrifty.buffers(), strict=True):
        assert torch.equal(buffer, twin), name
    assert thrifty_size < size / 10


def test_recomputed_activations_of_an_evaluation_are_the_same_bits_too():
    plain, thrifty = (build(SPACES["darts_ssc"], activation_checkpointing=on) for on in (False, True))
    thrifty.load_state_dict(plain.state_dict())
    loss, thrifty_loss = loss_of(plain.eval()), loss_of(thrifty.eval())
    loss.backward()
    thrifty_loss.backward()

    assert torch.equal(loss, thrifty_loss)
    assert torch.equal(plain.alphas_normal.grad, thrifty.alphas_normal.grad)
