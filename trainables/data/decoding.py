"""Encoded images, decoded and cut to one size. Free of torch, so that a process that only decodes starts at once.

For training an image is cut as in torchvision's `RandomResizedCrop`, for evaluation as in its `Resize` and
`CenterCrop`; the pixels equal theirs on PIL images, for the same choices.

Shape letters: B = images, H, W = pixels, C = colours, T = tries.
"""

import hashlib
import io
import math
import os
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from trainables.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "PPM", "WEBP", "GIF", "TIFF")
SCALE = (0.08, 1.0)
"""The part of an image's area that a random crop has."""
RATIO = (3 / 4, 4 / 3)
"""Its width divided by its height."""
TRIES = 10
"""Crops that do not fit into the image are drawn again, so often in all."""

Box: TypeAlias = tuple[int, int, int, int]
"""Left, upper, right and lower, in pixels."""


class DamagedImage(DataError):
    """An image that cannot be decoded."""


class Place(NamedTuple):
    """Where an encoded image lies."""

    name: str
    """What a person calls it."""
    path: str
    offset: int
    length: int
    """Bytes from there on; -1 for all of the file."""
    sha256: bytes
    """The digest of these bytes."""


class Wanted(NamedTuple):
    """An image to be decoded."""

    place: Place
    key: int | None
    """Whatever the random crop depends on, 64 bits; None for the crop in the middle."""


class Decoded(NamedTuple):
    """Images of a batch that could be read."""

    images_BHWC: npt.NDArray[np.uint8]
    kept_B: npt.NDArray[np.int64]
    """Their places in the batch that was asked for, ascending."""
    damaged: list[tuple[int, str]]
    """The places of the others, with a sentence that names the image and says what is wrong with it."""


def decode_batch(wanted: Sequence[Wanted], size: int) -> Decoded:
    """Return images of `size` × `size` pixels. Raises: DataError for a file that is gone or has changed."""
    pixels: list[npt.NDArray[np.uint8]] = []
    kept: list[int] = []
    damaged: list[tuple[int, str]] = []
    for position, (place, key) in enumerate(wanted):
        data = read_encoded(place)
        try:
            image = open_image(data, place.name)
        except DamagedImage as error:
            damaged.append((position, str(error)))
            continue
        cut = middle(image, size) if key is None else image.crop(random_box(image.width, image.height, key))
        pixels.append(np.asarray(cut if cut.size == (size, size) else _resized(cut, size, size)))
        kept.append(position)
    images_BHWC = np.stack(pixels) if pixels else np.empty((0, size, size, 3), dtype=np.uint8)
    return Decoded(images_BHWC=images_BHWC, kept_B=np.array(kept, dtype=np.int64), damaged=damaged)


def read_encoded(place: Place) -> bytes:
    """Return an image's bytes. Raises: DataError when they are not those that were there when it was listed."""
    try:
        with open(place.path, "rb", buffering=0) as file:  # noqa: PTH123  (a Path for each of millions costs more)
            data = os.pread(file.fileno(), place.length, place.offset) if place.length >= 0 else file.readall()
    except OSError as error:
        raise DataError(f"{place.name} cannot be read: {error.strerror}; {_AGAIN}") from error
    if hashlib.sha256(data).digest() != place.sha256:
        raise DataError(f"{place.name} has changed since its folder was read; {_AGAIN}")
    return data


_AGAIN = "run sharptune data fetch again, with the folder of the dataset"


def open_image(data: bytes, where: str) -> Image.Image:
    """Return an encoded image, decoded to RGB; grey becomes three equal channels. Raises: DamagedImage."""
    if not data:
        raise DamagedImage(f"{where} is no image that can be read: it is empty")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.mode[0] in "IF":
                raise DamagedImage(f"{where} has pixels of more than 8 bits, which are not supported")
            return image.convert("RGB")
    except DamagedImage:
        raise
    except UnidentifiedImageError as error:  # whose own words hold an address in memory
        raise DamagedImage(f"{where} is no image that can be read: it has no known format") from error
    except Exception as error:  # garbage can make a decoder raise anything
        raise DamagedImage(f"{where} is no image that can be read: {error}") from error


def decode_image(data: bytes, where: str) -> npt.NDArray[np.uint8]:
    """Return an encoded image's pixels, shape (height, width, 3). Raises: DamagedImage."""
    return np.asarray(open_image(data, where))


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return an encoded image's width and height by what its head says; None where that cannot be read."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return image.size
    except Exception:  # garbage can make a decoder raise anything
        return None


def random_box(width: int, height: int, key: int) -> Box:
    """Return a random part of an image, a function of its size and the key alone.

    Its area is uniform in SCALE, the logarithm of its ratio in that of RATIO; what does not fit in TRIES tries is the
    largest part in the middle whose ratio is allowed (arXiv:1409.4842, as torchvision has it).
    """
    draws_T4 = np.random.Generator(np.random.Philox(key=key)).random((TRIES, 4))
    least, most = math.log(RATIO[0]), math.log(RATIO[1])
    for scale, ratio, down, right in draws_T4.tolist():
        area = width * height * (SCALE[0] + scale * (SCALE[1] - SCALE[0]))
        shape = math.exp(least + ratio * (most - least))
        wide, tall = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < wide <= width and 0 < tall <= height:
            left, upper = int(right * (width - wide + 1)), int(down * (height - tall + 1))
            return left, upper, left + wide, upper + tall
    wide = min(width, round(height * RATIO[1]))
    tall = min(height, round(width / RATIO[0]))
    left, upper = (width - wide) // 2, (height - tall) // 2
    return left, upper, left + wide, upper + tall


def middle(image: Image.Image, size: int) -> Image.Image:
    """Return the middle `size` × `size` pixels of an image whose shorter side was made 256/224 of that."""
    short = round(size * 256 / 224)
    if image.width <= image.height:
        image = _resized(image, short, int(short * image.height / image.width))
    else:
        image = _resized(image, int(short * image.width / image.height), short)
    left, upper = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, upper, left + size, upper + size))


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.BILINEAR)
