"""Writes images as Hugging Face datasets have them: Parquet files of encoded images and labels."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from trainables.data.parquet_folder import Images


def write_parquet(path: Path, split: Images) -> None:
    """Write one split: PNG bytes (lossless) and labels, class names in the metadata."""
    encoded = [_png(pixels) for pixels in split.images]
    write_encoded(path, encoded, split.labels, class_names=split.class_names or ())


def write_encoded(
    path: Path, encoded: Sequence[bytes], labels: npt.NDArray[np.int64], *, class_names: Sequence[str]
) -> None:
    """Write images that are encoded already, and their labels, as one file."""
    cells = [{"bytes": data, "path": None} for data in encoded]
    features = {"img": {"_type": "Image"}, "label": {"names": list(class_names), "_type": "ClassLabel"}}
    schema = pa.schema(
        [("img", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    table = pa.table({"img": cells, "label": labels.tolist()}, schema=schema)
    pq.write_table(table, path, compression="zstd", use_dictionary=False, write_statistics=False)


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
