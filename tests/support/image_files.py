"""Images of many sizes, on disk in the ways that datasets of such are kept."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

METADATA = {"huggingface": '{"info": {"features": {"label": {"names": ["cat", "dog"]}}}}'}


def write_shards(source: Path, folder: Path) -> Path:
    """Write the images of `source/train/cat/cat-0.jpg` and so on, class by class in turn, as Parquet files.

    Half of the training images are in one file, half in another, the test images in a third. Returns the folder.
    """
    folder.mkdir(exist_ok=True)
    files = sorted(source.rglob("*.*"), key=lambda path: (path.stem[-1], path.stem))
    train, test = ([path for path in files if split in path.relative_to(source).parts] for split in ("train", "test"))
    half = len(train) // 2
    for name, paths in (("train-0000", train[:half]), ("train-0001", train[half:]), ("test-0000", test)):
        cells = [{"bytes": path.read_bytes(), "path": None} for path in paths]
        labels = pa.array([int(path.parent.name == "dog") for path in paths], pa.int64())
        table = pa.table({"image": cells, "label": labels})
        pq.write_table(table.replace_schema_metadata(METADATA), folder / f"{name}.parquet")
    return folder
