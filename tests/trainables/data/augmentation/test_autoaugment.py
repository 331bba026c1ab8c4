"""AutoAugment on batches against PIL, one image at a time: choices, and every pixel of whole pipelines."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pil_autoaugment
import pytest
import torch
from PIL import Image
from torch import Generator, Tensor
from torchvision.transforms import functional as tv

from trainables.data.augmentation.autoaugment import AutoAugment, choose
from trainables.data.augmentation.image_operations import LEVELS, OPERATIONS
from trainables.data.augmentation.policies import CIFAR10_POLICIES, IMAGENET_POLICIES, SubPolicy
from trainables.data.augmentation.transforms import TrainTransform
from trainables.data.cache import Dataset
from trainables.loops import randomness


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def images_BHWC(mini: Dataset) -> Tensor:
    return torch.from_numpy(np.array(mini.train.images[:512]))


@pytest.mark.parametrize(
    ("policies", "count", "digest"),
    [
        (CIFAR10_POLICIES, 95, "a573bc9cba14341c78311c7ec4cb14890ce88164a68e87f5ab2e7b5da9e5b4ff"),
        (IMAGENET_POLICIES, 24, "6829f3abc8dd6a3be0ae2c46c52340a7af9951497a2e050cc28b4e82e65ac275"),
    ],
)
def test_the_policies_are_the_published_ones(policies: Sequence[SubPolicy], count: int, digest: str):
    """The digests are those of the lists as they were compared with the released code."""
    assert len(policies) == count
    assert hashlib.sha256(json.dumps(policies, separators=(",", ":")).encode()).hexdigest() == digest
    for name, chance, level in (step for policy in policies for step in policy):
        assert name in OPERATIONS
        assert 0 <= chance <= 1
        assert level in range(LEVELS)


def policy_by_pil(image: Image.Image, policy: SubPolicy, applied: list[bool], positive: list[bool]) -> Image.Image:
    for (name, _, level), is_applied, is_positive in zip(policy, applied, positive, strict=True):
        if is_applied:
            image = pil_autoaugment.apply(image, name, level, 1 if is_positive else -1)
    return image


def choices(policies: Sequence[SubPolicy], batch: int, generator: Generator) -> list[tuple]:
    chance_S2 = torch.tensor([[step[1] for step in policy] for policy in policies], dtype=torch.double)
    policy_B, applied_B2, positive_B2 = choose(chance_S2, batch, generator)
    return [(policies[i], *c) for i, *c in zip(policy_B, applied_B2.tolist(), positive_B2.tolist(), strict=True)]


@pytest.mark.parametrize("policies", [CIFAR10_POLICIES, IMAGENET_POLICIES], ids=["cifar10", "imagenet"])
def test_policies_equal_pil_for_the_same_choices(images_BHWC: Tensor, policies: Sequence[SubPolicy]):
    few_BHWC = images_BHWC[:256]

    found_BHWC = AutoAugment(policies)(few_BHWC, generator())

    chosen_B = choices(policies, 256, generator())
    pairs = zip(few_BHWC.numpy(), chosen_B, strict=True)
    expected_BHWC = np.stack([policy_by_pil(Image.fromarray(image_HWC), *chosen) for image_HWC, chosen in pairs])
    different = (found_BHWC.numpy() != expected_BHWC).any(axis=(1, 2, 3))
    assert [chosen for chosen, differs in zip(chosen_B, different, strict=True) if differs] == []


def test_batches_of_one_image_and_of_another_size_work_with_the_same_object(images_BHWC: Tensor):
    augment = AutoAugment(CIFAR10_POLICIES)

    for seed in range(20):
        image_BHWC = images_BHWC[seed : seed + 1, : 32 - seed]
        found_BHWC = augment(image_BHWC, generator(seed))

        expected = policy_by_pil(
            Image.fromarray(image_BHWC[0].numpy()), *choices(CIFAR10_POLICIES, 1, generator(seed))[0]
        )
        np.testing.assert_array_equal(found_BHWC[0].numpy(), np.asarray(expected))


def test_policies_are_drawn_alike_and_operations_with_their_probability():
    """95 policies × 400 images; operations that are never or always applied are among them."""
    chance_S2 = torch.tensor([[step[1] for step in policy] for policy in CIFAR10_POLICIES], dtype=torch.double)
    chance_S2[0] = torch.tensor([0.0, 1.0])

    policy_B, applied_B2, positive_B2 = choose(chance_S2, 95 * 400, generator())

    times_S = policy_B.bincount(minlength=95)
    assert times_S.min() > 300  # 400 expected, 20 the standard deviation
    assert times_S.max() < 500
    rate_S2 = torch.zeros(95, 2).index_add_(0, policy_B, applied_B2.float()) / times_S[:, None]
    assert (rate_S2 - chance_S2).abs().max() < 0.13  # 0.025 the standard deviation
    assert rate_S2[0].tolist() == [0, 1]
    for known_B2 in (positive_B2[applied_B2], positive_B2[~applied_B2], positive_B2[:, 0], positive_B2[:, 1]):
        assert abs(known_B2.float().mean() - 0.5) < 0.02
    both = (applied_B2[:, 0] == applied_B2[:, 1]).float().mean()
    expected = (chance_S2.prod(dim=1) + (1 - chance_S2).prod(dim=1)).mean()
    assert abs(both - expected) < 0.02  # the two operations of a policy are independent


# --------------------------------------------------------------------------------------------- the whole transform


def draws(*, seed: int = 0, epoch: int = 1, step: int = 0):
    return randomness.draws(seed=seed, trainable="test", epoch=epoch, step=step)


def test_the_whole_transform_equals_pil_for_the_same_draws(mini: Dataset, images_BHWC: Tensor):
    """Grey margin, crop, flip, policy, scaling, Cutout, in this order."""
    draw, mean, std = draws(), list(mini.info.mean), list(mini.info.std)
    images_BHWC, batch = images_BHWC[:128], 128
    offsets = torch.randint(0, 9, (batch, 2), generator=draw("crop")).tolist()
    flips = torch.randint(0, 2, (batch,), generator=draw("flip")).tolist()
    chosen = choices(CIFAR10_POLICIES, batch, draw("autoaugment"))
    cutout = draw("cutout")
    centres = zip(*(torch.randint(0, 32, (batch,), generator=cutout).tolist() for _ in range(2)), strict=True)

    found_BCHW = TrainTransform(mean, std, autoaugment=True, cutout=16)(images_BHWC, draw)

    for index, (row, column) in enumerate(centres):
        padded = tv.pad(Image.fromarray(images_BHWC[index].numpy()), [4], fill=128)
        image = tv.crop(padded, *offsets[index], 32, 32)
        image = policy_by_pil(tv.hflip(image) if flips[index] else image, *chosen[index])
        expected_CHW = tv.normalize(tv.to_tensor(image), mean, std)
        expected_CHW[:, max(row - 8, 0) : row + 8, max(column - 8, 0) : column + 8] = 0.0
        assert torch.equal(found_BCHW[index], expected_CHW)
    assert found_BCHW.is_contiguous(memory_format=torch.channels_last)


def test_results_are_a_function_of_seed_epoch_and_step(mini: Dataset, images_BHWC: Tensor):
    transform = TrainTransform(mini.info.mean, mini.info.std, autoaugment=True, cutout=16)
    before = images_BHWC[:64].clone()

    first = transform(before, draws(seed=3, epoch=5, step=7))
    state = torch.get_rng_state()
    for other in (draws(seed=4, epoch=5, step=7), draws(seed=3, epoch=6, step=7), draws(seed=3, epoch=5, step=8)):
        assert not torch.equal(transform(before, other), first)
    again = TrainTransform(mini.info.mean, mini.info.std, autoaugment=True, cutout=16)

    assert torch.equal(again(before, draws(seed=3, epoch=5, step=7)), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(before, images_BHWC[:64])


def test_autoaugment_is_drawn_apart_from_crops_flips_and_cutout(mini: Dataset, images_BHWC: Tensor):
    asked: list[str] = []

    def draw(purpose: str) -> Generator:
        asked.append(purpose)
        return generator()

    TrainTransform(mini.info.mean, mini.info.std, autoaugment=True, cutout=16)(images_BHWC[:2], draw)

    assert asked == ["crop", "flip", "autoaugment", "cutout"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_whole_transform_gives_the_same_bits_on_a_gpu_and_never_waits_for_it(mini: Dataset, images_BHWC: Tensor):
    transform = TrainTransform(mini.info.mean, mini.info.std, autoaugment=True, cutout=16)
    on_cpu, resident_BHWC = transform(images_BHWC, draws()), images_BHWC.cuda()
    transform(resident_BHWC, draws(seed=1))  # tables and constants go to the device once

    torch.cuda.set_sync_debug_mode("error")
    try:
        on_gpu = transform(resident_BHWC, draws())
    finally:
        torch.cuda.set_sync_debug_mode("default")

    assert torch.equal(on_gpu.cpu(), on_cpu)
