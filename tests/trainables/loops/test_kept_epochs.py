"""What is kept of single epochs of a training."""

import pytest
import torch
from safetensors.torch import load as load_tensors
from torch import nn

from trainables.loops.kept_epochs import KeptEpochs, best_epoch
from trainables.loops.predictions import read_predictions
from trainables.loops.states import pack, unpack

CPU = torch.device("cpu")
LABELS_N = torch.tensor([0, 1])
ERRORS = {"best": "test_error", "selected": "validation_error"}


def walk(errors: dict[str, str], *epochs: tuple[float, float], size: int = 1):
    """Return what is kept after epochs of these test and validation errors, whose weights are the epoch's number."""
    kept, history, network = KeptEpochs(errors), [], nn.Linear(size, 1, bias=False)
    for number, (test, validation) in enumerate(epochs, start=1):
        torch.nn.init.constant_(network.weight, number)
        history.append({"epoch": number, "test_error": test, "validation_error": validation})
        kept.take(history, network, torch.full((2, 2), float(number)))
    return kept, history


def test_each_name_keeps_the_epoch_of_its_own_error_and_equal_ones_come_too_late():
    kept, history = walk(ERRORS, (3, 2), (2, 1), (1, 1), (1, 4))
    files = kept.files(LABELS_N)

    assert kept.metrics(history) == {
        "best_epoch": 3,
        "test_error_best": 1,
        "selected_epoch": 2,
        "validation_error_best": 1,
        "test_error_selected": 2,
    }
    weights = {name: load_tensors(data)["weight"].item() for name, data in files.items() if name.endswith("tensors")}
    assert weights == {"weights-best.safetensors": 3, "weights-selected.safetensors": 2}
    logits = {name: read_predictions(data)["logits"][0, 0] for name, data in files.items() if name.endswith("npz")}
    assert logits == {"predictions.npz": 4, "predictions-best.npz": 3, "predictions-selected.npz": 2}


def test_what_is_kept_comes_back_from_its_state_and_goes_on():
    kept, history = walk(ERRORS, (3, 2), (2, 3))
    other = KeptEpochs(ERRORS)
    other.load(unpack(pack(kept.state()), CPU))
    for each in (kept, other):
        each.take([*history, {"epoch": 3, "test_error": 4, "validation_error": 1}], nn.Linear(1, 1), torch.zeros(2, 2))

    assert other.files(LABELS_N).keys() == kept.files(LABELS_N).keys()
    before, after = (load_tensors(each.files(LABELS_N)["weights-best.safetensors"]) for each in (kept, other))
    assert before == after == {"weight": torch.full((1, 1), 2.0)}


@pytest.mark.parametrize(
    ("errors", "epochs", "copies"),
    [
        (ERRORS, [(2, 2), (1, 1)], 1),
        (ERRORS, [(2, 1), (1, 2)], 2),
        ({"best": "test_error"}, [(2, 1), (1, 2)], 1),
    ],
)
def test_a_state_holds_one_copy_of_weights_for_each_epoch_that_is_kept(errors, epochs, copies):
    kept, _ = walk(errors, *epochs, size=100_000)
    again = KeptEpochs(errors)
    again.load(unpack(pack(kept.state()), CPU))

    for each in (kept, again):
        assert len(pack(each.state())) == pytest.approx(copies * 400_000, rel=0.02)


def test_the_best_epoch_is_the_first_of_equals():
    history = [{"epoch": 1, "error": 9.0}, {"epoch": 2, "error": 7.0}, {"epoch": 3, "error": 7.0}]

    assert best_epoch(history, "error")["epoch"] == 2
