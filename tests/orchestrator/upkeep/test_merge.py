"""`sharptune merge`: whole trials or none, nothing replaced that is done, every byte held against its digest."""

import dataclasses
import itertools
import shutil
from pathlib import Path

import fakes
import pytest
from command_line import CHAINS, call, planned, rows
from meddling import MeddledStorage

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from orchestrator.upkeep.merge import merge
from orchestrator.upkeep.verify import verify
from trainables.record.claims import Process
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder, seal

SHORT = CHAINS.replace("epochs: 3", "epochs: 1")
FAILING = CHAINS.replace("epochs: 3", "epochs: 2, raise_at: 2", 1)
"""Its two roots fail after an epoch."""


@pytest.fixture
def merging(capsys):
    return lambda *arguments: call(capsys, "merge", *arguments)


@pytest.fixture
def there(copied) -> Path:
    """The trials of another storage, in which six are done."""
    return copied(SHORT, "there")


def verdicts(result) -> dict[str, str]:
    return {each["trial"]: each["verdict"] for each in result.json["trials"]}


def content(storage: str) -> dict[str, bytes]:
    """Return all files but claims."""
    root = Path(storage, "trials")
    files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if "/claims/" not in name}


def of(number: int) -> str:
    return planned(Path("chains.yaml"))[number].trial_id


def change_row(path: Path, **changes) -> None:
    row = Ledger(open_storage(path.parents[2])).rows([path.parent.name])[path.parent.name]
    path.write_bytes(seal(dataclasses.replace(row, **changes)))


def is_fine(storage: str) -> bool:
    ledger = Ledger(open_storage(storage))
    return verify(ledger, ledger.ids(), lambda count: None).wrong == []


def test_all_of_another_storage_is_taken_byte_for_byte_and_merging_again_changes_nothing(there, merging):
    (there / of(0) / "output.0001.0123abcd.txt").write_bytes(b"what its process printed")
    first = merging("there")
    taken = content("runs")
    again = merging("there", "--json")

    assert (first.code, first.out) == (0, f"there into {Path('runs').absolute()}: 6 taken\n")
    assert taken == content("there")
    assert rows("runs") == rows("there")
    assert is_fine("runs")
    assert set(verdicts(again).values()) == {"same"}
    assert content("runs") == taken


def test_a_dry_run_says_the_same_and_writes_nothing(there, merging):
    result = merging("there", "--dry-run")

    assert result.out.endswith(": 6 taken; nothing is written\n")
    assert not Path("runs").exists()
    assert merging("there", "--dry-run", "--json").json["written"] is False


def test_two_halves_make_a_whole(there, copied, merging):
    copied(SHORT, "other")
    for number, storage in enumerate(["there", "other"] * 3):
        shutil.rmtree(Path(storage, "trials", of(number)))

    assert merging("there", "other").code == 0
    assert len(rows("runs")) == 6
    assert is_fine("runs")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrics": {"error": 1.5, "error_best": 1.5}}, "error is 1.5 there and "),
        ({"artifacts": {"genotype": {}}}, "what it found differs"),
        ({"files": {}}, "its predictions differ"),
    ],
)
def test_a_trial_that_is_done_in_both_with_other_digits_is_a_conflict_and_neither_is_replaced(
    there, copied, merging, changes, said
):
    copied(SHORT, "runs")
    change_row(there / of(-1) / "row.json", **changes)
    before = content("runs"), content("there")

    result = merging("there")

    assert result.code == 1
    assert f"{of(-1)}  chains: child root.seed=1 width=2 seed=0  conflict: {said}" in result.out
    assert result.out.endswith(": 5 same, 1 conflict\n")
    assert (content("runs"), content("there")) == before


def test_rows_that_differ_in_when_and_where_only_are_one(there, copied, merging):
    copied(SHORT, "runs")
    change_row(there / of(0) / "row.json", timing={"wall_seconds": 99.0}, provenance={"host": "elsewhere"})

    assert set(verdicts(merging("there", "--json")).values()) == {"same"}


