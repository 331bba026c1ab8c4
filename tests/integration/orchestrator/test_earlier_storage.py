"""A storage of an earlier version is found, tabulated and finished by this one, under the ids that it has."""

import json
import shutil
from pathlib import Path

import pytest

from orchestrator import load_rows
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
    """Return what is measured, of each cell of a table; nothing of one without a run."""
    named = ("median", "low", "high", "n", "trials")
    cells = [[cell if cell["n"] else {} for cell in row["cells"].values()] for row in table["rows"]]
    return [[{name: cell[name] for name in named if cell} for cell in row] for row in cells]


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

    table = json.loads(capsys.readouterr().out)
    assert values(table) == values(json.loads(Path("table.json").read_text()))
    sizes = {tuple(row["keys"].values()): row["cells"]["params"] for row in table["rows"]}
    for chosen in ("searched", "random"):  # of what has not run: as many as the same architecture had then
        assert sizes[chosen, "p=2"]["computed"].keys() == {STATES[f"train {chosen} p=2 seed=0"][0]}
        assert sizes[chosen, "p=2"]["median"] == sizes[chosen, "p=1"]["median"] > 0
    assert sizes["random", "too fast"]["median"] is None


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


VERSION_1 = Path(__file__).parents[2] / "data" / "storage_65f51e9"


@pytest.fixture
def version_1(tmp_path, monkeypatch):
    """A storage whose trials are of version 1, and the experiment beside it, in the working directory."""
    shutil.copytree(VERSION_1, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def test_rows_of_version_1_are_read_and_walked_back_under_their_own_ids(version_1, capsys):
    rows = load_rows("runs").set_index("trial_id")

    assert dict(rows["state"]) == {
        "c8a0f367d5d1": "done",
        "6c9f108bfd4b": "done",
        "813ac443e746": "done",
        "f367d10ff4cc": "failed",
    }
    assert set(rows["version"]) == {1}
    assert rows.loc["813ac443e746", "test_error"] == 90.0
    assert invoke(["status"]) == 1
    assert "f367d10ff4cc" in capsys.readouterr().out
    assert invoke(["logs", "813ac"]) == 0
    assert "done: " in capsys.readouterr().out
    assert invoke(["evaluate", "813ac", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recorded"] == 90.0


def test_version_2_is_not_version_1_and_says_so(version_1, capsys):
    """What single trials compute was put right in between, so their numbers never stand in one table."""
    assert {status for _, status in states(capsys).values()} == {"new"}
    assert invoke(["plan", "earlier.yaml"]) == 0
    assert "c8a0f367d5d1 is the same of version 1, whose results differ" in capsys.readouterr().out
    assert invoke(["table", "earlier.yaml", "--format", "json"]) == 0
    cells = [cell for row in json.loads(capsys.readouterr().out)["rows"] for cell in row["cells"].values()]
    assert {cell["n"] for cell in cells} == {0}


def test_version_1_is_tabulated_as_itself_when_asked_for(version_1, capsys):
    assert invoke(["table", "earlier.yaml", "--format", "json", "--trial-version", "1"]) == 0
    lines = json.loads(capsys.readouterr().out)["rows"]
    found = {tuple(line["keys"].values()): line["cells"] for line in lines}

    searched = found["searched", "p=1"]
    assert (searched["test_error"]["median"], searched["test_error"]["trials"]) == (90.0, ["813ac443e746"])
    assert searched["search.params"]["trials"] == ["c8a0f367d5d1"]
    assert found["random", "too fast"]["search.params"]["trials"] == ["6c9f108bfd4b"]
    assert found["searched", "p=2"]["test_error"]["n"] == 0
