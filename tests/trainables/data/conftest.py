"""What the tests of the data part share."""

from small_datasets import cache, make_images, parquet_folder, unpacked

__all__ = ["cache", "make_images", "parquet_folder", "unpacked"]
