"""Every operation on hundreds of real images equals PIL's, pixel by pixel."""

import numpy as np
import pytest
import torch
from pil_comparison import HIGH, LOW, by_pil, cases
from torch import Tensor

from trainables.data.augmentation.image_operations import operate
from trainables.data.cache import Dataset


@pytest.fixture(scope="module")
def images_BHWC(mini: Dataset) -> Tensor:
    return torch.from_numpy(np.array(mini.train.images[:512]))


@pytest.mark.parametrize(("name", "level", "sign"), cases([LOW, HIGH]))
def test_an_operation_equals_pil(images_BHWC: Tensor, name: str, level: int, sign: int):
    found_BHWC = torch.cat([operate(part_BHWC, name, level, sign=sign) for part_BHWC in images_BHWC.split(64)])

    np.testing.assert_array_equal(found_BHWC.numpy(), by_pil(images_BHWC, name, level, sign))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("name", "level", "sign"), cases([LOW, HIGH]))
def test_a_gpu_gives_the_same_pixels(images_BHWC: Tensor, name: str, level: int, sign: int):
    on_gpu = operate(images_BHWC.cuda(), name, level, sign=sign)

    assert torch.equal(on_gpu.cpu(), operate(images_BHWC, name, level, sign=sign))
