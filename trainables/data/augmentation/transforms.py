"""Augmentation of whole batches, on the device where the images lie.

Each random choice is drawn from a generator of its own, on the CPU, so that crops, flips, AutoAugment and Cutout are
independent and the same on every device. The pixels equal those of torchvision's `RandomCrop`, `RandomHorizontalFlip`,
`ToTensor` and `Normalize`, and of PIL's operations, for the same choices.

Shape letters: B = images, H, W = pixels, C = colours.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from trainables.data.augmentation.autoaugment import AutoAugment
from trainables.data.augmentation.image_operations import GREY
from trainables.data.augmentation.policies import CIFAR10_POLICIES, SubPolicy
from trainables.data.transfer import to_device

Draw = Callable[[str], Generator]
"""Gives the generator, on the CPU, of a purpose: `crop`, `flip`, `autoaugment` or `cutout`."""


class EvalTransform:
    """Scales pixels by the mean and standard deviation of the training set, and changes nothing else."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self._scale = _Scale(mean, std)

    def __call__(self, images_BHWC: Tensor) -> Tensor:
        """Return x_BCHW, float32 in channels-last memory, of uint8 images."""
        return self._scale(images_BHWC)


class TrainTransform:
    """Random crop out of a margin, random flip, AutoAugment, scaling, then Cutout (arXiv:1708.04552).

    With AutoAugment (arXiv:1805.09501) the margin is grey, without it black. Images that were cut at random when they
    were decoded take no margin and the policies of ImageNet.
    """

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        crop_padding: int = 4,
        autoaugment: bool = False,
        policies: Sequence[SubPolicy] = CIFAR10_POLICIES,
        cutout: int = 0,
    ) -> None:
        self._scale = _Scale(mean, std)
        self._crop_padding = crop_padding
        self._autoaugment = AutoAugment(policies) if autoaugment else None
        self._cutout = cutout

    def __call__(self, images_BHWC: Tensor, draw: Draw, *, share: tuple[slice, int] | None = None) -> Tensor:
        """Return x_BCHW, float32 in channels-last memory, of uint8 images. The images are left as they are.

        `share`: which part of a batch of how many images these are; they are changed as they would be in all of it.
        """
        _, height, width, _ = images_BHWC.shape
        device = images_BHWC.device
        mine, batch = share or (slice(None), len(images_BHWC))
        offsets_B2 = torch.randint(0, 2 * self._crop_padding + 1, (batch, 2), generator=draw("crop"))[mine]
        flipped_B = torch.randint(0, 2, (batch,), generator=draw("flip")).bool()[mine]
        images_BHWC = crop_and_flip(
            images_BHWC,
            to_device(offsets_B2, device),
            to_device(flipped_B, device),
            padding=self._crop_padding,
            fill=GREY if self._autoaugment else 0,
        )
        if self._autoaugment:
            images_BHWC = self._autoaugment(images_BHWC, draw("autoaugment"), share=share)
        x_BCHW = self._scale(images_BHWC)
        if self._cutout:
            generator = draw("cutout")
            rows_B = torch.randint(0, height, (batch,), generator=generator)[mine]
            columns_B = torch.randint(0, width, (batch,), generator=generator)[mine]
            cut_out_(x_BCHW, to_device(torch.stack([rows_B, columns_B], dim=1), device), side=self._cutout)
        return x_BCHW


def crop_and_flip(images_BHWC: Tensor, offsets_B2: Tensor, flipped_B: Tensor, *, padding: int, fill: int = 0) -> Tensor:
    """Return each image, cut out of a margin of `padding` pixels and then flipped left to right where told.

    Args:
        fill: the margin's value in each colour.
        offsets_B2: row and column, 0 to 2 × padding, of the cut's upper left corner; `padding` leaves it in place.
        flipped_B: bool.
    """
    batch, height, width, colours = images_BHWC.shape
    device = images_BHWC.device
    high, wide = height + 2 * padding, width + 2 * padding
    margin_BHWC = images_BHWC.new_full((batch, high, wide, colours), fill)
    margin_BHWC[:, padding : padding + height, padding : padding + width] = images_BHWC
    column_W = torch.arange(width, device=device)
    columns_BW = offsets_B2[:, 1:] + torch.where(flipped_B[:, None], width - 1 - column_W, column_W)
    rows_BH = offsets_B2[:, :1] + torch.arange(height, device=device)
    rows_BH = rows_BH + high * torch.arange(batch, device=device)[:, None]
    pixels_BHW = wide * rows_BH[:, :, None] + columns_BW[:, None, :]
    # Whole pixels by one flat index: two to three times as fast on a CPU as an index for each dimension.
    return margin_BHWC.view(-1, colours).index_select(0, pixels_BHW.view(-1)).view(images_BHWC.shape)


def cut_out_(x_BCHW: Tensor, centres_B2: Tensor, *, side: int) -> Tensor:
    """Set a square of each image to zero, in place, clipped at the borders; return it.

    After scaling zero is the mean colour. An even `side` covers [centre - side/2, centre + side/2), as the released
    code does; that one cuts a square of side - 1 for an odd side, this one of side.
    """
    _, colours, height, width = x_BCHW.shape
    upper_B1, left_B1 = (centres_B2 - side // 2).split(1, dim=1)
    row_H = torch.arange(height, device=x_BCHW.device)
    column_W = torch.arange(width, device=x_BCHW.device).repeat_interleave(colours)
    rows_BH = (row_H >= upper_B1) & (row_H < upper_B1 + side)
    columns_BW = (column_W >= left_B1) & (column_W < left_B1 + side)
    # As it lies in memory; W stands for columns times colours. `view` refuses another layout.
    x_BHW = x_BCHW.permute(0, 2, 3, 1).view(len(x_BCHW), height, width * colours)
    x_BHW.masked_fill_(rows_BH[:, :, None] & columns_BW[:, None, :], 0.0)
    return x_BCHW


class _Scale:
    """Pixels to numbers: (value / 255 - mean) / std, in float32 and in this order."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        # 255 is a tensor because CUDA divides by a number as if it multiplied by the inverse, one rounding away.
        self._constants = (torch.tensor(255.0), torch.tensor(mean), torch.tensor(std))

    def __call__(self, images_BHWC: Tensor) -> Tensor:
        if self._constants[0].device != images_BHWC.device:
            highest, mean_C, std_C = self._constants
            device = images_BHWC.device
            self._constants = (highest.to(device), mean_C.to(device), std_C.to(device))
        highest, mean_C, std_C = self._constants
        x_BHWC = images_BHWC.to(torch.float32).div_(highest).sub_(mean_C).div_(std_C)
        return x_BHWC.permute(0, 3, 1, 2)
