"""`sharptune verify`: whatever is spoilt in a storage is named, with what it means and what to do about it."""

import dataclasses
import os
import shutil
from pathlib import Path

import pytest
from command_line import CHAINS, call, planned

from orchestrator.ledger import Ledger
from trainables.record.checkpoints import Checkpoint, encode
from trainables.record.storage import open_storage
from trainables.record.trial_folder import seal

KEPT = CHAINS.replace("    grid: {width", "    keep_checkpoints: true\n    grid: {width")


@pytest.fixture
def place(copied) -> Path:
    """The trials of a storage to spoil: six that are done, of which four kept their checkpoints."""
    return copied(KEPT)


@pytest.fixture
def verify(place, capsys):
    """Verify the storage; return the exit code and [(trial, file), ...] of what is wrong."""

    def verify(*arguments):
        result = call(capsys, "verify", *arguments, "--json")
        assert result.err == ""
        return result.code, [(wrong["trial"], wrong["file"]) for wrong in result.json["wrong"]]

    return verify


@pytest.fixture
def child(place) -> Path:
    """The folder of a trial that has a parent."""
    return place / planned(Path("chains.yaml"))[-1].trial_id


def one(folder: Path, pattern: str) -> Path:
    return next(iter(sorted(folder.glob(pattern))))


def test_of_a_fine_storage_only_the_counts_are_said(place, capsys):
    files = [path for path in place.rglob("*") if path.is_file() and path.name != "log.txt"]
    read = sum(path.stat().st_size for path in files)

    result = call(capsys, "verify")
    counts = "6 trials: 6 rows, 12 files, 8 checkpoints, 6 claims"

    assert (result.code, result.err) == (0, "")
    assert result.out == f"{place.parent}: {counts}, {read / 1000:.1f} kB; nothing is wrong\n"
    assert call(capsys, "verify", "chains.yaml").out == result.out


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def lose(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("pattern", "spoil", "do"),
    [
        ("row.json", flip, "run its experiment again"),
        ("row.json", cut, "run its experiment again"),
        ("predictions.*.npz", flip, "sharptune retry"),
        ("predictions.*.npz", lose, "sharptune retry"),
        ("epochs.*.parquet", cut, "sharptune retry"),
        ("checkpoints/*", flip, "sharptune prune"),
        ("checkpoints/*", cut, "sharptune prune"),
        ("spec.json", cut, "delete /"),
        ("claims/0001.json", cut, "delete /"),
    ],
)
def test_a_spoilt_file_of_any_kind_is_named(child, verify, capsys, pattern, spoil, do):
    path = one(child, pattern)
    spoil(path)

    text = call(capsys, "verify")

    assert verify() == (1, [(child.name, str(path.relative_to(child)))])
    assert verify("chains.yaml")[0] == text.code == 1
    assert text.out.startswith(f"{child.name}  {path.relative_to(child)}: it")
    assert text.out.splitlines()[2].strip().startswith(do)
    assert text.out.endswith("; 1 thing is wrong\n")


def test_another_trials_files_are_no_less_wrong(place, child, verify):
    other = next(folder for folder in sorted(place.iterdir()) if folder != child)
    for name in ("row.json", "spec.json"):
        shutil.copy(other / name, child / name)

    assert verify() == (1, [(child.name, "row.json"), (child.name, "spec.json")])


def test_a_checkpoint_and_a_claim_under_another_name_are_named(child, verify):
    checkpoint = one(child, "checkpoints/*")
    checkpoint.rename(checkpoint.with_name("000009-0000000-0001.12345678"))
    one(child, "claims/0001.json").rename(child / "claims/0002.json")

    assert verify() == (
        1,
        [(child.name, "claims/0002.json"), (child.name, "checkpoints/000009-0000000-0001.12345678")],
    )


