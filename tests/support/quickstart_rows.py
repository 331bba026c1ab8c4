"""The rows of a quickstart that ran once, for golden files and for what pages show: no weights, epochs or logs."""

import json
from functools import cache
from pathlib import Path

from orchestrator.document.experiment import load_experiment
from orchestrator.planning.plan import Plan, expand
from orchestrator.tables.table import Table, build
from trainables.catalog import CATALOG
from trainables.record.trial_folder import seal
from trainables.trial import TrialRow

ROWS = Path(__file__).parents[1] / "data" / "quickstart_rows.json"


@cache
def quickstart() -> tuple[Plan, dict[str, TrialRow]]:
    """Return its plan, and its rows by trial id."""
    rows = [TrialRow.from_json(data) for data in json.loads(ROWS.read_text())]
    return expand(load_experiment("quickstart"), CATALOG), {row.trial_id: row for row in rows}


def quickstart_table() -> Table:
    """Return its one table."""
    plan, rows = quickstart()
    return build(plan, rows, plan.tables[0])


def write_quickstart(storage: Path) -> None:
    """Write the rows into a storage."""
    for trial_id, row in quickstart()[1].items():
        folder = storage / "trials" / trial_id
        folder.mkdir(parents=True)
        (folder / "row.json").write_bytes(seal(row))
