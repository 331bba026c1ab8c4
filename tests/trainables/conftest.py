"""What the tests of the two loops share."""

from run_fixtures import mini, one_thread, result_of, resumes, small_cells, small_evaluations, split
from stand_ins import small_network, small_supernet, varied_folder

__all__ = [
    "mini",
    "one_thread",
    "result_of",
    "resumes",
    "small_cells",
    "small_evaluations",
    "small_network",
    "small_supernet",
    "split",
    "varied_folder",
]
