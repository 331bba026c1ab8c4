"""The images of a run, batch by batch: out of an array, or decoded from files.

Shape letters: N = images of a split, B = images of a batch, or of this rank's share of one, H, W = pixels, C = colours.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from trainables.data.cache import Split
from trainables.data.decoders import Decoders
from trainables.data.decoding import Wanted, decode_batch
from trainables.data.files import FileSplit
from trainables.data.transfer import to_device
from trainables.errors import TrialFailure

Share = Callable[[int], slice]
"""Says which images of a batch of so many are wanted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A batch, or a share of it."""

    images_BHWC: Tensor
    """uint8, on the device."""
    labels_B: Tensor
    """int64, on the device."""
    whole: int
    """Images of the whole batch."""
    mine: slice
    """Which of these are here."""
    damaged: list[str] = field(default_factory=list)
    """A sentence for each image that could not be read."""


class ImageSource(Protocol):
    """Some images of a split."""

    @property
    def labels_N(self) -> Tensor:
        """The labels, on the device; once the images were evaluated, of those that could be read."""
        ...

    def __len__(self) -> int: ...

    def batches(
        self, rows_of_batches: Iterable[Tensor], *, epoch: int = 0, share: Share | None = None
    ) -> Iterator[Batch]:
        """Yield batches of these rows, on the CPU, in their order."""
        ...

    def close(self) -> None:
        """Let go of what `batches` holds."""
        ...


class Images:
    """Images of an array: on a GPU resident, on the CPU left in the mapped file."""

    def __init__(self, split: Split, indices_N: np.ndarray, device: torch.device) -> None:
        self._device = device
        self._indices_N = indices_N
        self._images_NHWC: np.ndarray | Tensor = split.images
        self.labels_N = torch.from_numpy(np.array(split.labels[indices_N], dtype=np.int64)).to(device)
        if device.type != "cpu":
            self._images_NHWC = torch.from_numpy(np.array(split.images[indices_N])).to(device)

    def __len__(self) -> int:
        return len(self._indices_N)

    def batch(self, rows_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return (images_BHWC uint8, labels_B int64) of these rows, on the device; `rows_B` is on the CPU."""
        if isinstance(self._images_NHWC, Tensor):
            rows_B = to_device(rows_B, self._device)
            return self._images_NHWC[rows_B], self.labels_N[rows_B]
        return torch.from_numpy(self._images_NHWC[self._indices_N[rows_B.numpy()]]), self.labels_N[rows_B]

    def batches(
        self, rows_of_batches: Iterable[Tensor], *, epoch: int = 0, share: Share | None = None
    ) -> Iterator[Batch]:
        """Yield each batch; the epoch makes no difference."""
        for rows_B in rows_of_batches:
            mine = share(len(rows_B)) if share else slice(0, len(rows_B))
            images_BHWC, labels_B = self.batch(rows_B[mine])
            yield Batch(images_BHWC=images_BHWC, labels_B=labels_B, whole=len(rows_B), mine=mine)

    def close(self) -> None:
        """Do nothing: the array stays mapped."""


class FileImages:
    """Images of files, decoded ahead of their use, and cut to one size.

    An image that cannot be decoded is skipped. In training the next one of the split that can be takes its place, so
    that batches keep their sizes; in an evaluation, its place stays empty.

    Args:
        key: gives what the random crop of an image depends on, from the epoch and its index in the split; None for an
            evaluation, which takes the middle.
    """

    def __init__(
        self,
        split: FileSplit,
        indices_N: np.ndarray,
        device: torch.device,
        *,
        decoders: Decoders,
        key: Callable[[int, int], int] | None = None,
    ) -> None:
        self._split = split
        self._indices_N = indices_N
        self._device = device
        self._decoders = decoders
        self._key = key
        self.unreadable: dict[int, str] = {}
        """Rows that an evaluation found no image in, with a sentence each."""

    def __len__(self) -> int:
        return len(self._indices_N)

    @property
    def labels_N(self) -> Tensor:
        kept_N = np.delete(self._indices_N, list(self.unreadable)) if self.unreadable else self._indices_N
        return torch.from_numpy(self._split.labels[kept_N]).to(self._device)

    def batches(
        self, rows_of_batches: Iterable[Tensor], *, epoch: int = 0, share: Share | None = None
    ) -> Iterator[Batch]:
        """Yield each batch; of a share nothing else is read. Raises: DataError; OSError when a decoder died."""
        asked = [(len(rows_B), rows_B[share(len(rows_B))] if share else rows_B) for rows_B in rows_of_batches]
        wanted = ([self._wanted(row, row, epoch) for row in rows_B.tolist()] for _, rows_B in asked)
        for (whole, rows_B), found in zip(asked, self._decoders.decode(wanted), strict=True):
            rows, pixels = rows_B.numpy().copy(), found.images_BHWC
            mine = share(whole) if share else slice(0, whole)
            if found.damaged and self._key is None:
                self.unreadable |= {int(rows[place]): why for place, why in found.damaged}
                rows = rows[found.kept_B]
            elif found.damaged:
                pixels = np.empty((len(rows), *pixels.shape[1:]), dtype=np.uint8)
                pixels[found.kept_B] = found.images_BHWC
                for place, _ in found.damaged:
                    rows[place], pixels[place] = self._next_readable(int(rows[place]), epoch)
            labels = self._split.labels[self._indices_N[rows]]
            yield Batch(
                images_BHWC=to_device(torch.from_numpy(pixels), self._device),
                labels_B=to_device(torch.from_numpy(labels), self._device),
                whole=whole,
                mine=mine,
                damaged=[why for _, why in found.damaged],
            )

    def damage_in(self, rows_B: Tensor) -> list[str]:
        """Return a sentence for each of these rows that cannot be read."""
        wanted = [self._wanted(row, row, epoch=0) for row in rows_B.tolist()]
        return [why for _, why in decode_batch(wanted, self._decoders.size).damaged]

    def close(self) -> None:
        """End the processes that decode."""
        self._decoders.close()

    def _wanted(self, row: int, place_of: int, epoch: int) -> Wanted:
        """Return what stands in a row, or another image cut as that of the row would be."""
        key = self._key(epoch, int(self._indices_N[place_of])) if self._key else None
        return Wanted(self._split.place(int(self._indices_N[row])), key)

    def _next_readable(self, row: int, epoch: int) -> tuple[int, np.ndarray]:
        """Return the next row that can be read, and its pixels. Raises: TrialFailure when there is none."""
        for step in range(1, len(self)):
            other = (row + step) % len(self)
            found = decode_batch([self._wanted(other, row, epoch)], self._decoders.size)
            if not found.damaged:
                return other, found.images_BHWC[0]
        raise TrialFailure(f"no image can be read: {self._split.place(int(self._indices_N[row])).name} is one of them")
