"""What the search loop and the final-training loop share: datasets, sums, evaluation, states.

The loops themselves stand in `search.py` and `training.py`, to be read from top to bottom.

Shape letters: N = images of a split, B = images of a batch, S = steps of an epoch, C = channels or classes,
H, W = pixels.
"""

import io
import math
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.config import SearchConfig, TrainConfig
from trainables.data.cache import Dataset
from trainables.data.datasets import batch_problems, open_any, open_dataset
from trainables.data.files import FileDataset
from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.evaluation import wrong_answers
from trainables.loops.images import ImageSource
from trainables.optimization.schedules import cosine_power
from trainables.trial import JSON, Step

EVALUATION_BATCH = 256
"""Images of one evaluation batch: small enough that a request to stop is heard soon."""
CHECK_EVERY = 50
"""Steps between two looks at the losses: each look makes the host wait for the GPU."""


def choose_device(threads: int, *, rank: int = 0, ranks: int = 1) -> torch.device:
    """Return CUDA where there is one, else the CPU, and set this process up for numbers that can be repeated.

    Each of several ranks has a GPU of its own. Raises: TrialFailure, where there are some, but too few.

    Sets torch's intra-op threads, deterministic cuDNN algorithms, and float32 that is not rounded to TF32. A process
    that runs one trial after another calls it for each.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if ranks == 1:
        return torch.device("cuda")
    if torch.cuda.device_count() < ranks:
        raise TrialFailure(f"ranks: {ranks} take a GPU each, but the trial has {torch.cuda.device_count()}")
    torch.cuda.set_device(rank)
    return torch.device("cuda", rank)


def open_for_search(config: SearchConfig) -> Dataset:
    """Return the config's dataset, if a search can use what it takes of it.

    Raises: TrialFailure, DataError, UnknownName.
    """
    dataset = open_dataset(config.dataset)
    _check(
        batch_problems(
            config.dataset,
            train_images=config.train_images,
            test_images=None,
            batch_size=config.batch_size,
            halves=True,
        )
    )
    return dataset


def open_for_training(config: TrainConfig) -> Dataset | FileDataset:
    """Return the config's dataset, if what it takes of it can be trained on.

    Raises: TrialFailure, DataError, UnknownName.
    """
    dataset = open_any(config.dataset)
    _check(
        batch_problems(
            config.dataset,
            train_images=config.train_images,
            test_images=config.test_images,
            batch_size=config.batch_size,
            halves=False,
            validation_images=config.validation_images,
            image_size=config.image_size,
        )
    )
    return dataset


def _check(problems: Sequence[tuple[str, str]]) -> None:
    if problems:
        raise TrialFailure("; ".join(f"{field}: {sentence}" for field, sentence in problems))


class EpochSums:
    """Losses and wrong answers of the epoch under way, kept on the device so that no step waits for it."""

    def __init__(self, steps: int, device: torch.device) -> None:
        self.losses_S = torch.zeros(steps, device=device)
        self.sizes_S = torch.zeros(steps, dtype=torch.int64)
        self.wrong = torch.zeros((), dtype=torch.int64, device=device)

    def add(self, step: int, loss: Tensor, logits_BC: Tensor, labels_B: Tensor) -> None:
        """Take in one step, `step` from 0."""
        self.take(step, loss, wrong_answers(logits_BC, labels_B), images=len(labels_B))

    def take(self, step: int, loss: Tensor, wrong: Tensor, *, images: int) -> None:
        """Take in one step whose wrong answers are counted already."""
        self.losses_S[step] = loss
        self.sizes_S[step] = images
        self.wrong += wrong

    def check(self, epoch: int, done: int) -> None:
        """Look at the losses of the first `done` steps at once. Raises: TrialFailure, naming the first bad step."""
        losses = self.losses_S[:done].tolist()
        for step, loss in enumerate(losses, start=1):
            if not math.isfinite(loss):
                raise TrialFailure(f"loss is {loss} in epoch {epoch}, step {step}")

    def loss(self) -> float:
        """Return the mean loss per image."""
        losses_S = self.losses_S.cpu().double()
        return float((losses_S * self.sizes_S).sum() / self.sizes_S.sum())

    def error(self) -> float:
        """Return the wrong answers, in percent."""
        return 100.0 * int(self.wrong) / int(self.sizes_S.sum())

    def state(self) -> dict[str, Tensor]:
        return {"losses": self.losses_S, "sizes": self.sizes_S, "wrong": self.wrong}

    def load(self, state: dict[str, Tensor]) -> None:
        self.losses_S.copy_(state["losses"])
        self.sizes_S.copy_(state["sizes"])
        self.wrong.copy_(state["wrong"])


def evaluate(
    forward: Callable[[Tensor], Tensor], images: ImageSource, transform: Callable[[Tensor], Tensor], here: Step
) -> Generator[Step, None, Tensor]:
    """Yield `here` after each batch; return logits_NC, on the CPU.

    Callers put the network in eval mode. An evaluation that is interrupted starts again: it changes nothing.
    """
    found: list[Tensor] = []
    for batch in images.batches(torch.arange(len(images)).split(EVALUATION_BATCH)):
        with torch.no_grad():
            found.append(forward(transform(batch.images_BHWC)).float())
        yield here
    return torch.cat(found).cpu()


def evaluation_loss(logits_NC: Tensor, labels_N: Tensor, *, epoch: int) -> float:
    """Return the mean cross entropy of an evaluation. Raises: TrialFailure when it is no number."""
    loss = float(F.cross_entropy(logits_NC, labels_N))
    if not math.isfinite(loss):
        raise TrialFailure(f"loss is {loss} in the evaluation of epoch {epoch}")
    return loss


def best_epoch(history: Sequence[dict[str, JSON]], key: str) -> dict[str, JSON]:
    """Return the epoch with the lowest value, the first of equals."""
    return min(history, key=lambda row: row[key])


def scheduled(config: SearchConfig | TrainConfig, epoch: int) -> float:
    """Return the weights' learning rate in an epoch."""
    return cosine_power(
        epoch,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        learning_rate_min=config.learning_rate_min,
        p=config.p,
        warmup_epochs=config.warmup_epochs,
        warm_restarts=config.warm_restarts,
    )


