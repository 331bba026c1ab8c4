"""Batched augmentation against torchvision and PIL, on real images and for the same draws: equal to the last bit."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor
from torchvision.transforms import functional as tv

from trainables.data.augmentation.transforms import EvalTransform, TrainTransform, crop_and_flip, cut_out_
from trainables.data.cache import Dataset

IMAGES = 200


@pytest.fixture(scope="module")
def images_BHWC(mini: Dataset) -> Tensor:
    return torch.from_numpy(np.array(mini.train.images[:IMAGES]))


def generators(seed: int = 0):
    """Returns a draw with one fixed generator for each purpose."""
    return lambda purpose: Generator().manual_seed(seed + sum(map(ord, purpose)))


def torchvision_crop_flip(image: np.ndarray, row: int, column: int, flipped: bool, padding: int) -> Image.Image:
    height, width, _ = image.shape
    padded = tv.pad(Image.fromarray(image), [padding])
    cropped = tv.crop(padded, row, column, height, width)
    return tv.hflip(cropped) if flipped else cropped


def cut_out_by_numpy(image_CHW: Tensor, row: int, column: int, side: int) -> Tensor:
    """The mask of arXiv:1708.04552's published code, for an even side."""
    _, height, width = image_CHW.shape
    mask = np.ones((height, width), np.float32)
    top, bottom = np.clip([row - side // 2, row + side // 2], 0, height)
    left, right = np.clip([column - side // 2, column + side // 2], 0, width)
    mask[top:bottom, left:right] = 0.0
    return image_CHW * torch.from_numpy(mask)


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_crop_and_flip_equal_torchvision(images_BHWC: Tensor, padding: int):
    generator = Generator().manual_seed(3)
    offsets_B2 = torch.randint(0, 2 * padding + 1, (IMAGES, 2), generator=generator)
    flipped_B = torch.rand(IMAGES, generator=generator) < 0.5

    found_BHWC = crop_and_flip(images_BHWC, offsets_B2, flipped_B, padding=padding)

    expected = [
        torchvision_crop_flip(image, row, column, bool(flipped), padding)
        for image, (row, column), flipped in zip(images_BHWC.numpy(), offsets_B2.tolist(), flipped_B, strict=True)
    ]
    np.testing.assert_array_equal(found_BHWC.numpy(), np.stack(expected))


def test_scaling_equals_torchvision(mini: Dataset, images_BHWC: Tensor):
    mean, std = list(mini.info.mean), list(mini.info.std)

    x_BCHW = EvalTransform(mean, std)(images_BHWC)

    expected = [tv.normalize(tv.to_tensor(Image.fromarray(image)), mean, std) for image in images_BHWC.numpy()]
    assert torch.equal(x_BCHW, torch.stack(expected))


def test_scaling_is_exact_for_every_pixel_value(mini: Dataset):
    values = torch.arange(256, dtype=torch.uint8)[None, :, None, None].expand(1, 256, 1, 3)

    x_BCHW = EvalTransform(mini.info.mean, mini.info.std)(values)

    expected = tv.normalize(tv.to_tensor(values[0].numpy()), list(mini.info.mean), list(mini.info.std))
    assert torch.equal(x_BCHW[0], expected)


@pytest.mark.parametrize("side", [2, 16, 40])
def test_cutout_equals_the_published_mask(side: int):
    generator = Generator().manual_seed(4)
    x_BCHW = torch.randn(IMAGES, 3, 32, 32, generator=generator).to(memory_format=torch.channels_last)
    centres_B2 = torch.randint(0, 32, (IMAGES, 2), generator=generator)
    expected = [cut_out_by_numpy(x, *c, side) for x, c in zip(x_BCHW.clone(), centres_B2.tolist(), strict=True)]

    assert torch.equal(cut_out_(x_BCHW, centres_B2, side=side), torch.stack(expected))


def test_an_odd_cutout_is_as_wide_as_it_says():
    x_BCHW = torch.ones(1, 3, 32, 32).to(memory_format=torch.channels_last)

    cut_out_(x_BCHW, torch.tensor([[16, 16]]), side=5)

    assert (x_BCHW[0, 0] == 0).sum() == 25


def test_the_whole_transform_equals_torchvision_for_the_same_draws(mini: Dataset, images_BHWC: Tensor):
    draw, mean, std = generators(), list(mini.info.mean), list(mini.info.std)
    offsets = torch.randint(0, 9, (IMAGES, 2), generator=draw("crop")).tolist()
    flips = torch.randint(0, 2, (IMAGES,), generator=draw("flip")).tolist()
    cutout = draw("cutout")
    rows = torch.randint(0, 32, (IMAGES,), generator=cutout).tolist()
    columns = torch.randint(0, 32, (IMAGES,), generator=cutout).tolist()

    found_BCHW = TrainTransform(mean, std, cutout=16)(images_BHWC, draw)

    expected = []
    for index, image in enumerate(images_BHWC.numpy()):
        cropped = torchvision_crop_flip(image, *offsets[index], bool(flips[index]), 4)
        scaled = tv.normalize(tv.to_tensor(cropped), mean, std)
        expected.append(cut_out_by_numpy(scaled, rows[index], columns[index], 16))
    assert torch.equal(found_BCHW, torch.stack(expected))


def test_the_margin_is_black_before_scaling_and_cutout_is_the_mean_after_it(mini: Dataset):
    images_BHWC = torch.full((64, 32, 32, 3), 200, dtype=torch.uint8)
    mean, std = torch.tensor(mini.info.mean), torch.tensor(mini.info.std)

    x_BCHW = TrainTransform(mini.info.mean, mini.info.std, cutout=8)(images_BHWC, generators())

    black, grey = -mean / std, (torch.tensor(200 / 255) - mean) / std
    for channel in range(3):
        expected = torch.stack([black[channel], torch.tensor(0.0), grey[channel]])
        torch.testing.assert_close(x_BCHW[:, channel].unique().sort().values, expected.sort().values)


def test_results_depend_on_nothing_but_the_generators(mini: Dataset, images_BHWC: Tensor):
    transform = TrainTransform(mini.info.mean, mini.info.std, cutout=16)
    before = images_BHWC.clone()

    first = transform(images_BHWC, generators())
    torch.rand(5)
    second = TrainTransform(mini.info.mean, mini.info.std, cutout=16)(images_BHWC, generators())
    other = transform(images_BHWC, generators(seed=1))

    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(images_BHWC, before)


def test_crops_flips_and_cutout_are_drawn_apart(mini: Dataset, images_BHWC: Tensor):
    """Turning Cutout on changes no crop; another crop changes no flip."""
    mean, std = mini.info.mean, mini.info.std
    plain = TrainTransform(mean, std)(images_BHWC, generators())
    cut = TrainTransform(mean, std, cutout=16)(images_BHWC, generators())
    asked: list[str] = []

    def draw(purpose: str) -> Generator:
        asked.append(purpose)
        return Generator()

    TrainTransform(mean, std)(images_BHWC, draw)

    assert torch.equal(cut[cut != 0], plain[cut != 0])
    assert asked == ["crop", "flip"]


def test_every_offset_and_both_directions_come_up_alike():
    """4,050 images: each of 81 offsets about 50 times, half of them flipped."""
    position_HWC = (torch.arange(16).view(4, 4, 1) + 1).expand(4, 4, 3).to(torch.uint8)
    images_BHWC = position_HWC.expand(4050, 4, 4, 3)
    transform = TrainTransform((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), crop_padding=1)

    x_BCHW = transform(images_BHWC, generators())

    kinds, counts = (x_BCHW * 255).round().flatten(1).unique(dim=0, return_counts=True)
    assert len(kinds) == 9 * 2
    assert counts.min() > 150  # 225 expected, 15 the standard deviation
    assert counts.max() < 300


def test_cutout_centres_reach_every_pixel(mini: Dataset):
    images_BHWC = torch.full((6000, 4, 4, 3), 255, dtype=torch.uint8)
    transform = TrainTransform((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), crop_padding=0, cutout=1)

    x_BCHW = transform(images_BHWC, generators())

    times_HW = (x_BCHW[:, 0] == 0).sum(dim=0)
    assert times_HW.sum() == 6000
    assert times_HW.min() > 280  # 375 expected, 19 the standard deviation
    assert times_HW.max() < 470


def test_results_lie_in_channels_last_memory(mini: Dataset, images_BHWC: Tensor):
    for x_BCHW in (
        EvalTransform(mini.info.mean, mini.info.std)(images_BHWC),
        TrainTransform(mini.info.mean, mini.info.std, cutout=16)(images_BHWC, generators()),
    ):
        assert (x_BCHW.shape, x_BCHW.dtype) == ((IMAGES, 3, 32, 32), torch.float32)
        assert x_BCHW.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_gives_the_same_bits(mini: Dataset, images_BHWC: Tensor):
    transform = TrainTransform(mini.info.mean, mini.info.std, cutout=16)

    on_cpu = transform(images_BHWC, generators())
    on_gpu = transform(images_BHWC.cuda(), generators())

    assert torch.equal(on_gpu.cpu(), on_cpu)
