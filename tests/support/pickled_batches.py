"""The pickled files in which CIFAR-10 and CIFAR-100 are published."""

import struct

import numpy as np


def planes(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)).reshape(len(pixels), -1)


def python2_pickle(pixels: np.ndarray, **kinds: list[int]) -> bytes:
    """A pickle as Python 2 wrote the official files: protocol 2, byte strings, NumPy's old module names.

    `kinds` are the labels: CIFAR-10 has `labels`, CIFAR-100 two kinds. No more than 255 images.
    """
    data = planes(pixels)

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    dtype = b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    array += b"(K\x01" + b"K" + bytes([len(data)]) + b"M" + struct.pack("<H", 3072) + b"\x86" + dtype + b"\x89"
    array += b"T" + struct.pack("<I", data.nbytes) + data.tobytes() + b"tb"
    numbers = [
        text(name.encode()) + b"](" + b"".join(b"K" + bytes([label]) for label in kind) + b"e"
        for name, kind in kinds.items()
    ]
    return b"\x80\x02}(" + text(b"data") + array + b"".join(numbers) + b"u."
