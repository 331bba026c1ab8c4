"""Changes to whole batches of images, on the device where they lie; equal to PIL's to the last bit.

An operation takes uint8 images and a row of parameters for each of them, so that operations which differ in nothing but
parameters are one function: translations and rotations `move`, and what maps each pixel value to another `look_up`s.
Magnitudes and their ends are those of the released code of arXiv:1903.09900, after arXiv:1805.09501. What moves in from
outside is grey, 128.

Shape letters: B = images, H, W = pixels, N = all pixels of a batch, C = colours, V = the 256 values of a pixel,
P = parameters.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainables.errors import unknown_name

GREY = 128
LEVELS = 10
"""Magnitudes are written as 0 to 9."""

Apply = Callable[[Tensor, Tensor], Tensor]
"""From images_BHWC and the parameters_BP of each to new images_BHWC, all uint8."""


def operate(images_BHWC: Tensor, name: str, level: int, *, sign: int = 1) -> Tensor:
    """Return all images after one operation; `sign` is -1 or 1. Raises: UnknownName."""
    batch, height, width, _ = images_BHWC.shape
    found = operation(name)
    if found.apply is None:
        return images_BHWC.clone()
    parameters_P = found.parameters_of(level, sign, height, width).to(images_BHWC.device)
    return found.apply(images_BHWC, parameters_P.expand(batch, -1))


# ------------------------------------------------------------------------------------------------ moving pixels about


def move(images_BHWC: Tensor, matrix_BP: Tensor) -> Tensor:
    """Take each pixel from where its affine matrix says, the nearest one; see `_fixed_point`."""
    batch, height, width, _ = images_BHWC.shape
    a_B, b_B, c_B, d_B, e_B, f_B = matrix_BP[:, :, None, None].unbind(dim=1)
    column_W = _numbers(width, images_BHWC)
    row_H1 = _numbers(height, images_BHWC)[:, None]
    x_BHW = (a_B * column_W + (b_B * row_H1 + c_B)) >> 16
    y_BHW = (d_B * column_W + (e_B * row_H1 + f_B)) >> 16
    within_x_BHW, within_y_BHW = x_BHW.clamp(0, width - 1), y_BHW.clamp(0, height - 1)
    outside_BHW = (x_BHW != within_x_BHW).logical_or_(y_BHW != within_y_BHW)
    pixels_NC = _and_grey(images_BHWC)
    image_B11 = _numbers(batch, images_BHWC)[:, None, None]
    source_BHW = within_x_BHW.add_(within_y_BHW.add_(image_B11 * height).mul_(width))
    source_BHW.masked_fill_(outside_BHW, len(pixels_NC) - 1)
    return pixels_NC.index_select(0, source_BHW.view(-1)).view(images_BHWC.shape)


def shear_x(images_BHWC: Tensor, slope_B1: Tensor) -> Tensor:
    """Shift each row by slope × its height in the image, between pixels by the cubic through four of them.

    PIL's cubic has the parameter a = -1 (torch's own has -0.75), ends at the borders, and is cut off, not rounded.
    """
    batch, height, width, _ = images_BHWC.shape
    centre_W = _numbers(width, images_BHWC) + 0.5
    centre_H1 = (_numbers(height, images_BHWC) + 0.5)[:, None]
    x_BHW = centre_W + slope_B1[:, :, None] * centre_H1
    outside_BHW = (x_BHW < 0) | (x_BHW >= width)
    x_BHW = x_BHW - 0.5
    left_BHW = x_BHW.floor()
    t_BHWC = (x_BHW - left_BHW)[:, :, :, None].expand(images_BHWC.shape).contiguous()
    left_BHW = left_BHW.int()
    first_BH1 = (_numbers(batch * height, images_BHWC) * width).view(batch, height, 1)
    pixels_NC = _and_grey(images_BHWC).short()

    def tap(offset: int) -> Tensor:
        source_BHW = (left_BHW + offset).clamp_(0, width - 1).add_(first_BH1)
        source_BHW.masked_fill_(outside_BHW, len(pixels_NC) - 1)
        return pixels_NC.index_select(0, source_BHW.view(-1)).view(images_BHWC.shape)

    v0, v1, v2, v3 = tap(-1), tap(0), tap(1), tap(2)
    # In this order, since it is cut off: 127.99999 and 128 are two colours. Differences are whole and thus exact.
    y_BHWC = (v1 - v0 - v2 + v3) * t_BHWC
    y_BHWC.add_(2 * (v0 - v1) + v2 - v3).mul_(t_BHWC).add_(v2 - v0).mul_(t_BHWC).add_(v1)
    return _cut_off(y_BHWC)


def shear_y(images_BHWC: Tensor, slope_B1: Tensor) -> Tensor:
    """Shift each column by slope × its distance from the left; see `shear_x`."""
    return shear_x(images_BHWC.transpose(1, 2), slope_B1).transpose(1, 2)


def _numbers(count: int, like: Tensor) -> Tensor:
    return torch.arange(count, dtype=torch.int32, device=like.device)


def _and_grey(images_BHWC: Tensor) -> Tensor:
    """Return all pixels of all images, and as the last one the grey that stands outside."""
    return torch.cat(
        [images_BHWC.reshape(-1, images_BHWC.shape[3]), images_BHWC.new_full((1, images_BHWC.shape[3]), GREY)]
    )


# ----------------------------------------------------------------------------------------------------- mixing colours


def color(images_BHWC: Tensor, factor_B1: Tensor) -> Tensor:
    """Move each pixel away from its grey, or towards it where the factor is below 1."""
    grey_BHWC = _grey(images_BHWC)[:, :, :, None].expand(images_BHWC.shape).float()
    return _blend(grey_BHWC, images_BHWC.float(), factor_B1[:, :, None, None])


def sharpness(images_BHWC: Tensor, factor_B1: Tensor) -> Tensor:
    """Move each pixel away from the mean of its neighbourhood, in which it counts five times; borders stay."""
    x_BHWC = images_BHWC.float()
    smooth_BHWC = x_BHWC.clone()
    columns_BHWC = x_BHWC[:, :-2] + x_BHWC[:, 1:-1] + x_BHWC[:, 2:]
    sum_BHWC = columns_BHWC[:, :, :-2] + columns_BHWC[:, :, 1:-1] + columns_BHWC[:, :, 2:]
    inner_BHWC = x_BHWC[:, 1:-1, 1:-1]
    # Rounded; a sum of whole numbers is never so close to halfway that the division's rounding could matter.
    smooth_BHWC[:, 1:-1, 1:-1] = ((sum_BHWC + 4 * inner_BHWC) / 13 + 0.5).floor()
    return _blend(smooth_BHWC, x_BHWC, factor_B1[:, :, None, None])


def contrast(images_BHWC: Tensor, factor_B1: Tensor) -> Tensor:
    """Move each pixel away from the mean grey of its image."""
    pixels = images_BHWC.shape[1] * images_BHWC.shape[2]
    mean_B = (2 * _grey(images_BHWC).sum(dim=(1, 2)) + pixels) // (2 * pixels)
    values_V = torch.arange(256, device=images_BHWC.device, dtype=torch.float32)
    return look_up(images_BHWC, _blend(mean_B[:, None].float(), values_V, factor_B1))


def _grey(images_BHWC: Tensor) -> Tensor:
    """Return the luma of each pixel (ITU-R 601-2), int32, in PIL's fixed point."""
    red_BHW, green_BHW, blue_BHW = images_BHWC.int().unbind(dim=3)
    return (19595 * red_BHW + 38470 * green_BHW + 7471 * blue_BHW + 32768) >> 16


