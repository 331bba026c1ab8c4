"""The images that final training trains and is tested on, whichever way their dataset is kept.

Those of an array are cropped out of a margin, as CIFAR-10's are. Those of files are cut at random while they are
decoded, and take the policies of ImageNet when AutoAugment is asked for; those that cannot be read are counted.

Shape letters: B = images of a batch, N = images of a split.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from trainables.config import TrainConfig
from trainables.data.augmentation.policies import CIFAR10_POLICIES, IMAGENET_POLICIES
from trainables.data.augmentation.transforms import EvalTransform, TrainTransform
from trainables.data.cache import Dataset
from trainables.data.decoders import Decoders
from trainables.data.files import FileDataset
from trainables.data.subsets import subset, training_split
from trainables.errors import TrialFailure
from trainables.loops import randomness
from trainables.loops.images import Batch, FileImages, Images, ImageSource
from trainables.trial import JSON

if TYPE_CHECKING:
    from trainables.distributed.team import Team


class TrainingImages:
    """Training, validation and test images, what they go through, and the count of those that could not be read.

    Args:
        trainable: keys the random cuts, together with the seed, the epoch and an image's index in its split.
        workers: processes that decode images of files; without any it happens where a batch is asked for.
    """

    def __init__(
        self,
        config: TrainConfig,
        dataset: Dataset | FileDataset,
        device: torch.device,
        *,
        seed: int,
        trainable: str,
        workers: int,
    ) -> None:
        info = dataset.info
        train_rows, validation_rows = training_split(
            dataset.train.labels, config.train_images, config.validation_images, info.classes
        )
        rows = {"train": train_rows, "test": subset(dataset.test.labels, config.test_images, info.classes)}
        if config.validation_images is not None:
            rows["validation"] = validation_rows
        self.classes = info.classes
        self.size = config.image_size or info.image_size
        """Height and width of what the network sees, in pixels."""
        self._files: dict[str, FileImages] = {}
        if isinstance(dataset, FileDataset):

            def key(epoch: int, index: int) -> int:
                return randomness.key(seed=seed, trainable=trainable, purpose="cut", epoch=epoch, step=index)

            decoders = Decoders(workers, size=self.size)
            for name, rows_N in rows.items():
                split, cut = (dataset.test if name == "test" else dataset.train), (key if name == "train" else None)
                self._files[name] = FileImages(split, rows_N, device, decoders=decoders, key=cut)
            images: Mapping[str, ImageSource] = self._files
        else:
            images = {
                name: Images(dataset.test if name == "test" else dataset.train, rows_N, device)
                for name, rows_N in rows.items()
            }
        self.train = images["train"]
        self.evaluated = {name: images[name] for name in images if name != "train"}
        """What the network is evaluated on after each epoch: `test`, and `validation` where images are held out."""
        self.augment = TrainTransform(
            info.mean,
            info.std,
            crop_padding=0 if self._files else 4,
            autoaugment=config.autoaugment,
            policies=IMAGENET_POLICIES if self._files else CIFAR10_POLICIES,
            cutout=config.cutout,
        )
        self.normalise = EvalTransform(info.mean, info.std)
        self._limit = config.corrupt_limit
        self._damaged = 0  # training images of the epoch under way

    def batches(self, rows_of_batches: Sequence[Tensor], *, epoch: int, team: "Team | None") -> Iterator[Batch]:
        """Yield this rank's shares of batches of training images, counting those that cannot be read.

        Raises: TrialFailure, naming one of these, when the epoch has more of them than the limit, on all ranks.
        """
        shares = self.train.batches(rows_of_batches, epoch=epoch, share=team.share if team else None)
        for rows_B, batch in zip(rows_of_batches, shares, strict=True):
            if self._files:
                self._count_damaged(batch, rows_B, team)
            yield batch

    def _count_damaged(self, batch: Batch, rows_B: Tensor, team: "Team | None") -> None:
        """Add the unreadable images of a batch whose rows are `rows_B`, of all ranks. Raises: TrialFailure."""
        damaged = len(batch.damaged)
        if team is not None:
            damaged = int(team.add_up(torch.tensor(damaged, device=batch.labels_B.device))[0])
        self._damaged += damaged
        if damaged and self._damaged > self._limit:
            named = batch.damaged or self._files["train"].damage_in(rows_B)
            self._fail(self._damaged, "training", named[-1])

    def tested(self) -> dict[str, int]:
        """Return `corrupt_images` of the epoch, once all was evaluated. Raises: TrialFailure."""
        if not self._files:
            return {}
        found = self._damaged
        for name in self.evaluated:
            unreadable = self._files[name].unreadable
            found += len(unreadable)
            if found > self._limit:
                self._fail(len(unreadable), name, list(unreadable.values())[-1])
        return {"corrupt_images": found}

    def open_epoch(self) -> None:
        self._damaged = 0

    def state(self) -> dict[str, JSON]:
        """Return what a run's state needs of this: nothing for arrays.

        The labels that the predictions go with are those of the test images that could be read; what else cannot be
        read is found again whenever it matters.
        """
        if not self._files:
            return {}
        return {"corrupt": {"train": self._damaged, "test": sorted(self._files["test"].unreadable.items())}}

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned."""
        if self._files:
            self._damaged = state["corrupt"]["train"]
            self._files["test"].unreadable = dict(state["corrupt"]["test"])

    def close(self) -> None:
        """End the processes that decode."""
        for images in (self.train, *self.evaluated.values()):
            images.close()

    def _fail(self, count: int, split: str, sentence: str) -> None:
        raise TrialFailure(
            f"{count} {split} images cannot be read, and corrupt_limit is {self._limit} in all; the last: {sentence}"
        )
