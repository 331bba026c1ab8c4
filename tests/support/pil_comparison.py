"""Which operations are compared with PIL's, and what PIL makes of a batch."""

from collections.abc import Sequence

import numpy as np
import pil_autoaugment
from PIL import Image
from torch import Tensor

from trainables.data.image_operations import OPERATIONS

LOW, HIGH = 2, 9
PARAMETERLESS = ("autocontrast", "equalize", "invert", "cutout")


def cases(levels: Sequence[int]) -> list[tuple[str, int, int]]:
    """Each operation at each of these levels and with each of its signs; once where it has neither."""
    return [
        (name, level, sign)
        for name, found in OPERATIONS.items()
        for level in (levels[:1] if name in PARAMETERLESS else levels)
        for sign in ((-1, 1) if found.signed else (1,))
    ]


def by_pil(images_BHWC: np.ndarray | Tensor, name: str, level: int, sign: int) -> np.ndarray:
    changed = [pil_autoaugment.apply(Image.fromarray(np.asarray(x)), name, level, sign) for x in images_BHWC]
    return np.stack([np.asarray(image) for image in changed])
