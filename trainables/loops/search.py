"""Architecture search, one trial: weights and alphas trained in turn, each on its own half of the training set.

Shape letters: B = images of a batch, N = images of a half, C = channels or classes, H, W = pixels.
"""

import math
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from trainables.architecture.genotype import Architecture
from trainables.architecture.spaces import read_space
from trainables.config import SECOND_ORDER_PRECISIONS, SearchConfig, canonical
from trainables.data.augmentation.transforms import EvalTransform, TrainTransform
from trainables.data.cache import Dataset
from trainables.data.subsets import search_halves
from trainables.errors import TrialFailure
from trainables.loops import randomness
from trainables.loops.derived import discretisation_gap, multipliers_of
from trainables.loops.devices import choose_device
from trainables.loops.evaluation import evaluate, evaluation_loss, top_k_error
from trainables.loops.images import Images
from trainables.loops.inputs import open_for_search
from trainables.loops.kept_epochs import best_epoch
from trainables.loops.metering import Meter
from trainables.loops.random_search import RandomRun
from trainables.loops.states import check_identity, load_or_leave, pack, weights_file
from trainables.loops.sums import CHECK_EVERY, EpochSums
from trainables.loops.supernets import (
    Alphas,
    build_supernet,
    derive,
    findings,
    measure,
    measured,
    named_alphas,
    operations_of,
)
from trainables.optimization.bilevel import Batch, FirstOrder, SecondOrder
from trainables.optimization.descent import learning_rate_of
from trainables.optimization.schedules import scheduled
from trainables.trial import JSON, Outcome, Spent, Step, canonical_json

TRAINABLE = "search"
"""Keys this loop's random draws."""
ORDERS = {1: FirstOrder, 2: SecondOrder}


def start(config: SearchConfig, *, seed: int, threads: int, gpus: float = 0) -> "SearchRun | RandomRun":
    """Return the run of a search by the config's strategy, by gradient on the GPU if it was given one.

    Raises: TrialFailure, DataError, UnknownName.
    """
    drawn = config.strategy == "random"
    device = choose_device(threads, gpus=0 if drawn else gpus)
    if drawn:
        return RandomRun(config, seed=seed)
    return SearchRun(config, seed=seed, dataset=open_for_search(config), device=device)


