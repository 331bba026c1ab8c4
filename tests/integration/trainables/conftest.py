"""What the tests of whole runs share."""

from run_fixtures import mini, one_thread, result_of, resumes, small_cells, small_evaluations

__all__ = ["mini", "one_thread", "result_of", "resumes", "small_cells", "small_evaluations"]
