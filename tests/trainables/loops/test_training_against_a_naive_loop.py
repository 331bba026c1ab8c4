"""The loop of final training, against one that is written out step by step: the same to the last bit.

The networks and what augmentation does to pixels are the project's, and are tested elsewhere. Which images, orders and
draws, which parts of a batch, rates, gradients and steps is said here once more, in plain numbers, with every setting
that matters away from its default. Equal bits take the same machine, one thread, and kernels that lie alike in memory.
"""

from functools import partial

import numpy as np
import pytest
import torch
from naive_loops import (
    SEED,
    as_they_are,
    augmented,
    channels_last,
    generator,
    loss_and_error,
    of_each_class,
    same,
    wrong,
)
from safetensors.torch import load as load_safetensors
from small_trainings import PATH
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

from trainables.architecture.final_networks import build_network
from trainables.architecture.genotype import Genotype, read_architecture
from trainables.config import TrainConfig
from trainables.loops.predictions import read_predictions
from trainables.loops.training import FinalRun

NODES = (("sep_conv_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 0), ("dil_conv_3x3", 2))
CELLS = Genotype(normal=NODES, normal_concat=(2, 3), reduce=NODES, reduce_concat=(2, 3))
DROPPABLE = 3 + 4 + 4
"""Edges that are no identity: a skip of the two reduction cells is a convolution."""
SETTINGS = {
    "dataset": "cifar10-mini",
    "train_images": 30,
    "validation_images": 10,
    "test_images": 30,
    "batch_size": 13,
    "epochs": 4,
    "learning_rate": 0.16,
    "learning_rate_min": 0.01,
    "p": 16,
    "warmup_epochs": 1,
    "momentum": 0.8,
    "weight_decay": 0.02,
    "grad_clip": 1.0,
    "autoaugment": True,
    "cutout": 6,
    "channels": 4,
    "layers": 3,
}
RATES = [0.085, 0.16, 0.02, 0.01]
"""0.01 + 0.15 h: h is 1/2 and 1 in the climb, then (16^c - 1) / 15 with c = (1 + cos 120°) / 2 = 1/4, and c = 0."""
BATCHES = [slice(0, 13), slice(13, 20)]
"""Of the twenty training images that are not held out, in the order of the epoch."""
THREE_PARTS = {13: [slice(0, 5), slice(5, 9), slice(9, 13)], 7: [slice(0, 3), slice(3, 5), slice(5, 7)]}
ONE_PART = {13: [slice(0, 13)], 7: [slice(0, 7)]}
"""Of a batch of so many images."""

draws = partial(generator, "train")


def naive_training(mini, network, parts, auxiliary_weight, dropped):
    """Train; return each epoch's row of the history, weights and logits, and the gradients' norms before clipping."""
    train, held, test = of_each_class(mini.train, 0, 1), of_each_class(mini.train, 2), of_each_class(mini.test, 0, 1, 2)
    parameters = list(network.parameters())
    channels_last(parameters)
    sgd = torch.optim.SGD(parameters, lr=1.0, momentum=0.8, weight_decay=0.02)
    epochs, norms = [], []
    for epoch, (rate, drop) in enumerate(zip(RATES, dropped, strict=True), start=1):
        network.train()
        sgd.param_groups[0]["lr"] = rate
        order = train[torch.randperm(20, generator=draws("order", epoch))]
        steps = []
        for step, rows in enumerate(BATCHES):
            images, labels = augmented(mini, order[rows], "train", "", epoch, step)
            keep = torch.empty(DROPPABLE, len(labels)).bernoulli_(1 - drop, generator=draws("drop_path", epoch, step))
            sgd.zero_grad()
            losses, missed = [], 0
            for part in parts[len(labels)]:
                logits, auxiliary = network(images[part], keep[:, part] / (1 - drop) if drop else None)
                loss = F.cross_entropy(logits, labels[part])
                if auxiliary is not None:
                    loss = loss + auxiliary_weight * F.cross_entropy(auxiliary, labels[part])
                loss = loss * (len(logits) / len(labels))
                loss.backward()
                losses.append(loss.detach())
                missed += wrong(logits, labels[part])
            norms.append(float(clip_grad_norm_(parameters, 1.0)))
            sgd.step()
            steps.append((torch.stack(losses).sum(), missed, len(labels)))
        network.eval()
        held_images, held_labels = as_they_are(mini, mini.train, held)
        images, labels = as_they_are(mini, mini.test, test)
        with torch.no_grad():
            held_logits, logits = network(held_images)[0], network(images)[0]
        weights = {name: value.clone() for name, value in network.state_dict().items()}
        row = {
            "epoch": epoch,
            "learning_rate": pytest.approx(rate, rel=1e-12),
            "drop_path": pytest.approx(drop, rel=1e-12),
            **dict(zip(("train_loss", "train_error"), loss_and_error(steps), strict=True)),
            "validation_loss": float(F.cross_entropy(held_logits, held_labels)),
            "validation_error": 100 * wrong(held_logits, held_labels) / 10,
            "test_loss": float(F.cross_entropy(logits, labels)),
            "test_error": 100 * wrong(logits, labels) / 30,
            "test_error_top5": 100 * int((logits.topk(5).indices != labels[:, None]).all(dim=1).sum()) / 30,
        }
        epochs.append((row, weights, logits))
    return epochs, norms


@pytest.mark.parametrize(
    ("architecture", "changes", "naive"),
    [
        (
            CELLS.to_json(),
            {"accumulate": 3, "auxiliary": True, "auxiliary_weight": 0.7, "drop_path": 0.4},
            (THREE_PARTS, 0.7, [0.1, 0.2, 0.3, 0.4]),
        ),
        (PATH, {"network": "multichannel", "auxiliary": False, "drop_path": 0.0}, (ONE_PART, 0.0, [0.0] * 4)),
    ],
    ids=["cells", "path"],
)
def test_a_training_is_the_naive_one_to_the_last_bit(mini, one_thread, architecture, changes, naive):
    config = TrainConfig(genotype=architecture, **SETTINGS, **changes)
    run = FinalRun(config, seed=SEED, dataset=mini, device=torch.device("cpu"))
    for _ in run.steps():
        pass

    torch.set_rng_state(draws("initialisation").get_state())
    network = build_network(
        read_architecture(architecture),
        network=config.network,
        operations="ssc",
        channels=4,
        layers=3,
        classes=10,
        auxiliary=config.auxiliary,
    )
    epochs, norms = naive_training(mini, network, *naive)

    found = run.outcome()
    assert found.epochs == [row for row, _, _ in epochs]
    assert same(run.network.state_dict(), network.state_dict())
    for name, error in (("best", "test_error"), ("selected", "validation_error")):
        row, weights, logits = min(epochs, key=lambda epoch: epoch[0][error])
        kept = {f"{name}_epoch": row["epoch"], f"{error}_best": row[error], f"test_error_{name}": row["test_error"]}
        assert {metric: found.metrics[metric] for metric in kept} == kept
        assert same(load_safetensors(found.files[f"weights-{name}.safetensors"]), weights)
        assert np.array_equal(read_predictions(found.files[f"predictions-{name}.npz"])["logits"], logits.half().numpy())
    last = read_predictions(found.files["predictions.npz"])["logits"]
    assert np.array_equal(last, epochs[-1][2].half().numpy())
    assert max(norms) > 1.0, "nothing was clipped"
