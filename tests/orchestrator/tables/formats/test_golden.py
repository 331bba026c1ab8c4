"""What a change of the tables' look changes is seen in files: the quickstart's table in every format."""

import pytest
from golden_tables import GOLDEN, golden_tables

from orchestrator.tables.formats.catalog import FORMATS


@pytest.mark.parametrize("name", [*(f"table.{form}" for form in FORMATS), "numbers.tex"])
def test_the_quickstarts_table_is_written_as_it_was(name):
    """A change that is meant is written by `tests/support/golden_tables.py`."""
    assert golden_tables()[name] == (GOLDEN / name).read_text()
