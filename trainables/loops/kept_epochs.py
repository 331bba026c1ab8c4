"""What a run keeps of single epochs: of the last one, and of those that an error was lowest in.

Shape letters: N = images of the test set, C = classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from trainables.loops.evaluation import predictions_file
from trainables.loops.states import weights, weights_file
from trainables.trial import JSON

History = Sequence[dict[str, JSON]]
LAST = "last"


def best_epoch(history: History, key: str) -> dict[str, JSON]:
    """Return the epoch with the lowest value, the first of equals."""
    return min(history, key=lambda row: row[key])


class KeptEpochs:
    """Weights, and logits on the test images, of the epochs in which an error was lowest; logits of the last one.

    Args:
        errors: what metrics and files call such an epoch -> the column of the history that is lowest in it. Of equal
            epochs it is the first.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        self._errors = dict(errors)
        self._logits: dict[str, Tensor] = {}
        self.weights: dict[str, dict[str, Tensor]] = {}
        """All parameters and buffers by the name of the epoch, once there was one."""

    def take(self, history: History, network: nn.Module, logits_NC: Tensor) -> None:
        """Keep what has to be kept of the history's last epoch. Epochs that are one and the same share one copy."""
        self._logits[LAST] = logits_NC
        lowest = [name for name, error in self._errors.items() if best_epoch(history, error) is history[-1]]
        copy = weights(network) if lowest else {}
        for name in lowest:
            self._logits[name], self.weights[name] = logits_NC, copy

    def metrics(self, history: History) -> dict[str, float]:
        """Return, of each epoch, its number, the error that was lowest in it, and its test errors."""
        found: dict[str, float] = {}
        for name, error in self._errors.items():
            row = best_epoch(history, error)
            found |= {f"{name}_epoch": row["epoch"], f"{error}_best": row[error]}
            found |= {f"{test}_{name}": row[test] for test in ("test_error", "test_error_top5") if test in row}
        return found

    def files(self, labels_N: Tensor) -> dict[str, bytes]:
        """Return the files of weights and predictions, by their names."""
        found = {"predictions.npz": predictions_file(self._logits[LAST], labels_N)}
        for name, tensors in self.weights.items():
            found[f"weights-{name}.safetensors"] = weights_file(tensors)
            found[f"predictions-{name}.npz"] = predictions_file(self._logits[name], labels_N)
        return found

    def state(self) -> dict[str, Any]:
        return {"weights": dict(self.weights), "logits": dict(self._logits)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        self.weights = dict(state["weights"])
        self._logits = {name: logits_NC.cpu() for name, logits_NC in state["logits"].items()}
