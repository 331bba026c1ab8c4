"""Operations on batches against PIL, one real image at a time: every pixel."""

import numpy as np
import pytest
import torch
from pil_comparison import HIGH, LOW, assert_equal_to_pils, by_pil, cases
from torch import Generator, Tensor

from trainables.data.augmentation.image_operations import LEVELS, OPERATIONS, operate
from trainables.data.cache import Dataset
from trainables.errors import UnknownName


@pytest.fixture(scope="module")
def images_BHWC(mini: Dataset) -> Tensor:
    return torch.from_numpy(np.array(mini.train.images[:16]))


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_level_equals_pil(images_BHWC: Tensor, name: str):
    assert_equal_to_pils(images_BHWC[:8], range(LEVELS), [name])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (5, 2), (20, 32), (32, 21), (64, 96), (97, 64)])
def test_images_of_any_size_equal_pil(images_BHWC: Tensor, height: int, width: int):
    """Large ones are made of 4 × 4 real images."""
    large_HWC = images_BHWC[:16].view(4, 4, 32, 32, 3).permute(0, 2, 1, 3, 4).reshape(128, 128, 3)
    cut_BHWC = torch.stack([large_HWC[:height, :width], large_HWC[-height:, -width:]])

    assert_equal_to_pils(cut_BHWC, [HIGH])


@pytest.mark.parametrize("values", [[0], [255], [77], [0, 255], [254, 255], [100, 101, 102], list(range(256))])
def test_images_of_few_and_of_all_values_equal_pil(values: list[int]):
    """Tables that autocontrast and equalize could not fill, and results at both ends of the scale."""
    picked_BHWC = torch.randint(0, len(values), (4, 32, 32, 3), generator=Generator().manual_seed(0))
    few_BHWC = torch.tensor(values, dtype=torch.uint8)[picked_BHWC]

    assert_equal_to_pils(few_BHWC, [LOW, HIGH])


def test_an_image_with_a_rare_highest_value_is_equalized_as_by_pil():
    """Here PIL's table has entries above 255, which it cuts off."""
    image_HWC = torch.zeros(32, 32, 3, dtype=torch.uint8)
    image_HWC[:16], image_HWC[0, 0] = 100, 200

    np.testing.assert_array_equal(operate(image_HWC[None], "equalize", 0), by_pil(image_HWC[None], "equalize", 0, 1))


def test_operations_leave_their_images_as_they_are(images_BHWC: Tensor):
    before = images_BHWC[:4].clone()

    for name, level, sign in cases([HIGH]):
        operate(before, name, level, sign=sign).fill_(0)

    assert torch.equal(before, images_BHWC[:4])


@pytest.mark.parametrize(("name", "level", "sign"), cases([HIGH]))
def test_it_does_not_matter_how_images_lie_in_memory(images_BHWC: Tensor, name: str, level: int, sign: int):
    view_BHWC = images_BHWC[:4, ::2, 3:].transpose(1, 2)

    found_BHWC = operate(view_BHWC, name, level, sign=sign)

    assert torch.equal(found_BHWC, operate(view_BHWC.contiguous(), name, level, sign=sign))


def test_an_unknown_operation_is_named(images_BHWC: Tensor):
    with pytest.raises(UnknownName, match="unknown operation 'invret'; did you mean 'invert'"):
        operate(images_BHWC, "invret", 1)
