"""The diagnosis of a search, one trial: how sharp the loss is where the alphas ended, how its supernet ranks cells.

Images are those of the search's validation half, as they are. Everything is computed in single precision, batch norms
normalise by each batch's own statistics, and no weight moves.

Shape letters: A = all alphas, B = images of a batch, N = images, C = classes, H, W = pixels.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from trainables.architecture.genotype import NasBench201Cell
from trainables.architecture.spaces import read_space
from trainables.config import OF_SUPERNET, DiagnoseConfig, SearchConfig, canonical
from trainables.data.augmentation.transforms import EvalTransform
from trainables.data.cache import Dataset
from trainables.data.datasets import open_dataset
from trainables.data.subsets import search_halves
from trainables.diagnosis.eigenvalues import EXACT, NoConvergence, Vector, ask
from trainables.diagnosis.hessian import hessian_product, number_of_alphas
from trainables.diagnosis.ranking import draw_cells, kendall_tau
from trainables.errors import TrialFailure
from trainables.loops import randomness
from trainables.loops.derived import batch_statistics, multipliers_of
from trainables.loops.devices import choose_device
from trainables.loops.evaluation import wrong_answers
from trainables.loops.images import Images
from trainables.loops.metering import Meter
from trainables.loops.states import check_identity, load_or_leave, pack
from trainables.loops.supernets import build_supernet, measure, operations_of
from trainables.optimization.precision import Precision
from trainables.trial import JSON, Outcome, Spent, Step

TRAINABLE = "diagnose"
"""Keys this loop's random draws."""
TRUTH = {"cifar100": "benchmark_cifar100"}
"""What the benchmark's metric of a dataset is called, where it is not that of CIFAR-10."""
TAUS = {"kendall_tau": "one_shot_accuracy", "kendall_tau_params": "params", "kendall_tau_addmult": "addmult"}
"""Metrics -> what they compare with the truth."""
LANCZOS_PRODUCTS = 40
"""What Lanczos's method usually takes: foreseen, not a limit."""


def start(
    config: DiagnoseConfig, *, seed: int, threads: int, gpus: float = 0, files: Mapping[str, bytes] | None = None
) -> "DiagnoseRun":
    """Return the run of a diagnosis, on the GPU if it was given one. Raises: TrialFailure, DataError, UnknownName."""
    weights = (files or {}).get("weights")
    if weights is None:
        raise TrialFailure("weights: must be those that a search leaves; say ${search.weights}")
    device = choose_device(threads, gpus=gpus)
    return DiagnoseRun(config, seed=seed, dataset=open_dataset(config.dataset), weights=weights, device=device)


