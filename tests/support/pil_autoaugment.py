"""AutoAugment of one image by PIL: what batches are compared with. Written from the operations' definitions alone."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from PIL.Image import Resampling, Transform

GREY = (128, 128, 128)


def apply(image: Image.Image, name: str, level: int, sign: int) -> Image.Image:
    """Return the image after one operation."""
    return _OPERATIONS[name](image, level, sign)


def levels(first: float, last: float) -> np.ndarray:
    return np.linspace(first, last, 10)


def affine(image: Image.Image, matrix: tuple[float, ...], resample: Resampling) -> Image.Image:
    return image.transform(image.size, Transform.AFFINE, matrix, resample, fillcolor=GREY)


def shear(image: Image.Image, level: int, sign: int, *, horizontal: bool) -> Image.Image:
    slope = sign * levels(0, 0.3)[level]
    return affine(image, (1, slope, 0, 0, 1, 0) if horizontal else (1, 0, 0, slope, 1, 0), Resampling.BICUBIC)


def translate(image: Image.Image, level: int, sign: int, *, horizontal: bool) -> Image.Image:
    fraction = sign * levels(0, 150 / 331)[level]
    width, height = image.size
    matrix = (1, 0, fraction * width, 0, 1, 0) if horizontal else (1, 0, 0, 0, 1, fraction * height)
    return affine(image, matrix, Resampling.NEAREST)


def rotate(image: Image.Image, level: int, sign: int) -> Image.Image:
    """Corners are transparent after the rotation, and grey shows through."""
    rotated = image.convert("RGBA").rotate(levels(0, 30)[level])
    return Image.composite(rotated, Image.new("RGBA", image.size, (*GREY, 128)), rotated).convert("RGB")


def enhance(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Callable[[Image.Image, int, int], Image.Image]:
    return lambda image, level, sign: kind(image).enhance(1 + sign * levels(0, 0.9)[level])


_OPERATIONS: dict[str, Callable[[Image.Image, int, int], Image.Image]] = {
    "shear_x": lambda image, level, sign: shear(image, level, sign, horizontal=True),
    "shear_y": lambda image, level, sign: shear(image, level, sign, horizontal=False),
    "translate_x": lambda image, level, sign: translate(image, level, sign, horizontal=True),
    "translate_y": lambda image, level, sign: translate(image, level, sign, horizontal=False),
    "rotate": rotate,
    "color": enhance(ImageEnhance.Color),
    "contrast": enhance(ImageEnhance.Contrast),
    "sharpness": enhance(ImageEnhance.Sharpness),
    "brightness": enhance(ImageEnhance.Brightness),
    "posterize": lambda image, level, sign: ImageOps.posterize(image, int(levels(8, 4).round()[level])),
    "solarize": lambda image, level, sign: ImageOps.solarize(image, levels(256, 0)[level]),
    "autocontrast": lambda image, level, sign: ImageOps.autocontrast(image),
    "equalize": lambda image, level, sign: ImageOps.equalize(image),
    "invert": lambda image, level, sign: ImageOps.invert(image),
    "cutout": lambda image, level, sign: image,
}
