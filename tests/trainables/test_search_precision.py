"""Searches that compute in half the bits: what stays float32, what memory is saved, and that they resume exactly."""

from collections import Counter
from functools import partial

import pytest
import torch
from torch.nn import functional as F

from trainables.architecture.supernets import build_supernet
from trainables.config import SearchConfig
from trainables.errors import TrialFailure
from trainables.search import SearchRun

FEW = ["none", "max_pool_3x3", "skip_connect", "sep_conv_3x3"]
PATHS = {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4}
SPACES = [FEW, PATHS]
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
CONFIG = {
    "dataset": "cifar10-mini",
    "train_images": 20,
    "epochs": 2,
    "batch_size": 8,
    "channels": 2,
    "layers": 3,
    "warmup_epochs": 0,
    "space": FEW,
}
"""Halves of 10 images: 2 steps an epoch."""
PAUSES = 2 * (2 + 2 + 1)
"""Of two epochs: steps, evaluation batches, the end."""


@pytest.fixture
def build(mini, one_thread, small_evaluations):
    def build(**changes):
        config = SearchConfig(**_fitting({**CONFIG, **changes}))
        return SearchRun(config, seed=0, dataset=mini, device=torch.device("cpu"))

    return build


def _fitting(settings):
    """Return the settings without those that a MultiChannelNet has no use for."""
    unused = ("channels", "layers") if settings["space"] is PATHS else ()
    return {name: value for name, value in settings.items() if name not in unused}


def supernet(space, **settings):
    config = SearchConfig(**_fitting({"space": space, "channels": 2, "layers": 3, "weighting": "max_w", **settings}))
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


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_search_stopped_at_any_pause_equals_an_uninterrupted_one(small_supernet, build, resumes, precision):
    runs = resumes(lambda: build(precision=precision))
    pauses, uninterrupted = runs.uninterrupted()

    assert len(pauses) == PAUSES
    for position in range(PAUSES):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]
    assert resumes(build).uninterrupted()[1] != uninterrupted


@pytest.mark.parametrize("changes", [{"space": PATHS}, {"space": FEW, "activation_checkpointing": True}])
def test_a_search_of_a_real_supernet_resumes_after_every_step(small_cells, build, resumes, changes):
    runs = resumes(lambda: build(epochs=1, precision="bf16", **changes))

    assert runs.in_a_fresh_object_for_every_step() == runs.uninterrupted()[1]


def test_loss_scales_that_change_on_the_way_are_part_of_the_state(small_supernet, build, resumes, monkeypatch):
    """They begin so high that gradients overflow, and grow after every step that is taken."""
    scaler = partial(torch.amp.GradScaler, init_scale=2.0**20, growth_interval=1)
    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    runs = resumes(lambda: build(precision="fp16"))
    run, start = build(precision="fp16"), build().network.state_dict()
    seen = [[precision.state()["scale"] for precision in precisions(run)] for _ in run.steps()]

    assert all(len(set(scales)) > 1 for scales in zip(*seen, strict=True))
    assert not torch.equal(run.network.alphas_normal, start["alphas_normal"])
    assert runs.in_a_fresh_object_for_every_step() == runs.uninterrupted()[1]


def precisions(run):
    return run._bilevel.weights_precision, run._bilevel.alphas_precision


@pytest.mark.parametrize("level", ["weights", "alphas"])
def test_an_overflow_leaves_a_level_where_it_was_and_lowers_its_scale_alone(small_supernet, build, level):
    run = build(precision="fp16")
    before = {name: value.clone() for name, value in run.network.named_parameters()}
    overflowing, other = precisions(run) if level == "weights" else reversed(precisions(run))
    overflowing.load({**overflowing.state(), "scale": 2.0**100})
    scale = other.state()["scale"]

    next(run.steps())

    moved = {name for name, value in run.network.named_parameters() if not torch.equal(value, before[name])}
    alphas = {"alphas_normal", "alphas_reduce"}
    assert moved == (alphas if level == "weights" else before.keys() - alphas)
    assert overflowing.state()["scale"] == 2.0**99
    assert other.state()["scale"] == scale


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
def test_what_is_kept_for_the_backward_pass_takes_half_the_bytes(space, precision, checkpointing):
    kept = {
        name: bytes_kept(supernet(space, activation_checkpointing=checkpointing), name) for name in HALF | {"fp32": 0}
    }

    maps = kept[precision][HALF[precision]]
    assert maps == pytest.approx(kept["fp32"][torch.float32] / 2, rel=0.05)
    assert kept[precision][torch.float32] < 0.1 * maps


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


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_in_half_precision_there_is_no_second_order(small_supernet, build, precision):
    with pytest.raises(TrialFailure, match=f"^precision: .* {precision}$"):
        build(order=2, precision=precision)


def test_a_search_says_for_its_process_whether_products_may_round_to_tf32(small_supernet, build):
    """A process may have run another trial before."""
    flags = []
    for precision in ("tf32", "fp32"):
        build(precision=precision)
        flags.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))

    assert flags == [(True, True), (False, False)]
