"""`sharptune prune`: what goes, what stays whatever is asked, and that a kill in the middle leaves a sound record."""

import dataclasses
import io
import itertools
import json
import shutil
import sys
from pathlib import Path

import fakes
import pytest
from command_line import CHAINS, call, planned, rows
from meddling import MeddledStorage

from orchestrator.ledger import Ledger
from orchestrator.upkeep.prune import delete, useless
from orchestrator.upkeep.verify import verify
from trainables.record.claims import Process
from trainables.record.local_storage import FRESH
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder

KEPT = CHAINS.replace("epochs: 3", "epochs: 1").replace(
    "    grid: {width", "    keep_checkpoints: true\n    grid: {width"
)
ONE = KEPT.replace("seed: [0, 1]", "seed: [0]").replace("width: [1, 2]", "width: [2]")
"""Of KEPT's trials, a root and its child."""
YES = ("--yes",)


def everything(trials: Path) -> dict[str, bytes]:
    root = trials.parent
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def freed(result) -> set[str]:
    return {file["path"] for file in result.json["files"]}


@pytest.fixture
def prune(capsys):
    return lambda *arguments: call(capsys, "prune", *arguments)


@pytest.fixture
def littered(copied) -> Path:
    """The storage of six trials, of which four kept a checkpoint, with what accidents leave behind."""
    trials = copied(KEPT)
    root = trials / planned(Path("chains.yaml"))[0].trial_id
    dead = dataclasses.replace(Process.current(), pid=2**22 + 1, started="1")
    (root / "weights-last.0001.0123abcd.safetensors").write_bytes(b"12345")
    (root / "output.0001.0123abcd.txt").write_bytes(b"evidence")
    (root / "checkpoints").mkdir(exist_ok=True)
    (root / "checkpoints/refused-000001-0000000-0001.0123abcd").write_bytes(b"123")
    (root / f"{FRESH}{dead.mark}-9").write_bytes(b"1234567")
    (root / f"{FRESH}{Process.current().mark}-9").write_bytes(b"of somebody who writes")
    return trials


def test_what_nobody_needs_goes_and_no_row_does(littered, prune):
    before, found = everything(littered), rows()
    result = prune("--yes", "--json")
    after = everything(littered)

    names = sorted(path.split("/", 2)[2] for path in freed(result))
    assert result.code == 0
    assert set(before) - set(after) == freed(result)
    assert [name.split("-")[0] for name in names] == [
        ".tmp",
        *["checkpoints/000001"] * 4,
        "checkpoints/refused",
        "weights",
    ]
    assert result.json["bytes"] == sum(len(before[path]) for path in freed(result))
    assert {path: before[path] for path in after} == after
    assert rows() == found
    assert prune("--yes").out == f"{littered.parent}: nothing to prune\n"


def test_a_dry_run_shows_what_goes_with_its_bytes_and_deletes_nothing(littered, prune):
    before = everything(littered)
    result = prune("--dry-run")
    root = planned(Path("chains.yaml"))[0].trial_id

    assert (result.code, result.err) == (0, "")
    assert f"{root}  chains: root seed=0  1 file left by an attempt that was killed or taken over, 5 B\n" in result.out
    assert f"{root}  chains: root seed=0  1 file half written by a process that is dead, 7 B\n" in result.out
    assert f"{root}  chains: root seed=0  1 refused checkpoint, 3 B\n" in result.out
    assert result.out.count("  1 useless checkpoint, ") == 4
    assert result.out.splitlines()[-1].endswith("B can be deleted")
    assert everything(littered) == before
    assert prune("--dry-run", "--json").json["deleted"] is False


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_without_a_terminal_it_wants_to_be_told_yes(littered, prune, form):
    before = everything(littered)
    result = prune(*form)

    assert result.code == 2
    assert "--yes deletes this" in result.err
    assert "weights-last.0001.0123abcd" in result.out or "left by an attempt" in result.out
    assert everything(littered) == before


@pytest.mark.parametrize(("answer", "gone"), [("n\n", 0), ("y\n", 7)])
def test_on_a_terminal_it_asks(littered, capsys, monkeypatch, answer, gone):
    before = everything(littered)
    terminal = io.StringIO(answer)
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)

    result = call(capsys, "prune")

    assert result.code == 0
    assert "Delete this? [y/N]" in result.out
    assert len(before) - len(everything(littered)) == gone
    assert ("B deleted\n" in result.out) == bool(gone)


def test_trials_that_no_named_experiment_asks_for_go_as_a_whole(littered, prune):
    Path("one.yaml").write_text(ONE)
    stay = {trial.trial_id for trial in planned(Path("one.yaml"))}
    go = {trial.trial_id for trial in planned(Path("chains.yaml"))} - stay
    found = rows()

    result = prune("one.yaml", "--dry-run")
    assert prune("one.yaml", *YES).out.splitlines()[:-1] == result.out.splitlines()
    assert {line.split()[0] for line in result.out.splitlines() if "none of these experiments" in line} == go
    assert {path.name for path in littered.iterdir()} == stay
    assert len(go) == 4
    assert rows() == {trial_id: row for trial_id, row in found.items() if trial_id in stay}
    assert prune("chains.yaml", "one.yaml", *YES).out.endswith("nothing to prune\n")


