"""How the ranks of a trial share a batch, and which batches they cannot share."""


def share(images: int, *, rank: int, ranks: int) -> slice:
    """Return the rank's share of a batch: contiguous, the first ones larger by one image where it does not divide.

    >>> [share(10, rank=rank, ranks=4) for rank in range(4)]
    [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None), slice(8, 10, None)]
    """
    each, more = divmod(images, ranks)
    start = rank * each + min(rank, more)
    return slice(start, start + each + (rank < more))


def share_problem(images: int, *, batch_size: int, ranks: int) -> str | None:
    """Return why ranks cannot share the batches of so many images, in a sentence; None when they can."""
    if ranks == 1:
        return None
    last = images % batch_size or batch_size
    if batch_size >= 2 * ranks <= last:
        return None
    batch = f"the last batch of {images} images has {last}" if batch_size >= 2 * ranks else f"a batch has {batch_size}"
    return f"{batch}, and each of {ranks} ranks needs two of them, for batch normalisation"