class SearchRun:
    """Search by gradient in any space, of the first or second order; satisfies `trainables.trial.Run`.

    The first half of the training images trains the weights, the last half the alphas (of each class, for a subset);
    the test set is never read. Each step moves the alphas, then the weights; an epoch has as many steps as the weights'
    half has batches. Each half is taken in an order of its own, drawn for each epoch. Both are augmented.

    Before the epoch `alpha_start_epoch` the alphas stay, and their images are not looked at for training. From then on
    every `alpha_every`-th step moves them, beginning with the first one of that epoch and counted through to the end of
    the run, not anew in each epoch. An epoch in which they never move has no `alphas_loss` and no `alphas_error`.

    What is found is what the epoch with the lowest validation error has found, the first of equals, of those from
    `alpha_start_epoch` on: before it the alphas are as they were drawn.

    After each epoch the alphas' half, whole and not augmented, is the validation set. The released code differs in two
    ways: it validates on augmented images, and it draws a batch for the alphas anew for each step, so that an epoch
    passes over some of their images twice and over others never.
    """

    def __init__(self, config: SearchConfig, *, seed: int, dataset: Dataset, device: torch.device) -> None:
        if config.alpha_start_epoch > config.epochs:
            raise TrialFailure(f"alpha_start_epoch: the alphas would never move in {config.epochs} epochs")
        if config.order == 2 and config.precision not in SECOND_ORDER_PRECISIONS:
            raise TrialFailure(f"precision: a search of second order cannot be computed in {config.precision}")
        self.config = config
        self._seed = seed
        self._device = device
        self._space = read_space(config.space)
        info = dataset.info
        weights_half, alphas_half = search_halves(dataset.train.labels, config.train_images, info.classes)
        self._weights_images = Images(dataset.train, weights_half, device)
        self._alphas_images = Images(dataset.train, alphas_half, device)
        self._augment = TrainTransform(info.mean, info.std, autoaugment=config.autoaugment, cutout=config.cutout)
        self._normalise = EvalTransform(info.mean, info.std)
        self._steps = math.ceil(len(weights_half) / config.batch_size)

        with randomness.initialising(seed=seed, trainable=TRAINABLE):
            network = build_supernet(config, info.classes)
        network.reset(randomness.generator(seed=seed, trainable=TRAINABLE, purpose="alphas"))
        self.network = network.to(device)
        for part in network.children():  # not the alphas themselves, which may have any number of dimensions
            part.to(memory_format=torch.channels_last)
        self._bilevel = ORDERS[config.order](
            network,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
            grad_clip=config.grad_clip,
            arch_learning_rate=config.arch_learning_rate,
            arch_weight_decay=config.arch_weight_decay,
            precision=config.precision,
        )
        self._bilevel.weights_precision.set_up()

        self._epoch, self._step = 1, 0
        self._open_sums()
        self._history: list[dict[str, JSON]] = []
        self._meter = Meter(device)

    # ------------------------------------------------------------------------------------------------ the loop

    def steps(self) -> Iterator[Step]:
        """Work to the end, pausing after each step and each evaluation batch. Raises: TrialFailure."""
        yield from self._meter.measure(self._work())

    def _work(self) -> Iterator[Step]:
        while self._epoch <= self.config.epochs:
            yield from self._train()
            yield from self._evaluate()

    def _train(self) -> Iterator[Step]:
        """Take the steps that are left of the epoch.

        The host waits for the device at the looks at the losses alone, and for those of fp16 at overflows and of
        `prune_below`.
        """
        self.network.train()
        self._bilevel.set_learning_rate(scheduled(self.config, self._epoch))
        for alphas_batch, weights_batch in self._batches():
            if alphas_batch is not None:
                loss, logits_BC = self._bilevel.alphas_step(alphas_batch, weights_batch)
                self._alphas_sums.add(self._step, loss, logits_BC, alphas_batch[1])
            loss, logits_BC = self._bilevel.weights_step(weights_batch)
            self._sums.add(self._step, loss, logits_BC, weights_batch[1])
            self._step += 1
            if self._step % CHECK_EVERY == 0 or self._step == self._steps:
                self._sums.check(self._epoch, self._step)
            yield self._here()

    def _evaluate(self) -> Iterator[Step]:
        """Evaluate what the epoch has made of the network, and open the next one."""
        self.network.eval()
        logits_NC = yield from evaluate(self._classify, self._alphas_images, self._normalise, self._here())
        alphas = {name: value.tolist() for name, value in named_alphas(self.network).items()}
        architecture = derive(self._space, alphas)
        gap = yield from self._gap(architecture)
        metrics = self._finish_epoch(logits_NC, alphas, architecture, gap)
        yield Step(epoch=self._epoch - 1, step=self._steps, steps=self._steps, metrics=metrics)

    def _gap(self, architecture: Architecture) -> Generator[Step, None, float | None]:
        """Return the discretisation gap of the network as it is."""
        multipliers = multipliers_of(self._space, architecture)
        compute = self._bilevel.weights_precision.compute
        return discretisation_gap(
            self.network, multipliers, self._alphas_images, self._normalise, compute, self._here()
        )

    def _finish_epoch(
        self, logits_NC: Tensor, alphas: Alphas, architecture: Architecture, gap: float | None
    ) -> dict[str, float]:
        """Add the epoch to the history and open the next one; return the metrics so far."""
        labels_N = self._alphas_images.labels_N.cpu()
        alphas_moved = bool(self._alphas_sums.sizes_S.any())
        self._history.append(
            {
                "epoch": self._epoch,
                "learning_rate": learning_rate_of(self._bilevel.weights_optimizer),
                "train_loss": self._sums.loss(),
                "train_error": self._sums.error(),
                "alphas_loss": self._alphas_sums.loss() if alphas_moved else None,
                "alphas_error": self._alphas_sums.error() if alphas_moved else None,
                "search_val_loss": evaluation_loss(logits_NC, labels_N, epoch=self._epoch),
                "search_val_error": top_k_error(logits_NC, labels_N),
                "discretisation_gap": gap,
                "genotype": canonical_json(architecture.to_json()),
                **measure(architecture, operations_of(self._space)),
                **alphas,
            }
        )
        self._epoch, self._step = self._epoch + 1, 0
        self._open_sums()
        return self._metrics()

    # ------------------------------------------------------------------------------------ what the loop is made of

    def _here(self) -> Step:
        return Step(epoch=self._epoch, step=self._step, steps=self._steps)

    def _open_sums(self) -> None:
        self._sums = EpochSums(self._steps, self._device)
        self._alphas_sums = EpochSums(self._steps, self._device)

    def _batches(self) -> Iterator[tuple[Batch | None, Batch]]:
        """Yield a batch for the alphas, if they move, and one for the weights, for each step that is left."""
        weights_rows = self._order(self._weights_images, "order")
        alphas_rows = self._order(self._alphas_images, "alphas order")
        for step in range(self._step, self._steps):
            weights_batch = self._augmented(self._weights_images, weights_rows[step], step, "weights")
            alphas_batch = None
            if self._alphas_move(step):
                rows_B = alphas_rows[step % len(alphas_rows)]
                alphas_batch = self._augmented(self._alphas_images, rows_B, step, "alphas")
            yield alphas_batch, weights_batch

    def _alphas_move(self, step: int) -> bool:
        """Say whether that step of the epoch, from 0, moves the alphas."""
        since = (self._epoch - self.config.alpha_start_epoch) * self._steps + step
        return since >= 0 and since % self.config.alpha_every == 0

    def _order(self, images: Images, purpose: str) -> Sequence[Tensor]:
        """Return the rows of each batch of this epoch; an incomplete last one is kept."""
        order_N = randomness.order(
            len(images), seed=self._seed, trainable=TRAINABLE, purpose=purpose, epoch=self._epoch
        )
        return order_N.split(self.config.batch_size)

    def _augmented(self, images: Images, rows_B: Tensor, step: int, half: str) -> Batch:
        """Return (x_BCHW, labels_B) with the step's own draws."""
        draw = randomness.draws(seed=self._seed, trainable=TRAINABLE, prefix=f"{half} ", epoch=self._epoch, step=step)
        images_BHWC, labels_B = images.batch(rows_B)
        return self._augment(images_BHWC, draw), labels_B

    def _classify(self, x_BCHW: Tensor) -> Tensor:
        """Return logits_BC."""
        with self._bilevel.weights_precision.compute():
            return self.network(x_BCHW)

    def _metrics(self) -> dict[str, float]:
        last = self._history[-1]
        if last["epoch"] < self.config.alpha_start_epoch:
            return {"search_val_error": last["search_val_error"]}
        best = self._best()
        return {
            "search_val_error": last["search_val_error"],
            "search_val_error_best": best["search_val_error"],
            "best_epoch": best["epoch"],
            **({} if best.get("discretisation_gap") is None else {"discretisation_gap": best["discretisation_gap"]}),
            **measured(best),
        }

    def _best(self) -> dict[str, JSON]:
        """Return the epoch whose architecture is the one that is found."""
        searched = [row for row in self._history if row["epoch"] >= self.config.alpha_start_epoch]
        return best_epoch(searched, "search_val_error")

    # ------------------------------------------------------------------------------------------ state and results

    def state(self) -> bytes:
        """Return everything needed to go on from here."""
        return pack(
            {
                "trial": self._identity(),
                "epoch": self._epoch,
                "step": self._step,
                "network": self.network.state_dict(),
                "weights_optimizer": self._bilevel.weights_optimizer.state_dict(),
                "alphas_optimizer": self._bilevel.alphas_optimizer.state_dict(),
                "weights_precision": self._bilevel.weights_precision.state(),
                "alphas_precision": self._bilevel.alphas_precision.state(),
                "sums": self._sums.state(),
                "alphas_sums": self._alphas_sums.state(),
                "history": self._history,
                "meter": self._meter.state(),
            }
        )

    def load(self, state: bytes) -> None:
        """Take over a state that `state` returned. Raises: DamagedFile, leaving the run as it was."""
        load_or_leave(self, state, self._device)

    def take(self, state: dict[str, Any]) -> None:
        """Take over a state that is already unpacked; `load` is the safe way."""
        check_identity(state["trial"], self._identity())
        self._epoch, self._step = state["epoch"], state["step"]
        self.network.load_state_dict(state["network"])
        self._bilevel.weights_optimizer.load_state_dict(state["weights_optimizer"])
        self._bilevel.alphas_optimizer.load_state_dict(state["alphas_optimizer"])
        self._bilevel.weights_precision.load(state["weights_precision"])
        self._bilevel.alphas_precision.load(state["alphas_precision"])
        self._sums.load(state["sums"])
        self._alphas_sums.load(state["alphas_sums"])
        self._history = state["history"]
        self._meter.load(state["meter"])

    def spent(self) -> Spent:
        """Return what the run has cost so far."""
        return self._meter.spent()

    def outcome(self) -> Outcome:
        """Return the results."""
        return Outcome(
            metrics=self._metrics(),
            artifacts=findings(self._space, self._best()),
            files={"weights-last.safetensors": weights_file(self.network.state_dict())},
            epochs=list(self._history),
        )

    def _identity(self) -> dict[str, JSON]:
        return {"trainable": TRAINABLE, "config": canonical(self.config), "seed": self._seed}
