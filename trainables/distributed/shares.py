"""How a batch is shared: among the ranks of a trial, and by each rank among the parts that it computes in turn."""


def share(images: int, *, rank: int, ranks: int) -> slice:
    """Return the rank's share of a batch, or the part's of a share, as a slice of it.

    Contiguous, the first ones larger by one image where it does not divide.

    >>> [share(10, rank=rank, ranks=4) for rank in range(4)]
    [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None), slice(8, 10, None)]
    """
    each, more = divmod(images, ranks)
    start = rank * each + min(rank, more)
    return slice(start, start + each + (rank < more))


def share_problem(images: int, *, batch_size: int, ranks: int = 1, accumulate: int = 1) -> tuple[str, str] | None:
    """Return why batches of so many images cannot be shared, as (field, sentence); None when they can.

    `accumulate`: the parts in which each rank computes its share. Batch norm needs two images in each.
    """
    if ranks == accumulate == 1:
        return None
    last = images % batch_size or batch_size
    for batch, said in ((batch_size, "a batch"), (last, f"the last batch of {images} images")):
        if batch // ranks // accumulate < 2:
            if ranks == 1:
                most = f"in no more than {batch // 2} parts" if batch >= 4 else "in one part only"
                return "accumulate", f"{said} has {batch}, which can be computed {most}, for batch normalisation"
            parts = f" in each of its {accumulate} parts" if accumulate > 1 else ""
            needed = f"each of {ranks} ranks needs two of them{parts}"
            return "batch_size", f"{said} has {batch}, and {needed}, for batch normalisation"
    return None
