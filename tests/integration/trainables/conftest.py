"""What the tests of whole runs share."""

from run_fixtures import mini, one_thread, result_of, resumes, small_cells, small_evaluations
from stand_ins import small_network, varied_folder

__all__ = [
    "mini",
    "one_thread",
    "result_of",
    "resumes",
    "small_cells",
    "small_evaluations",
    "small_network",
    "varied_folder",
]
