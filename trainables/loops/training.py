"""Final training, one trial: the network of a genotype, trained on the training set, tested after every epoch.

Shape letters: B = images of a batch, N = images of an evaluation, C = channels or classes, H, W = pixels.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainables.architecture.complexity import count
from trainables.architecture.drop_path import draw_keep
from trainables.architecture.final_networks import build_network
from trainables.architecture.genotype import describe
from trainables.config import TrainConfig, canonical
from trainables.data.augmentation.transforms import Draw
from trainables.data.cache import Dataset
from trainables.data.files import FileDataset
from trainables.data.transfer import to_device
from trainables.distributed.shares import share_problem
from trainables.errors import TrialFailure
from trainables.loops import randomness
from trainables.loops.devices import choose_device
from trainables.loops.evaluation import evaluate, evaluation_loss, top_k_error
from trainables.loops.forward_backward import NetworkBatch, forward_backward
from trainables.loops.held_out import held_out_errors
from trainables.loops.images import Batch
from trainables.loops.inputs import open_for_training, read_config_architecture
from trainables.loops.kept_epochs import KeptEpochs
from trainables.loops.metering import Meter
from trainables.loops.states import check_identity, load_or_leave, pack, weights_file
from trainables.loops.sums import CHECK_EVERY, EpochSums
from trainables.loops.training_images import TrainingImages
from trainables.optimization.descent import clip_gradients, learning_rate_of, set_learning_rate
from trainables.optimization.precision import Precision
from trainables.optimization.schedules import scheduled
from trainables.trial import JSON, Outcome, Spent, Step

if TYPE_CHECKING:
    from trainables.distributed.team import Team

TRAINABLE = "train"
"""Keys this loop's random draws."""


