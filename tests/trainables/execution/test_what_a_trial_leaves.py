"""What a trial leaves in its folder: the files that its row names, and the checkpoints that are still of use."""

import dataclasses

import pytest
from jobs import finish, folder_of, make_job


def finished(job):
    """Finish a trial; return its folder, and its row."""
    finish(job)
    folder = folder_of(job)
    row = folder.read_row()
    assert row is not None
    return folder, row


def test_at_most_two_good_checkpoints_are_kept(tmp_path):
    job = dataclasses.replace(make_job(tmp_path, epochs=6), keep_checkpoints=True)
    finish(job)

    kept = sorted((tmp_path / "trials" / job.spec.trial_id / "checkpoints").iterdir())

    assert [path.name[:6] for path in kept] == ["000005", "000006"]


def test_files_keep_their_endings_and_carry_the_name_of_the_attempt_that_wrote_them(tmp_path):
    folder, row = finished(make_job(tmp_path))

    number, token = row.provenance["segments"][-1]["attempt"].split(".")
    assert row.files["predictions.npz"]["path"] == f"predictions.{number}.{token}.npz"
    assert row.files["epochs.parquet"]["path"] == f"epochs.{number}.{token}.parquet"
    assert {file["path"] for file in row.files.values()} <= set(folder.storage.names(folder.path))


def test_a_row_of_an_earlier_version_stands_beside_files_of_plain_names(tmp_path):
    job = make_job(tmp_path)
    folder, row = finished(job)
    file = row.files["predictions.npz"]
    folder.storage.move(f"{folder.path}/{file['path']}", f"{folder.path}/predictions.npz")
    earlier = {name: {key: value for key, value in told.items() if key != "path"} for name, told in row.files.items()}
    folder.storage.delete(f"{folder.path}/row.json")
    folder.commit_row(dataclasses.replace(row, files=earlier))

    folder, row = finished(job)  # finds the row, and sweeps

    assert folder.read_file(row, "predictions.npz") == row.artifacts["genotype"]["digest"].encode()


def test_what_attempts_without_a_row_left_is_swept_and_what_any_row_names_stays(tmp_path):
    job = make_job(tmp_path)
    folder = folder_of(job)
    for left in ("predictions.0001.0123abcd.npz", "weights-last.safetensors.0002.0123abcd", "notes.txt"):
        folder.storage.write(f"{folder.path}/{left}", b"left")
    folder.storage.write(f"{folder.path}/predictions.0003.0123abcd.npz", b"kept")
    folder.storage.write(f"{folder.path}/row.json.stale-1", b'{"path": "predictions.0003.0123abcd.npz"')

    _, row = finished(job)

    assert set(folder.storage.names(folder.path)) == {
        *(file["path"] for file in row.files.values()),
        *("predictions.0003.0123abcd.npz", "row.json.stale-1", "notes.txt"),
        *("row.json", "spec.json", "log.txt", "claims", "checkpoints"),
    }


@pytest.mark.parametrize(("settings", "kept"), [({}, []), ({"keep_checkpoints": True}, ["000002", "000003"])])
def test_checkpoints_go_when_the_row_is_there_unless_they_are_to_stay(tmp_path, settings, kept):
    job = dataclasses.replace(make_job(tmp_path), **settings)
    folder = folder_of(job)
    folder.storage.write(f"{folder.path}/checkpoints/refused-000001-0000000-0001.0123abcd", b"damaged")
    finish(job)

    names = folder.storage.names(f"{folder.path}/checkpoints")
    assert [name[:6] for name in names if not name.startswith("refused")] == kept
    assert len(names) == len(kept) + bool(kept)


def test_checkpoints_that_a_killed_worker_left_beside_its_row_go_when_it_starts_again(tmp_path):
    job = make_job(tmp_path)
    finish(dataclasses.replace(job, keep_checkpoints=True))
    folder = folder_of(job)
    assert folder.storage.names(f"{folder.path}/checkpoints")

    assert finish(job).state == "done"

    assert folder.storage.names(f"{folder.path}/checkpoints") == []


def test_a_failed_trial_keeps_its_checkpoints(tmp_path):
    job = make_job(tmp_path, nan_at=2)
    finish(job)
    finish(job)

    assert [epoch for epoch, _ in folder_of(job).checkpoints(job.spec).positions()] == [1]
