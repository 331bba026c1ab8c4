"""Searches of real supernets that compute in half the bits: what they resume to, their losses, gradients and memory."""

from collections import Counter
from functools import partial

import pytest
import torch
from small_searches import FEW, small_search
from torch.nn import functional as F

from trainables.config import SearchConfig
from trainables.loops.supernets import build_supernet

PATHS = {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4}
SPACES = [FEW, PATHS]
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    return partial(small_search, mini)


def supernet(space, **settings):
    config = SearchConfig(space=space, channels=2, layers=3, weighting="max_w", **settings)
    torch.manual_seed(0)
    return build_supernet(config, 10)


def half(precision):
    return torch.autocast("cpu", HALF.get(precision), enabled=precision in HALF)


def loss_of(network, precision):
    with half(precision):
        logits_BC = network(torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)))
    return F.cross_entropy(logits_BC.float(), torch.arange(4))


def finish(run):
    for _ in run.steps():
        pass
    return run.outcome()


@pytest.mark.parametrize("changes", [{"space": PATHS}, {"space": FEW, "activation_checkpointing": True}])
def test_a_search_of_a_real_supernet_resumes_after_every_step(small_cells, build, resumes, changes):
    runs = resumes(lambda: build(epochs=1, precision="bf16", **changes))

    assert runs.in_a_fresh_object_for_every_step() == runs.uninterrupted()[1]


@pytest.mark.parametrize("space", SPACES, ids=["cells", "paths"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_losses_are_near_those_of_float32_and_parameters_stay_float32(small_cells, build, space, precision):
    run = build(space=space, precision=precision)
    rounded, exact = finish(run).epochs, finish(build(space=space)).epochs

    for name in ("train_loss", "alphas_loss", "search_val_loss"):
        found, expected = [row[name] for row in rounded], [row[name] for row in exact]
        assert found == pytest.approx(expected, rel=0.05)
        assert found != expected
    assert {value.dtype for value in run.network.state_dict().values()} == {torch.float32, torch.int64}


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("space", SPACES, ids=["cells", "paths"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_what_is_kept_for_the_backward_pass_takes_little_more_than_half_the_bytes(space, precision, checkpointing):
    kept = {
        name: bytes_kept(supernet(space, activation_checkpointing=checkpointing), name) for name in HALF | {"fp32": 0}
    }

    maps = kept[precision][HALF[precision]]
    assert maps == pytest.approx(kept["fp32"][torch.float32] / 2, rel=0.05)
    assert kept[precision][torch.float32] < 0.15 * maps  # what is mixed in float32, among them


def bytes_kept(network, precision):
    """Return how many bytes of each type of number a loss keeps for its gradients, parameters left out."""
    kept, own = Counter(), {parameter.data_ptr() for parameter in network.parameters()}

    def note(tensor):
        if tensor.data_ptr() not in own:
            kept[tensor.dtype] += tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss_of(network, precision)
    return kept


@pytest.mark.parametrize("space", SPACES, ids=["cells", "paths"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_gradients_of_alphas_are_float32_near_the_exact_ones_and_the_same_when_computed_again(
    small_cells, space, precision
):
    def gradient(precision, **settings):
        network = supernet(space, **settings)
        return torch.cat(
            [g.flatten() for g in torch.autograd.grad(loss_of(network, precision), network.alpha_parameters())]
        )

    rounded, again = (gradient(precision, activation_checkpointing=on) for on in (False, True))

    assert rounded.dtype == torch.float32
    assert F.cosine_similarity(rounded, gradient("fp32"), dim=0) > 0.98
    assert torch.equal(rounded, again)
