"""A dataset of arrays as one value that can be sent to another machine, and installed there."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trainables.data.cache import arrays_of, install
from trainables.data.catalog import EMBEDDED, DatasetInfo
from trainables.data.datasets import ensure, open_any
from trainables.data.files import FileDataset
from trainables.data.store import called, remedy
from trainables.errors import DataError


def pack(identity: str) -> dict[str, Any]:
    """Return a dataset as plain values and arrays, to be sent to another machine; of one kept as files no images.

    Raises: UnknownName; DataError.
    """
    dataset = open_any(identity)
    if isinstance(dataset, FileDataset):
        return {"info": dataset.info.to_json(), "arrays": None}
    return {"info": dataset.info.to_json(), "arrays": {name: np.asarray(a) for name, a in arrays_of(dataset).items()}}


def unpack(packed: Mapping[str, Any]) -> str:
    """Install what `pack` returned, and return its identity. Raises: DataError when it cannot be, or is damaged."""
    info = DatasetInfo.from_json(packed["info"])
    if info.name in EMBEDDED:
        ensure(info.name)
        return info.name
    if packed["arrays"] is None:
        raise DataError(
            f"{called(info.name)} is kept as files, which are not sent between machines; on each node "
            f"{remedy(info.name)}, or let SHARPTUNE_CACHE name a folder that all nodes share"
        )
    install(info, packed["arrays"])
    return info.name
