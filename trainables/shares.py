"""How the ranks of a trial share a batch, and which batches they cannot share."""

import math


def share(images: int, *, rank: int, ranks: int) -> slice:
    """Return the rank's share of a batch: contiguous, the first ones larger by one image where it does not divide.

    >>> [share(10, rank=rank, ranks=4) for rank in range(4)]
    [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None), slice(8, 10, None)]
    """
    each, more = divmod(images, ranks)
    start = rank * each + min(rank, more)
    return slice(start, start + each + (rank < more))


def share_problem(images: int, *, batch_size: int, ranks: int, accumulate: int = 1) -> str | None:
    """Return why ranks cannot share the batches of so many images, in a sentence; None when they can.

    `accumulate`: the parts in which each rank computes its share.
    """
    if ranks == 1:
        return None
    last = images % batch_size or batch_size
    for batch, said in ((batch_size, "a batch"), (last, f"the last batch of {images} images")):
        if min(_smallest_part(share, accumulate) for share in (batch // ranks, -(-batch // ranks))) < 2:
            parts = f" in each of its {accumulate} parts" if accumulate > 1 else ""
            return f"{said} has {batch}, and each of {ranks} ranks needs two of them{parts}, for batch normalisation"
    return None


def _smallest_part(images: int, parts: int) -> int:
    if images == 0:
        return 0
    size = math.ceil(images / parts)
    return images % size or size
