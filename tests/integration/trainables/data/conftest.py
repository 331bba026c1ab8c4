"""What the slower tests of the data part share."""

from small_datasets import cache, make_images, parquet_folder

__all__ = ["cache", "make_images", "parquet_folder"]