def test_a_child_of_another_finding_than_its_parents_here_is_a_conflict(there, copied, merging):
    runs = copied(SHORT, "runs")
    root, child = of(0), next(t.trial_id for t in planned(Path("chains.yaml")) if of(0) in t.parents)
    change_row(runs / root / "row.json", artifacts={"genotype": "another"})
    shutil.rmtree(runs / child)

    result = merging("there", "--json")

    assert result.code == 1
    assert verdicts(result).items() >= {root: "conflict", child: "conflict"}.items()
    assert not (runs / child).exists()


def test_what_failed_there_and_is_done_here_stays(copied, merging, there):
    copied(SHORT, "runs")
    for number in (0, 1):
        change_row(there / of(number) / "row.json", state="failed", error="no", files={}, metrics={}, artifacts={})
    before = content("runs")

    result = merging("there", "--json")

    assert (result.code, verdicts(result)[of(0)]) == (0, "kept")
    assert content("runs") == before


def test_what_is_done_there_takes_the_place_of_a_failed_or_damaged_row_which_is_set_aside(there, copied, merging):
    runs = copied(SHORT, "runs")
    change_row(runs / of(0) / "row.json", state="failed", error="no", files={}, metrics={}, artifacts={})
    (runs / of(1) / "row.json").write_bytes(b"{")
    failed = (runs / of(0) / "row.json").read_bytes()

    result = merging("there")

    assert result.code == 0
    assert result.out.count("  replaced: the ") == 2
    assert (runs / of(0) / "row.json.failed-1").read_bytes() == failed
    assert (runs / of(1) / "row.json.damaged-1").read_bytes() == b"{"
    assert rows("runs") == rows("there")


def test_failed_rows_come_with_those_that_were_set_aside_and_with_their_log(copied, merging, sharptune):
    copied(FAILING, "there")
    sharptune("retry", of(0), "--storage", "there")
    invoke(["run", "chains.yaml", "--runner", "local", "--storage", "there"], catalog=fakes.CATALOG)

    result = merging("there", "--checkpoints", "--json")

    assert verdicts(result).items() >= {of(0): "taken", of(1): "taken"}.items()
    assert content("runs") == content("there")
    merging("there", "--checkpoints")
    assert content("runs") == content("there")


def test_what_is_worked_on_is_left_alone_and_said(there, copied, merging):
    (there / of(-1) / "row.json").unlink()
    TrialFolder(open_storage("there"), of(-1)).claims.acquire(driver="a", driver_process=Process.current())
    TrialFolder(open_storage("runs"), of(0)).claims.acquire(driver="a", driver_process=Process.current())

    result = merging("there")

    assert result.code == 0
    assert f"{of(-1)}  chains: child root.seed=1 width=2 seed=0  running: somebody works on it there\n" in result.out
    assert f"{of(0)}  chains: root seed=0  running: somebody works on it here\n" in result.out
    assert set(rows("runs")) == {of(number) for number in range(1, 5)}


def test_checkpoints_of_the_unfinished_come_when_asked_and_the_trial_goes_on(copied, merging, sharptune, monkeypatch):
    copied(FAILING, "there")
    sharptune("retry", of(0), "--storage", "there")
    assert verdicts(merging("there", "--json"))[of(0)] == "unfinished"
    assert of(0) not in Ledger(open_storage("runs")).ids()

    assert verdicts(merging("there", "--checkpoints", "--json"))[of(0)] == "taken"
    monkeypatch.setattr(fakes.ChainRun, "_misbehave", lambda self: None)
    assert "resumes after epoch 1" in sharptune("run", "chains.yaml", "--runner", "local").out


@pytest.mark.parametrize("pattern", ["row.json", "predictions.*", "epochs.*", "checkpoints/*"])
@pytest.mark.parametrize("harm", ["flipped", "lost"])
def test_what_is_damaged_there_is_named_and_not_taken(copied, merging, sharptune, pattern, harm):
    there = copied(FAILING if pattern.startswith("check") else SHORT, "there")
    if pattern.startswith("check"):
        sharptune("retry", of(0), "--storage", "there")
    path = next(iter(sorted((there / of(0)).glob(pattern))))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data) if harm == "flipped" else path.unlink()

    result = merging("there", "--checkpoints", "--json")

    gone = harm == "lost" and pattern in ("row.json", "checkpoints/*")
    assert verdicts(result)[of(0)] == ("unfinished" if gone else "damaged")
    assert result.code == (0 if gone else 1)
    assert not Path("runs/trials", of(0)).exists()