class DiagnoseRun:
    """Products with the Hessian, batch by batch, then drawn cells one by one; satisfies `trainables.trial.Run`.

    `hessian_eigenvalue` is the largest eigenvalue of the Hessian in the alphas of the mean cross entropy
    (arXiv:1909.09656, section 4.1).

    `kendall_tau`, of NAS-Bench-201 alone, is Kendall's τ between the one-shot accuracy of drawn cells (the supernet
    with their operations alone) and what the benchmark knows of them; `kendall_tau_params` and `kendall_tau_addmult`
    are those of the sizes of the cells' networks and the benchmark. One that nothing can be said of, as one side is the
    same for all cells, is left out.

    Which images and cells are looked at depends on the seed alone, so that diagnoses of one seed, of whichever searches
    of a dataset and space, look at the same.
    """

    def __init__(
        self, config: DiagnoseConfig, *, seed: int, dataset: Dataset, weights: bytes, device: torch.device
    ) -> None:
        self.config = config
        self._seed = seed
        self._device = device
        self._space = read_space(config.space)
        info = dataset.info
        _, half = search_halves(dataset.train.labels, config.train_images, info.classes)
        self._images = Images(dataset.train, half, device)
        self._normalise = EvalTransform(info.mean, info.std)
        Precision("fp32", device).set_up()
        self.network = build_supernet(
            SearchConfig(**{name: getattr(config, name) for name in OF_SUPERNET}), info.classes
        )
        self._take_weights(weights)
        self._size = number_of_alphas(self.network)
        self._hessian_rows = self._rows("hessian images", config.hessian_images)
        self._cell_rows = self._rows("cell images", config.cell_images)
        draws = random.Random(randomness.key(seed=seed, trainable=TRAINABLE, purpose="cells"))
        self._cells = draw_cells(self._space, config.cells, draws)
        self._truth = TRUTH.get(config.dataset, "benchmark_cifar10")

        self._taken = 0
        self._answers: list[tuple[Vector, Vector]] = []
        self._sum_A = np.zeros(self._size)
        """Of the product that is under way, what the first `_batch` batches contribute."""
        self._batch = 0
        self._tried: list[dict[str, JSON]] = []
        self._metrics: dict[str, float] = {}
        self._ended = False
        self._meter = Meter(device)

    def _take_weights(self, weights: bytes) -> None:
        try:
            self.network.load_state_dict(load_tensors(weights))
        except (SafetensorError, RuntimeError) as error:
            raise TrialFailure(
                f"weights: they are not those of the search's supernet ({type(error).__name__})"
            ) from error
        for parameter in self.network.weight_parameters():
            parameter.requires_grad_(False)
        self.network.to(self._device)
        for part in self.network.children():
            part.to(memory_format=torch.channels_last)

    # ------------------------------------------------------------------------------------------------ the loop

    def steps(self) -> Iterator[Step]:
        """Work to the end, pausing after each batch of a product. Raises: TrialFailure."""
        yield from self._meter.measure(self._work())

    def _work(self) -> Iterator[Step]:
        if self._ended:
            return
        yield from self._find_eigenvalue()
        yield from self._try_cells()
        self._ended = True
        yield Step(epoch=1, step=self._taken, steps=self._taken, metrics=self._metrics)

    def _find_eigenvalue(self) -> Iterator[Step]:
        while "hessian_eigenvalue" not in self._metrics:
            asked = self._ask()
            if isinstance(asked, np.ndarray):
                yield from self._multiply(asked)
            else:
                self._metrics["hessian_eigenvalue"] = asked

    def _ask(self) -> Vector | float:
        start_A = randomness.generator(seed=self._seed, trainable=TRAINABLE, purpose="start")
        try:
            return ask(torch.randn(self._size, generator=start_A, dtype=torch.float64).numpy(), self._answers)
        except NoConvergence as error:
            raise TrialFailure(f"hessian_eigenvalue: {error}; look at more images with hessian_images") from error

    def _multiply(self, v_A: Vector) -> Iterator[Step]:
        """Add the product of a vector and the Hessian to the answers, from the batch on that comes next."""
        while self._batch < len(self._hessian_rows):
            images_BHWC, labels_B = self._images.batch(self._hessian_rows[self._batch])
            self._sum_A = self._sum_A + hessian_product(self.network, self._normalise(images_BHWC), labels_B, v_A)
            if not np.isfinite(self._sum_A).all():
                raise TrialFailure("hessian_eigenvalue: the second derivatives of the loss are no numbers")
            self._batch += 1
            yield self._pause()
        images = sum(map(len, self._hessian_rows))
        self._answers.append((v_A, self._sum_A / images))
        self._sum_A, self._batch = np.zeros(self._size), 0

    def _try_cells(self) -> Iterator[Step]:
        """Measure the cells that are left, and compare the orders of all."""
        for cell in self._cells[len(self._tried) :]:
            known = measure(cell, operations_of(self._space))
            self._tried.append(
                {
                    "cell": cell.to_string(),
                    "one_shot_accuracy": self._accuracy(cell),
                    **{name: known[name] for name in (self._truth, "params", "addmult")},
                }
            )
            yield self._pause()
        for metric, name in TAUS.items() if self._tried else ():
            tau = kendall_tau([row[name] for row in self._tried], [row[self._truth] for row in self._tried])
            self._metrics |= {} if tau is None else {metric: tau}

    def _accuracy(self, cell: NasBench201Cell) -> float:
        """Return how many images the supernet gets right with the operations of a cell alone, in percent."""
        chosen = [part.to(self._device) for part in multipliers_of(self._space, cell)]
        wrong = 0
        with torch.no_grad(), batch_statistics(self.network):
            for rows_B in self._cell_rows:
                images_BHWC, labels_B = self._images.batch(rows_B)
                wrong += int(wrong_answers(self.network(self._normalise(images_BHWC), chosen), labels_B))
        return 100 * (1 - wrong / sum(map(len, self._cell_rows)))

    def _pause(self) -> Step:
        self._taken += 1
        products = max(len(self._answers) + 1, self._size if self._size <= EXACT else LANCZOS_PRODUCTS)
        if "hessian_eigenvalue" in self._metrics:
            products = len(self._answers)
        return Step(epoch=1, step=self._taken, steps=products * len(self._hessian_rows) + len(self._cells))

    def _rows(self, purpose: str, images: int) -> Sequence[Tensor]:
        """Return rows of the half, drawn by the seed, in batches of nearly one size."""
        order_N = randomness.order(len(self._images), seed=self._seed, trainable=TRAINABLE, purpose=purpose, epoch=0)
        rows_N = order_N[:images].sort().values
        return rows_N.tensor_split(math.ceil(len(rows_N) / self.config.batch_size))

    # ------------------------------------------------------------------------------------------ state and results

    def state(self) -> bytes:
        """Return everything needed to go on from here."""
        return pack(
            {
                "trial": self._identity(),
                "taken": self._taken,
                "answers": [[torch.from_numpy(each) for each in pair] for pair in self._answers],
                "sum": torch.from_numpy(self._sum_A),
                "batch": self._batch,
                "tried": self._tried,
                "metrics": self._metrics,
                "ended": self._ended,
                "meter": self._meter.state(),
            }
        )

    def load(self, state: bytes) -> None:
        """Take over a state that `state` returned. Raises: DamagedFile, leaving the run as it was."""
        load_or_leave(self, state, torch.device("cpu"))

    def take(self, state: dict[str, Any]) -> None:
        """Take over a state that is already unpacked; `load` is the safe way."""
        check_identity(state["trial"], self._identity())
        self._taken, self._batch, self._ended = state["taken"], state["batch"], state["ended"]
        self._answers = [(v_A.numpy(), product_A.numpy()) for v_A, product_A in state["answers"]]
        self._sum_A = state["sum"].numpy()
        self._tried, self._metrics = list(state["tried"]), dict(state["metrics"])
        self._meter.load(state["meter"])

    def spent(self) -> Spent:
        """Return what the run has cost so far."""
        return self._meter.spent()

    def outcome(self) -> Outcome:
        """Return the results."""
        artifacts = {"sampled_cells": self._tried} if self._cells else {}
        return Outcome(metrics=self._metrics, artifacts=artifacts, files={}, epochs=[{"epoch": 1, **self._metrics}])

    def _identity(self) -> dict[str, JSON]:
        return {"trainable": TRAINABLE, "config": canonical(self.config), "seed": self._seed}
