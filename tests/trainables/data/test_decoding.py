"""Encoded images, decoded and cut to one size."""

import hashlib
import io
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from trainables.data.decoding import (
    RATIO,
    SCALE,
    DamagedImage,
    Place,
    Wanted,
    decode_batch,
    middle,
    open_image,
    random_box,
    read_encoded,
)
from trainables.errors import DataError


def encoded(pixels: np.ndarray, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form)
    return buffer.getvalue()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def stored(path: Path, data: bytes) -> Place:
    path.write_bytes(data)
    return Place(path.name, str(path), 0, -1, hashlib.sha256(data).digest())


@given(st.integers(1, 600), st.integers(1, 600), st.integers(0, 2**64 - 1))
def test_a_random_part_lies_inside_and_depends_on_size_and_key_alone(width, height, key):
    left, upper, right, lower = random_box(width, height, key)

    assert 0 <= left < right <= width
    assert 0 <= upper < lower <= height
    assert random_box(width, height, key) == (left, upper, right, lower)


def test_random_parts_have_the_areas_and_shapes_of_torchvisions():
    """Mean and spread of area, ratio and centre agree with torchvision's own draws, within four standard errors."""
    ours = np.array([random_box(400, 300, key) for key in range(2000)], dtype=float)
    image = torch.empty(3, 300, 400)
    torch.manual_seed(0)
    theirs = []
    transform = v2.RandomResizedCrop(8, SCALE, RATIO)
    for _ in range(2000):
        box = transform.make_params([image])
        theirs.append([box["left"], box["top"], box["left"] + box["width"], box["top"] + box["height"]])

    for function in (area, ratio, lambda boxes: boxes[:, 0], lambda boxes: boxes[:, 1]):
        a, b = function(ours), function(np.array(theirs, dtype=float))
        assert abs(a.mean() - b.mean()) < 4 * math.hypot(a.std(), b.std()) / math.sqrt(len(a))
        assert a.std() == pytest.approx(b.std(), rel=0.1)
    assert area(ours).min() == pytest.approx(SCALE[0], abs=0.01)
    assert (ratio(ours) > RATIO[0] - 0.02).all()
    assert (ratio(ours) < RATIO[1] + 0.02).all()


def area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (400 * 300)


def ratio(boxes):
    return (boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1])


def test_of_an_image_too_narrow_for_any_ratio_the_middle_is_taken():
    assert random_box(1000, 30, 5) == (480, 0, 520, 30)
    assert random_box(30, 1000, 5) == (0, 480, 30, 520)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (61, 33), (20, 20), (31, 57)])
def test_pixels_equal_torchvisions(tmp_path, height, width):
    pixels = noise(height, width)
    image = Image.fromarray(pixels)
    place = stored(tmp_path / "a.png", encoded(pixels))
    left, upper, right, lower = random_box(width, height, 3)
    bilinear = v2.InterpolationMode.BILINEAR
    cut = F.resized_crop(image, upper, left, lower - upper, right - left, [28, 28], bilinear)
    whole = v2.Compose([v2.Resize(32, bilinear), v2.CenterCrop(28)])(image)

    images_BHWC, kept_B, damaged = decode_batch([Wanted(place, 3), Wanted(place, None)], 28)

    np.testing.assert_array_equal(images_BHWC[0], np.asarray(cut))
    np.testing.assert_array_equal(images_BHWC[1], np.asarray(whole))
    assert (kept_B.tolist(), damaged) == ([0, 1], [])


def test_at_full_size_the_shorter_side_becomes_256():
    seen: list[tuple[int, int]] = []

    class Watched(Image.Image):
        def resize(self, size, *args, **options):
            seen.append(size)
            return super().resize(size, *args, **options)

    image = Image.new("RGB", (500, 375))
    image.__class__ = Watched

    assert middle(image, 224).size == (224, 224)
    assert seen == [(341, 256)]


def test_damaged_images_are_left_out_and_named(tmp_path):
    good = stored(tmp_path / "good.jpg", encoded(noise(30, 40), "JPEG"))
    cut_short = stored(tmp_path / "short.jpg", encoded(noise(30, 40), "JPEG")[:300])
    garbage = stored(tmp_path / "garbage.png", b"no image at all")

    found = decode_batch([Wanted(place, 1) for place in (garbage, good, cut_short, good)], 16)

    assert found.images_BHWC.shape == (2, 16, 16, 3)
    assert found.kept_B.tolist() == [1, 3]
    assert [position for position, _ in found.damaged] == [0, 2]
    assert "garbage.png is no image that can be read" in found.damaged[0][1]
    assert "short.jpg is no image that can be read" in found.damaged[1][1]
    assert decode_batch([Wanted(garbage, 1)], 16).images_BHWC.shape == (0, 16, 16, 3)


def test_grey_is_taken_and_more_than_8_bits_are_not():
    grey = encoded(np.full((4, 5), 7, dtype=np.uint8))
    deep = encoded(np.full((4, 5), 700, dtype=np.uint16))

    np.testing.assert_array_equal(np.asarray(open_image(grey, "grey")), np.full((4, 5, 3), 7))
    with pytest.raises(DamagedImage, match="deep has pixels of more than 8 bits"):
        open_image(deep, "deep")


def test_a_part_of_a_file_is_an_image(tmp_path):
    data = encoded(noise(6, 6))
    (tmp_path / "many").write_bytes(b"before" + data + b"after")
    place = Place("row 1", str(tmp_path / "many"), 6, len(data), hashlib.sha256(data).digest())

    assert read_encoded(place) == data


def test_a_file_that_has_changed_or_is_gone_is_no_damaged_image(tmp_path):
    place = stored(tmp_path / "a.png", encoded(noise(6, 6)))
    (tmp_path / "a.png").write_bytes(encoded(noise(6, 6, seed=1)))
    with pytest.raises(DataError, match=r"a\.png has changed since its folder was read; run sharptune data fetch"):
        decode_batch([Wanted(place, 1)], 16)
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png cannot be read: No such file"):
        decode_batch([Wanted(place, 1)], 16)