def test_a_checkpoint_of_another_trial_is_not_taken(copied, merging, sharptune):
    there = copied(FAILING, "there")
    for number in (0, 1):
        sharptune("retry", of(number), "--storage", "there")
    (strange,) = (there / of(1) / "checkpoints").iterdir()
    shutil.copy(strange, there / of(0) / "checkpoints/000009-0000000-0001.0123abcd")

    result = merging("there", "--checkpoints", "--json")

    assert verdicts(result)[of(0)] == "damaged"
    assert not Path("runs/trials", of(0), "checkpoints/000009-0000000-0001.0123abcd").exists()


@pytest.mark.parametrize("path", ["../../outside", "row.json", "spec.json", "..", "row.json.failed-1"])
def test_a_row_from_a_stranger_writes_nowhere_else(there, merging, path):
    told = {"sha256": "0" * 64} if "/" in path else {"path": path, "sha256": "0" * 64}
    change_row(there / of(0) / "row.json", files={path: told})
    (there.parent / "outside").write_bytes(b"x")

    result = merging("there", "--json")

    assert verdicts(result)[of(0)] == "damaged"
    assert not Path("runs/trials", of(0)).exists()
    assert {path.name for path in Path("runs").iterdir()} <= {"trials", "drivers"}


def test_files_that_were_lost_here_come_back(there, copied, merging):
    runs = copied(SHORT, "runs")
    next((runs / of(0)).glob("predictions.*")).unlink()
    next((runs / of(1)).glob("epochs.*")).write_bytes(b"spoilt")

    result = merging("there", "--json")

    assert verdicts(result).items() >= {of(0): "completed", of(1): "completed", of(2): "same"}.items()
    assert is_fine("runs")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "there is no storage /"),
        (["there", "--storage", "there"], "there is the storage itself"),
        (["nowhere.zip"], "there is no file nowhere.zip"),
        (["chains.yaml"], "is a file; name a folder"),
    ],
)
def test_a_mistake_is_a_sentence(there, merging, arguments, sentence):
    result = merging(*arguments)

    assert result.code == 2
    assert sentence in result.err


def done_rows() -> dict:
    """Return those rows of the storage that say done, as `rows` does."""
    with pytest.MonkeyPatch.context() as patch:
        read = Ledger.rows
        patch.setattr(Ledger, "rows", lambda self: {i: row for i, row in read(self).items() if row.state == "done"})
        return rows("runs")


class Killed(BaseException):
    """The process is gone."""


def test_killed_at_any_operation_only_whole_trials_are_there_and_the_next_merge_ends_the_same(copied, monkeypatch):
    """Of one trial that is new here, and one whose failed row is replaced."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    copied(SHORT, "there")
    for number in range(2, 6):
        shutil.rmtree(Path("there/trials", of(number)))
    (Path("there/trials", of(1)) / "row.json.failed-1").write_bytes(
        Path("there/trials", of(1), "row.json").read_bytes()
    )
    whole = rows("there")
    ends = set()
    for moment in itertools.count(1):
        copied(SHORT, "runs")
        shutil.rmtree(Path("runs/trials"))
        here = Path("runs/trials", of(0), "row.json")
        shutil.copytree(Path("there/trials", of(0)), here.parent)
        change_row(here, state="failed", error="no", files={}, metrics={}, artifacts={})
        clock = itertools.count(1)

        def kill(kind, number, when, clock=clock, moment=moment):
            if kind in ("write", "create", "append", "move", "delete") and next(clock) == moment:
                raise Killed

        source, target = Ledger(open_storage("there")), Ledger(MeddledStorage(open_storage("runs"), kill))
        try:
            list(merge(source, target))
        except Killed:
            killed = True
        else:
            killed = False
        assert is_fine("runs")
        assert done_rows().items() <= whole.items()
        list(merge(source, Ledger(open_storage("runs"))))
        ends.add(frozenset(content("runs").items()))
        assert rows("runs") == whole
        shutil.rmtree("runs")
        if not killed:
            break

    assert moment > 10
    assert len(ends) == 1
