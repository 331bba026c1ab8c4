"""Which operations are compared with PIL's, and what PIL makes of a batch."""

from collections.abc import Collection, Sequence

import numpy as np
import pil_autoaugment
from PIL import Image
from torch import Tensor

from trainables.data.augmentation.image_operations import OPERATIONS, operate

LOW, HIGH = 2, 9
PARAMETERLESS = ("autocontrast", "equalize", "invert", "cutout")


def cases(levels: Sequence[int]) -> list[tuple[str, int, int]]:
    """Each operation at each of these levels and with each of its signs; once where it has neither."""
    return [
        (name, level, sign)
        for name, operation in OPERATIONS.items()
        for level in (levels[:1] if name in PARAMETERLESS else levels)
        for sign in ((-1, 1) if operation.signed else (1,))
    ]


def by_pil(images_BHWC: np.ndarray | Tensor, name: str, level: int, sign: int) -> np.ndarray:
    changed = [pil_autoaugment.apply(Image.fromarray(np.asarray(x)), name, level, sign) for x in images_BHWC]
    return np.stack([np.asarray(image) for image in changed])


def assert_equal_to_pils(
    images_BHWC: Tensor, levels: Sequence[int], names: Collection[str] = tuple(OPERATIONS)
) -> None:
    """Each of these operations gives what PIL gives, pixel by pixel."""
    compared = [case for case in cases(levels) if case[0] in names]
    assert {name for name, _, _ in compared} == {*names}
    for name, level, sign in compared:
        found_BHWC = operate(images_BHWC, name, level, sign=sign)
        np.testing.assert_array_equal(
            found_BHWC.numpy(), by_pil(images_BHWC, name, level, sign), err_msg=f"{name} {level} {sign}"
        )