def test_of_two_named_experiments_both_keep_theirs(littered, prune):
    Path("one.yaml").write_text(ONE)

    assert "none of these experiments" not in prune("one.yaml", "chains.yaml", "--dry-run").out


def test_what_an_earlier_version_found_is_asked_for_too(littered, capsys, monkeypatch):
    newer = {"chain": dataclasses.replace(fakes.CHAIN, version=2)}
    monkeypatch.setattr(fakes, "CATALOG", newer)

    assert "none of these experiments" not in call(capsys, "prune", "chains.yaml", "--dry-run").out


def test_nothing_of_a_trial_that_is_worked_on_goes_nor_of_its_ancestors(littered, prune):
    Path("one.yaml").write_text(ONE)
    worked = planned(Path("chains.yaml"))[-1]
    (littered / worked.trial_id / "row.json").unlink()
    TrialFolder(open_storage("runs"), worked.trial_id).claims.acquire(driver="a", driver_process=Process.current())
    before = everything(littered)

    result = prune("one.yaml", "--json", *YES)

    gone = {file["trial"] for file in result.json["files"] if "none of" in file["why"]}
    assert gone
    assert not gone & {worked.trial_id, *worked.parents}
    assert {path for path in before if worked.trial_id in path} <= set(everything(littered))


def test_a_trial_that_is_taken_up_meanwhile_stays(littered):
    ledger = Ledger(open_storage("runs"))
    found = useless(ledger, asked=set())
    taken = found[-1].trial
    ledger.folder(taken).claims.acquire(driver="a", driver_process=Process.current())
    before = {path for path in everything(littered) if taken in path}

    gone = {each.trial for each in delete(ledger, found)}

    assert taken not in gone
    assert len(gone) == 5
    assert before <= set(everything(littered))


def test_rows_that_were_set_aside_go_only_when_asked(littered, prune):
    root = littered / planned(Path("chains.yaml"))[0].trial_id
    row = (root / "row.json").read_bytes()
    attempt = json.loads(row)["files"]["predictions.npz"]["path"]
    other = attempt.replace("0001.", "0007.")
    (root / "row.json.damaged-1").write_bytes(row.replace(attempt.encode(), other.encode()))
    shutil.copy(root / attempt, root / other)

    prune(*YES)
    assert (root / "row.json.damaged-1").exists()
    assert (root / other).exists()

    result = prune("--archived", "--json", *YES)
    assert freed(result) == {f"trials/{root.name}/{name}" for name in ("row.json.damaged-1", other)}


def test_what_is_no_trial_and_what_still_may_go_on_stays(copied, prune, capsys):
    trials = copied(KEPT.replace("epochs: 1", "epochs: 2, raise_at: 2", 1))
    (trials / ".DS_Store").write_bytes(b"x")
    (trials / "notes").mkdir()
    (trials / "notes/row.json").write_text("mine")
    failed = [planned(Path("chains.yaml"))[0].trial_id, planned(Path("chains.yaml"))[1].trial_id]
    call(capsys, "retry", failed[0])
    before = everything(trials)

    assert prune(*YES).out.endswith("nothing to prune\n")
    Path("other.yaml").write_text(ONE)
    result = prune("other.yaml", "--json", *YES)

    assert {path.name for path in trials.iterdir()} == {".DS_Store", "notes"}
    assert freed(result) == set(before) - {"trials/.DS_Store", "trials/notes/row.json"} - {
        path for path in before if path.startswith(("drivers", "forecasts"))
    }


def test_a_file_that_is_no_experiment_deletes_nothing(littered, prune):
    before = everything(littered)

    assert prune("chians.yaml", *YES).code == 2
    assert everything(littered) == before


class Killed(BaseException):
    """The process is gone."""


def test_killed_at_any_operation_the_record_is_sound_and_the_next_prune_ends_the_same(copied, monkeypatch):
    Path("one.yaml").write_text(ONE)
    asked = {trial.trial_id for trial in planned(Path("one.yaml"))}
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    few = KEPT.replace("width: [1, 2]", "width: [2]")
    ends = set()
    for moment in itertools.count(1):
        trials = copied(few)
        clock = itertools.count(1)

        def kill(kind, number, when, clock=clock, moment=moment):
            if kind == "delete" and next(clock) == moment:
                raise Killed

        ledger = Ledger(MeddledStorage(open_storage("runs"), kill))
        try:
            list(delete(ledger, useless(ledger, asked)))
        except Killed:
            killed = True
        else:
            killed = False
        after = Ledger(open_storage("runs"))
        assert verify(after, after.ids(), lambda count: None).wrong == []
        assert asked <= set(after.rows())
        list(delete(after, useless(after, asked)))
        ends.add(frozenset(everything(trials)))
        shutil.rmtree("runs")
        if not killed:
            break

    assert moment > 15
    assert len(ends) == 1