def test_a_checkpoint_of_another_trial_is_named(place, child, verify):
    spec = next(trial.spec for trial in planned(Path("chains.yaml")) if trial.trial_id != child.name)
    strange = Checkpoint(spec=spec, epoch=1, step=0, payload=b"x")
    (child / "checkpoints/000001-0000000-0001.12345678").write_bytes(encode(strange))

    assert verify() == (1, [(child.name, "checkpoints/000001-0000000-0001.12345678")])


def test_what_a_child_took_from_its_parent_is_held_against_the_parents_row(place, verify, capsys):
    ledger = Ledger(open_storage("runs"))
    parent, *_ = planned(Path("chains.yaml"))
    row = ledger.rows()[parent.trial_id]
    row.artifacts["genotype"]["digest"] = "another"
    (place / parent.trial_id / "row.json").write_bytes(seal(row))
    children = sorted(trial.trial_id for trial in planned(Path("chains.yaml")) if parent.trial_id in trial.parents)

    code, wrong = verify()

    assert (code, wrong) == (1, [(trial_id, "row.json") for trial_id in children])
    assert f"than its parent {parent.trial_id} now records" in call(capsys, "verify").out


def test_without_a_parents_row_what_was_taken_from_it_cannot_be_checked(place, child, verify):
    parent = planned(Path("chains.yaml"))[-1].parents[0]
    shutil.rmtree(place / parent)

    code, wrong = verify()

    assert code == 1
    assert (child.name, "row.json") in wrong
    assert len(wrong) == 2


def test_a_row_that_was_taken_over_is_held_against_the_one_it_is_a_copy_of(place, child, verify, capsys):
    ledger = Ledger(open_storage("runs"))
    row, twin = ledger.row(child.name), ledger.row(planned(Path("chains.yaml"))[0].trial_id)
    assert row is not None
    assert twin is not None
    copy = dataclasses.replace(row, provenance={**row.provenance, "adopted_from": twin.trial_id})
    (child / "row.json").write_bytes(seal(copy))

    assert verify() == (1, [(child.name, "row.json")])
    assert f"it was taken over from {twin.trial_id}" in call(capsys, "verify").out
    (place / twin.trial_id / "row.json").write_bytes(seal(dataclasses.replace(twin, metrics=row.metrics)))
    assert verify()[0] == 0


def test_a_failed_row_that_was_kept_is_checked_too(child, verify):
    shutil.copy(child / "row.json", child / "row.json.failed-1")
    assert verify() == (0, [])

    flip(child / "row.json.failed-1")
    (child / "row.json.damaged-1").write_bytes(b"known to be so")

    assert verify() == (1, [(child.name, "row.json.failed-1")])


def test_a_disk_that_cannot_read_a_file_is_named_and_the_rest_is_checked(child, verify, monkeypatch):
    read = os.open

    def fail(path, *how):
        if Path(path).parent.name == child.name and Path(path).suffix in (".npz", ".json"):
            raise OSError(5, "Input/output error")
        return read(path, *how)

    monkeypatch.setattr("os.open", fail)
    monkeypatch.setattr("orchestrator.upkeep.verify.FILE_SECONDS", 0.0)
    code, wrong = verify()

    assert code == 1
    assert [file for _, file in wrong] == ["row.json", "spec.json"]


def test_a_hostile_name_does_not_reach_the_terminal(child, capsys):
    (child / "checkpoints/000001-0000000-\x1b[2J").write_bytes(b"")

    result = call(capsys, "verify")

    assert result.code == 1
    assert "\x1b" not in result.out
    assert "\\x1b[2J: it does not begin as a checkpoint does" in result.out


def test_nothing_is_changed(place, child, verify):
    cut(child / "row.json")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}

    assert verify()[0] == 1
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_json_says_what_was_checked(place, capsys):
    result = call(capsys, "verify", "--json")

    assert result.json["storage"] == str(place.parent)
    assert (
        result.json["checked"].items() >= {"trials": 6, "rows": 6, "files": 12, "checkpoints": 8, "claims": 6}.items()
    )
    assert result.json["wrong"] == []