def start(config: TrainConfig, *, seed: int, threads: int, gpus: float = 0) -> "FinalRun":
    """Return the run of a final training, on the GPU if it was given one.

    Raises: TrialFailure, DataError, UnknownName.
    """
    return FinalRun.of_rank(config, seed=seed, threads=max(1, threads // config.ranks), gpus=gpus)


class FinalRun:
    """Training of one network from nothing; satisfies `trainables.trial.Run`.

    The loss is cross entropy plus, with an auxiliary head, `auxiliary_weight` times that head's. The probability of
    dropping a path grows linearly over the epochs and reaches `drop_path` in the last one.

    `test_error` is the last epoch's: nothing selects it. `test_error_best` is the lowest of all epochs, the first of
    equals, as the paper reports it: selected on the images it is measured on, so optimistic. With `validation_images`,
    which are held out of the training images, `test_error_selected` is that of the epoch with the lowest
    `validation_error`, the first of equals: selected on other images, so not optimistic, though the network has learned
    from fewer; `validation_error_best` in turn is optimistic. `test_error_top5`, `…_best` and `…_selected`, where there
    are more than five classes, are those of the same epochs. Weights and predictions of all these epochs are kept, and
    tested in the end on images that were never looked at, where there are such: see `held_out.py`.
    """

    @classmethod
    def of_rank(
        cls, settings: TrainConfig | dict[str, JSON], *, seed: int, threads: int, gpus: float = 0, rank: int = 0
    ) -> "FinalRun":
        """Return the run as one of its ranks, on a GPU of its own if the trial was given any. Raises: as `start`."""
        config = TrainConfig.model_validate(settings)
        device = choose_device(threads, gpus=gpus, rank=rank, ranks=config.ranks)
        dataset = open_for_training(config)
        images = (config.train_images or len(dataset.train.labels)) - (config.validation_images or 0)
        if problem := share_problem(
            images, batch_size=config.batch_size, ranks=config.ranks, accumulate=config.accumulate
        ):
            raise TrialFailure(": ".join(problem))
        return cls(config, seed=seed, dataset=dataset, device=device, workers=threads - 1)

    def __init__(
        self,
        config: TrainConfig,
        *,
        seed: int,
        dataset: Dataset | FileDataset,
        device: torch.device,
        workers: int = 0,
    ) -> None:
        """`workers`: processes that decode images kept as files; without any, that is done between the steps."""
        self.config = config
        self._seed = seed
        self._device = device
        self._architecture = read_config_architecture(config)
        self._images = TrainingImages(config, dataset, device, seed=seed, trainable=TRAINABLE, workers=workers)
        self._steps = math.ceil(len(self._images.train) / config.batch_size)

        with randomness.initialising(seed=seed, trainable=TRAINABLE):
            network = build_network(
                self._architecture,
                network=config.network,
                operations=config.operations,
                channels=config.channels,
                layers=config.layers,
                classes=self._images.classes,
                auxiliary=config.auxiliary,
                mid_channels=config.mid_channels,
            )
        self._cost = count(network, (3, self._images.size, self._images.size))
        self.network = network.to(device).to(memory_format=torch.channels_last)
        self._precision = Precision(config.precision, device)
        self._precision.set_up()
        self._optimizer = torch.optim.SGD(
            network.parameters(), lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
        )

        self._epoch, self._step = 1, 0
        self._sums = EpochSums(self._steps, device)
        self._history: list[dict[str, JSON]] = []
        selected = {} if config.validation_images is None else {"selected": "validation_error"}
        self._kept = KeptEpochs({"best": "test_error", **selected})
        self._held_out: dict[str, float] = {}
        self._meter = Meter(device, ranks=config.ranks)
        self._team: Team | None = None  # the ranks, while several are at work

    # ------------------------------------------------------------------------------------------------ the loop

    def steps(self) -> Iterator[Step]:
        """Work to the end, pausing after each step and each evaluation batch. Raises: TrialFailure, RankLost."""
        with closing(self._images):
            yield from self._measured()

    def _measured(self) -> Iterator[Step]:
        if self.config.ranks == 1:
            yield from self._meter.measure(self._work())
            return
        from trainables.distributed.rank_processes import lead

        with lead(self, self.config.model_dump(mode="json"), seed=self._seed, ranks=self.config.ranks) as (team, watch):
            self._team = team
            yield from watch.watched(self._meter.measure(self._work()))

    def follow(self, team: "Team") -> None:
        """Go through the loop as another rank than 0: its steps, and nothing else."""
        self._team = team
        while self._epoch <= self.config.epochs:
            for _ in self._train():
                pass
            self._open_epoch()

    def _work(self) -> Iterator[Step]:
        while self._epoch <= self.config.epochs:
            yield from self._train()
            yield from self._evaluate()
        self._held_out = yield from held_out_errors(
            self.network.eval(),
            self._kept.weights,
            dataset=self.config.dataset,
            transform=self._images.normalise,
            here=Step(epoch=self.config.epochs, step=self._steps, steps=self._steps),
            device=self._device,
            compute=self._precision.compute,
        )

    def _train(self) -> Iterator[Step]:
        """Take the steps that are left of the epoch.

        The host of a single rank waits for the device at the looks at the losses alone, and for fp16's at overflows.
        """
        self.network.train()
        set_learning_rate(self._optimizer, scheduled(self.config, self._epoch))
        for batch in self._batches():
            self._optimizer.zero_grad()
            loss, wrong = forward_backward(
                self.network, batch, config=self.config, precision=self._precision, team=self._team
            )
            clip_gradients(self._optimizer, self.config.grad_clip, self._precision)
            self._precision.step(self._optimizer)
            self._sums.take(self._step, loss, wrong, images=batch.whole)
            self._step += 1
            if self._step % CHECK_EVERY == 0 or self._step == self._steps:
                self._sums.check(self._epoch, self._step)
            yield self._here()

    def _evaluate(self) -> Iterator[Step]:
        """Evaluate what the epoch has made of the network, and open the next one."""
        self.network.eval()
        logits: dict[str, Tensor] = {}
        for name, images in self._images.evaluated.items():
            logits[name] = yield from evaluate(self._classify, images, self._images.normalise, self._here())
        metrics = self._finish_epoch(logits)
        yield Step(epoch=self._epoch - 1, step=self._steps, steps=self._steps, metrics=metrics)

    def _finish_epoch(self, logits: Mapping[str, Tensor]) -> dict[str, float]:
        """Add the epoch to the history and open the next one; return the metrics so far.

        Args:
            logits: logits_NC of each of the evaluated sets of images.
        """
        self._history.append(
            {
                "epoch": self._epoch,
                "learning_rate": learning_rate_of(self._optimizer),
                "drop_path": self._drop_path(),
                "train_loss": self._sums.loss(),
                "train_error": self._sums.error(),
                **{key: value for name in logits for key, value in self._errors(name, logits[name]).items()},
                **self._images.tested(),
            }
        )
        self._kept.take(self._history, self.network, logits["test"])
        self._open_epoch()
        return self._metrics()

    def _errors(self, name: str, logits_NC: Tensor) -> dict[str, float]:
        """Return loss and errors, in percent, on one of the evaluated sets of images."""
        labels_N = self._images.evaluated[name].labels_N.cpu()
        found = {
            f"{name}_loss": evaluation_loss(logits_NC, labels_N, epoch=self._epoch),
            f"{name}_error": top_k_error(logits_NC, labels_N),
        }
        if name == "test" and self._images.classes > 5:
            found["test_error_top5"] = top_k_error(logits_NC, labels_N, k=5)
        return found

    def _open_epoch(self) -> None:
        self._epoch, self._step = self._epoch + 1, 0
        self._sums = EpochSums(self._steps, self._device)
        self._images.open_epoch()

    # ------------------------------------------------------------------------------------ what the loop is made of

    def _here(self) -> Step:
        return Step(epoch=self._epoch, step=self._step, steps=self._steps)

    def _drop_path(self) -> float:
        return self.config.drop_path * self._epoch / self.config.epochs

    def _batches(self) -> Iterator[NetworkBatch]:
        """Yield this rank's shares of the batches that are left of the epoch; an incomplete last one is kept."""
        order_N = randomness.order(len(self._images.train), seed=self._seed, trainable=TRAINABLE, epoch=self._epoch)
        left = order_N.split(self.config.batch_size)[self._step :]
        batches = self._images.batches(left, epoch=self._epoch, team=self._team)
        for step, batch in enumerate(batches, start=self._step):
            draw = randomness.draws(seed=self._seed, trainable=TRAINABLE, epoch=self._epoch, step=step)
            yield NetworkBatch(
                x_BCHW=self._images.augment(batch.images_BHWC, draw, share=(batch.mine, batch.whole)),
                labels_B=batch.labels_B,
                keep_DB=self._draw_keep(batch, draw),
                whole=batch.whole,
            )

    def _draw_keep(self, batch: Batch, draw: Draw) -> Tensor | None:
        """Return keep_DB for this rank's share of a batch, on the device; None while nothing is dropped."""
        drop_path = self._drop_path()
        if drop_path == 0.0:
            return None
        keep_DB = draw_keep(self.network.droppable, batch.whole, drop_path=drop_path, generator=draw("drop_path"))
        return to_device(keep_DB[:, batch.mine], self._device)

    def _classify(self, x_BCHW: Tensor) -> Tensor:
        """Return logits_BC without those of the auxiliary head."""
        with self._precision.compute():
            return self.network(x_BCHW)[0]

    def _metrics(self) -> dict[str, float]:
        last = self._history[-1]
        names = ("test_error", "test_error_top5", "validation_error", "train_error", "corrupt_images")
        return {
            **{name: last[name] for name in names if name in last},
            **self._kept.metrics(self._history),
            "params": self._cost.params,
            "params_with_auxiliary": self._cost.params_with_auxiliary,
            "macs": self._cost.macs,
            "addmult": self._cost.addmult,
        }

    # ------------------------------------------------------------------------------------------ state and results

    def state(self) -> bytes:
        """Return everything needed to go on from here."""
        return pack(
            {
                "trial": self._identity(),
                "epoch": self._epoch,
                "step": self._step,
                "network": self.network.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "precision": self._precision.state(),
                "sums": self._sums.state(),
                "history": self._history,
                "kept": self._kept.state(),
                **self._images.state(),
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
        self._optimizer.load_state_dict(state["optimizer"])
        self._precision.load(state["precision"])
        self._sums.load(state["sums"])
        self._history = state["history"]
        self._kept.load(state["kept"])
        self._images.load(state)
        self._meter.load(state["meter"])

    def spent(self) -> Spent:
        """Return what the run has cost so far."""
        return self._meter.spent()

    def outcome(self) -> Outcome:
        """Return the results, with weights and predictions of the last, of the best and of the selected epoch."""
        labels_N = self._images.evaluated["test"].labels_N.cpu()
        return Outcome(
            metrics={**self._metrics(), **self._held_out},
            artifacts={"genotype": describe(self._architecture, self.config.operations)},
            files={
                "weights-last.safetensors": weights_file(self.network.state_dict()),
                **self._kept.files(labels_N),
            },
            epochs=list(self._history),
        )

    def _identity(self) -> dict[str, JSON]:
        return {"trainable": TRAINABLE, "config": canonical(self.config), "seed": self._seed}
