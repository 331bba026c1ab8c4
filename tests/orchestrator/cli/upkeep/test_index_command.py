"""`sharptune index`, and what `verify` and `run` make of the index."""

import json
import os
from pathlib import Path

import pytest
from fakes import CATALOG
from many_rows import IDS, SPECS, finish_all, row_of, segments, write

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """Forty finished trials in `runs`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("orchestrator.rows.MANY", 20)
    storage = open_storage("runs")
    finish_all(storage)
    return storage


def test_it_says_how_many_rows_it_added_and_adds_them_once(storage, capsys):
    assert invoke(["index"], catalog=CATALOG) == 0
    assert invoke(["index", "--json"], catalog=CATALOG) == 0

    first, second = capsys.readouterr().out.split("\n", 1)
    assert first == f"{storage.uri}: 40 rows added to the index"
    assert json.loads(second) == {"storage": storage.uri, "added": 0, "noted": 0}
    assert len(segments(storage)) == 1


def test_check_counts_rows_of_files_that_are_others_now_and_finds_what_is_wrong(storage, capsys):
    invoke(["index"], catalog=CATALOG)
    write(storage, row_of(SPECS[0], 6.0), age=60)
    capsys.readouterr()

    assert invoke(["index", "--check"], catalog=CATALOG) == 0
    text = capsys.readouterr().out
    assert text == (
        f"{storage.uri}: the index has 40 rows in 1 segment, 1 of them of files that are no more, or others now; "
        "nothing is wrong\n"
    )
    name = segments(storage)[0]
    path = Path("runs/index", name)
    path.write_bytes(path.read_bytes()[:-1])
    assert invoke(["index", "--check"], catalog=CATALOG) == 1
    assert capsys.readouterr().out.splitlines()[0] == f"index/{name}: it is cut short or garbled"


def test_verify_counts_segments_and_names_one_that_is_damaged(storage, capsys):
    invoke(["index"], catalog=CATALOG)
    capsys.readouterr()
    assert invoke(["verify"], catalog=CATALOG) == 0
    assert "40 rows, 0 files, 0 checkpoints, 0 claims, 1 index segment, " in capsys.readouterr().out

    path = Path("runs/index", segments(storage)[0])
    path.write_bytes(b"PAR1")
    assert invoke(["verify"], catalog=CATALOG) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"index  {path.name}: it is cut short or garbled"
    assert said[2].strip() == f"delete {path.absolute()}; run, or sharptune index, writes it anew"


def test_a_row_of_a_trial_that_is_retried_or_pruned_is_shown_by_no_command(storage, capsys):
    invoke(["index"], catalog=CATALOG)
    (Path("runs/trials") / IDS[0] / "row.json").unlink()
    capsys.readouterr()

    invoke(["status", "--json"], catalog=CATALOG)
    shown = {each["id"]: each["state"] for each in json.loads(capsys.readouterr().out)["trials"]}
    assert shown.get(IDS[0]) != "done"
    assert list(shown.values()).count("done") == len(IDS) - 1


def test_prune_leaves_the_index_alone_but_for_what_killed_writers_left_there(storage, capsys):
    invoke(["index"], catalog=CATALOG)
    left = Path("runs/index/.tmp-nobody")
    left.write_bytes(b"half")
    os.utime(left, (1.7e9, 1.7e9))
    kept = segments(storage)

    assert invoke(["prune", "--yes"], catalog=CATALOG) == 0
    assert "1 file half written by a process that is dead, 4 B" in capsys.readouterr().out
    assert not left.exists()
    assert segments(storage) == kept


def test_a_merge_takes_the_trials_of_an_indexed_storage_and_not_its_index(storage, capsys):
    invoke(["index"], catalog=CATALOG)

    assert invoke(["merge", "runs", "--storage", "others"], catalog=CATALOG) == 0
    others = open_storage("others")
    assert len(Ledger(others).rows()) == len(IDS)
    assert segments(others) == []