def _blend(from_: Tensor, to: Tensor, factor: Tensor) -> Tensor:
    """Return from_ + factor × (to - from_), cut off, uint8. In float32, as PIL has it, and never as one fused step."""
    return _cut_off((to - from_).mul_(factor).add_(from_))


def _cut_off(values: Tensor) -> Tensor:
    return values.clamp_(0, 255).to(torch.uint8)


# ---------------------------------------------------------------------------------------------------- mapping values


def look_up(images_BHWC: Tensor, table_BV: Tensor) -> Tensor:
    """Replace each pixel value by its image's entry; a table of 3 × 256 values has one part for each colour."""
    return _look_up(table_BV, _places(images_BHWC, table_BV.shape[1] // 256))


def autocontrast(images_BHWC: Tensor, _: Tensor) -> Tensor:
    """Stretch the values of each colour so that they reach from 0 to 255; a single value stays."""
    low_BC1 = images_BHWC.amin(dim=(1, 2))[:, :, None].double()
    span_BC1 = images_BHWC.amax(dim=(1, 2))[:, :, None] - low_BC1
    # A tensor divided by a tensor: a number divided by a tensor is computed as number × (1 / tensor).
    scale_BC1 = torch.full_like(span_BC1, 255.0) / span_BC1.clamp(min=1.0)
    values_V = torch.arange(256, device=images_BHWC.device, dtype=torch.double)
    table_BCV = torch.where(span_BC1 > 0, _cut_off(values_V * scale_BC1 - low_BC1 * scale_BC1), values_V.byte())
    return look_up(images_BHWC, table_BCV.flatten(1))


def equalize(images_BHWC: Tensor, _: Tensor) -> Tensor:
    """Make the values of each colour as frequent as each other, as far as a table can."""
    batch, height, width, colours = images_BHWC.shape
    places_BHWC = _places(images_BHWC, colours)
    count_BCV = torch.zeros(batch, colours, 256, dtype=torch.int32, device=images_BHWC.device)
    ones_N = torch.ones(1, dtype=torch.int32, device=images_BHWC.device).expand(places_BHWC.numel())
    count_BCV.view(-1).scatter_add_(0, places_BHWC.reshape(-1).long(), ones_N)
    highest_BC1 = images_BHWC.amax(dim=(1, 2))[:, :, None].long()
    step_BC1 = (height * width - count_BCV.gather(2, highest_BC1)) // 255
    below_BCV = count_BCV.cumsum(dim=2, dtype=torch.int32) - count_BCV
    table_BCV = ((below_BCV + step_BC1 // 2) // step_BC1.clamp(min=1)).clamp_(max=255)
    values_V = torch.arange(256, device=images_BHWC.device, dtype=torch.int32)
    return _look_up(torch.where(step_BC1 > 0, table_BCV, values_V).to(torch.uint8), places_BHWC)


def _places(images_BHWC: Tensor, parts: int) -> Tensor:
    """Return where, in flat tables of `parts` × 256 values for each image, each pixel's entry stands; int32."""
    tables = len(images_BHWC) * parts
    first_BP = torch.arange(0, tables * 256, 256, dtype=torch.int32, device=images_BHWC.device)
    return images_BHWC + first_BP.view(-1, 1, 1, parts)


def _look_up(table: Tensor, places_BHWC: Tensor) -> Tensor:
    return table.reshape(-1).index_select(0, places_BHWC.reshape(-1)).view(places_BHWC.shape)


# -------------------------------------------------------------------------------- what an operation's name stands for


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """A function, and the parameters that it takes at each magnitude."""

    apply: Apply | None
    """None changes nothing."""
    magnitudes: tuple[float, ...] = (0.0,) * LEVELS
    parameters: Callable[[float, int, int], Tensor] = lambda magnitude, height, width: torch.empty(0)
    """From a magnitude with its sign, height and width to parameters_P."""
    signed: bool = False

    def parameters_of(self, level: int, sign: int, height: int, width: int) -> Tensor:
        """Return parameters_P; the sign is ignored where the operation has none."""
        return self.parameters(self.magnitudes[level] * (sign if self.signed else 1), height, width)


def operation(name: str) -> Operation:
    """Return an operation. Raises: UnknownName."""
    if name not in OPERATIONS:
        raise unknown_name("operation", name, OPERATIONS)
    return OPERATIONS[name]


def _levels(first: float, last: float) -> tuple[float, ...]:
    return tuple(np.linspace(first, last, LEVELS).tolist())


def _slope(magnitude: float, height: int, width: int) -> Tensor:
    return torch.tensor([magnitude], dtype=torch.double)


def _factor(magnitude: float, height: int, width: int) -> Tensor:
    return torch.tensor([1.0 + magnitude], dtype=torch.float32)


def _fixed_point(a: float, b: float, c: float, d: float, e: float, f: float) -> Tensor:
    """Return, in 1/65536, the matrix that gives the place (ax + by + c, dx + ey + f) of a pixel's centre.

    PIL computes a translation in floating point instead. Places differ by less than 1/65536, while none of this
    file's translations comes closer than 1/2000 to a pixel's border.
    """
    matrix = (a, b, c + a * 0.5 + b * 0.5, d, e, f + d * 0.5 + e * 0.5)
    return torch.tensor([math.floor(x * 65536.0 + 0.5) for x in matrix], dtype=torch.int32)


def _translation_x(fraction: float, height: int, width: int) -> Tensor:
    return _fixed_point(1.0, 0.0, fraction * width, 0.0, 1.0, 0.0)


def _translation_y(fraction: float, height: int, width: int) -> Tensor:
    return _fixed_point(1.0, 0.0, 0.0, 0.0, 1.0, fraction * height)


def _rotation(degrees: float, height: int, width: int) -> Tensor:
    """Return the matrix of a rotation about the centre; its sines and cosines have the 15 decimals that PIL gives."""
    angle = math.radians(degrees)
    cosine, sine = round(math.cos(angle), 15), round(math.sin(angle), 15)
    x, y = width / 2, height / 2
    return _fixed_point(cosine, -sine, -cosine * x + sine * y + x, sine, cosine, -sine * x - cosine * y + y)


def _brightness_table(magnitude: float, height: int, width: int) -> Tensor:
    values_V = torch.arange(256, dtype=torch.float32)
    return _blend(torch.zeros(256), values_V, _factor(magnitude, height, width))


def _posterize_table(bits: float, height: int, width: int) -> Tensor:
    return torch.arange(256).bitwise_and(256 - 2 ** (8 - round(bits))).byte()


def _solarize_table(threshold: float, height: int, width: int) -> Tensor:
    values_V = torch.arange(256)
    return torch.where(values_V < threshold, values_V, 255 - values_V).byte()


_SHEAR, _TRANSLATION, _ENHANCEMENT = _levels(0, 0.3), _levels(0, 150 / 331), _levels(0, 0.9)

OPERATIONS = {
    "shear_x": Operation(apply=shear_x, magnitudes=_SHEAR, parameters=_slope, signed=True),
    "shear_y": Operation(apply=shear_y, magnitudes=_SHEAR, parameters=_slope, signed=True),
    "translate_x": Operation(apply=move, magnitudes=_TRANSLATION, parameters=_translation_x, signed=True),
    "translate_y": Operation(apply=move, magnitudes=_TRANSLATION, parameters=_translation_y, signed=True),
    "rotate": Operation(apply=move, magnitudes=_levels(0, 30), parameters=_rotation),
    "color": Operation(apply=color, magnitudes=_ENHANCEMENT, parameters=_factor, signed=True),
    "contrast": Operation(apply=contrast, magnitudes=_ENHANCEMENT, parameters=_factor, signed=True),
    "sharpness": Operation(apply=sharpness, magnitudes=_ENHANCEMENT, parameters=_factor, signed=True),
    "brightness": Operation(apply=look_up, magnitudes=_ENHANCEMENT, parameters=_brightness_table, signed=True),
    "posterize": Operation(apply=look_up, magnitudes=_levels(8, 4), parameters=_posterize_table),
    "solarize": Operation(apply=look_up, magnitudes=_levels(256, 0), parameters=_solarize_table),
    # All values lie above 0, the threshold that inverts everything.
    "invert": Operation(apply=look_up, parameters=_solarize_table),
    "autocontrast": Operation(apply=autocontrast),
    "equalize": Operation(apply=equalize),
    # The released code names it in its policies and leaves the image as it is.
    "cutout": Operation(apply=None),
}
"""Magnitudes: the slope of a shear; a translation's fraction of the image's size; degrees counterclockwise; what an
enhancement's factor has more or less than 1; bits kept; the threshold from which values are inverted."""
