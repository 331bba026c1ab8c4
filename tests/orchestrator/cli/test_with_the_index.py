"""Commands print the same with the index as without, to the byte."""

import dataclasses
import json

import pytest
from command_line import CHAINS, call, planned
from many_rows import row_of, segments, write
from meddling import MeddledStorage

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage
from trainables.trial import artifact_digest

GENOTYPE = ["z", "a"]
COMMANDS = {
    "plan": ("plan", "many.yaml"),
    "plan as JSON": ("plan", "many.yaml", "--json"),
    "status": ("status", "many.yaml"),
    "status of the storage": ("status",),
    "table": ("table", "many.yaml"),
    "table explained": ("table", "many.yaml", "--explain"),
    "table as JSON": ("table", "many.yaml", "--format", "json"),
    "run": ("run", "many.yaml", "--runner", "local"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two roots and their sixty children, of which one is left to be run, one failed, and one is of another parent."""
    folder = tmp_path_factory.mktemp("many")
    seeds = json.dumps(list(range(15)))
    (folder / "many.yaml").write_text(CHAINS.replace("seed: [0]}", f"seed: {seeds}}}").replace("chains", "many"))
    storage = open_storage(folder / "runs")
    trials = planned(folder / "many.yaml")
    for number, trial in enumerate(trials[:-1]):
        digest = artifact_digest("of another" if number == 7 else GENOTYPE)
        row = row_of(trial.spec, 10.0 + number, state="failed" if number == 5 else "done")
        row = dataclasses.replace(
            row,
            metrics={"error": 10.0 + number, "error_best": 9.5 + number},
            artifacts={"genotype": GENOTYPE},
            parents={parent: {"genotype": digest} for parent in trial.parents},
        )
        write(storage, row)
    return folder


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_a_command_prints_the_same_with_the_index_and_without(words, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setattr("orchestrator.rows.MANY", 20)
    storage = open_storage("runs")
    for name in segments(storage):
        storage.delete(f"index/{name}")
    if words[0] == "run":
        call(capsys, *words)  # what is left to be run
    plain = call(capsys, *words)
    for name in segments(storage):
        storage.delete(f"index/{name}")
    assert " rows added to the index" in call(capsys, "index").out

    assert call(capsys, *words) == plain
    assert len(plain.out) > 50


def test_the_states_of_many_trials_are_read_from_the_index(place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setattr("orchestrator.rows.MANY", 20)
    call(capsys, "index")
    counted = MeddledStorage(open_storage("runs"), lambda *operation: None)
    specs = [trial.spec for trial in planned(place / "many.yaml")]

    states = Ledger(counted).states(specs)
    assert [states[spec.trial_id].state for spec in specs].count("done") >= 40
    assert counted.counts["read"] < 20
