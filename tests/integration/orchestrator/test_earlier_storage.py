"""A storage of an earlier version is found, tabulated and finished by this one, under the ids that it has."""

import json
import shutil
from pathlib import Path

import pytest

from orchestrator.cli.main import invoke

EARLIER = Path(__file__).parents[2] / "data" / "earlier_storage"
STATES = {
    "search searched seed=0": ("ace75bcd6ff4", "done"),
    "search random seed=0": ("3fbefe314e91", "done"),
    "train searched p=1 seed=0": ("b0ffd7a3ab98", "done"),
    "train searched p=2 seed=0": ("9682d2ceea37", "resumable"),
    "train random p=1 seed=0": ("edc88528ccef", "done"),
    "train random p=2 seed=0": ("b8003735a4c5", "new"),
    "train random too fast seed=0": ("96564f90e01b", "failed"),
}


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """The storage, and the experiment beside it, in the working directory."""
    shutil.copytree(EARLIER, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def states(capsys) -> dict[str, tuple[str, str]]:
    capsys.readouterr()
    invoke(["plan", "earlier.yaml", "--json"])
    trials = json.loads(capsys.readouterr().out)["trials"]
    return {f"{trial['stage']} {trial['label']}": (trial["id"], trial["state"]) for trial in trials}


def values(table: dict) -> list[list[dict]]:
    """Return what is measured, of each cell of a table."""
    named = ("median", "low", "high", "n", "trials")
    return [[{name: cell[name] for name in named} for cell in row["cells"].values()] for row in table["rows"]]


def test_its_states_are_those_it_was_left_in(storage, capsys):
    assert states(capsys) == STATES


def test_without_it_what_a_random_choice_does_not_read_is_in_no_id(storage, capsys):
    shutil.rmtree("runs")
    new = states(capsys)

    assert {name for name in STATES if new[name][0] == STATES[name][0]} == {
        "search searched seed=0",
        "train searched p=1 seed=0",
        "train searched p=2 seed=0",
    }


def test_its_table_has_the_numbers_that_it_had_then(storage, capsys):
    capsys.readouterr()
    assert invoke(["table", "earlier.yaml", "--format", "json"]) == 0

    assert values(json.loads(capsys.readouterr().out)) == values(json.loads(Path("table.json").read_text()))


def test_a_run_finishes_it_and_says_which_checkpoint_it_cannot_use(storage, capsys):
    done = {
        name: Path("runs/trials", trial, "row.json").read_bytes()
        for name, (trial, at) in STATES.items()
        if at == "done"
    }

    assert invoke(["run", "earlier.yaml", "--runner", "local"]) == 1  # one had failed before

    said = capsys.readouterr().out
    assert "checkpoint 000001-0000001-0001.27fc5d0e is passed over: the state does not fit this trial" in said
    assert "searched seed=0 [ace75b]" not in said
    assert states(capsys) == {
        name: (trial, "failed" if at == "failed" else "done") for name, (trial, at) in STATES.items()
    }
    assert done == {name: Path("runs/trials", STATES[name][0], "row.json").read_bytes() for name in done}
    assert len(list(Path("runs/trials").iterdir())) == len(STATES)