class Resumable(Protocol):
    """A run whose state can be replaced."""

    def state(self) -> bytes: ...

    def take(self, state: dict[str, Any]) -> None: ...


def load_or_leave(run: Resumable, data: bytes, device: torch.device) -> None:
    """Give a run a state, or leave it exactly as it was. Raises: DamagedFile."""
    state = unpack(data, device)
    before = run.state()
    try:
        run.take(state)
    except Exception as error:  # whatever does not fit: a missing key, a shape, a type
        run.take(unpack(before, device))
        if isinstance(error, DamagedFile):
            raise
        raise DamagedFile(f"the state does not fit this trial ({type(error).__name__}: {error})") from error


def check_identity(found: JSON, expected: JSON) -> None:
    """Raises: DamagedFile, unless a state belongs to this very trial."""
    if found != expected:
        raise DamagedFile("the state belongs to another trial")


def pack(state: dict[str, Any]) -> bytes:
    """Return a state of tensors and plain values as bytes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def unpack(data: bytes, device: torch.device) -> dict[str, Any]:
    """Return what `pack` was given, with its tensors on the device, running no code from it. Raises: DamagedFile."""
    try:
        state = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # torch names no common base for what garbage can make it raise
        raise DamagedFile(f"the state cannot be read ({type(error).__name__})") from error
    if not isinstance(state, dict):
        raise DamagedFile("the state is not a run's state")
    return state


def weights(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def weights_file(tensors: dict[str, Tensor]) -> bytes:
    """Return tensors as a safetensors file, each in its usual dense layout."""
    return save_safetensors({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})
