"""Files that a trial leaves reach its children, which remember by their digests what they were made from."""

import pytest
from fakes import ChainRun
from jobs import finish, folder_of, make_job

FILE = "predictions.npz"
"""What each chain leaves."""


@pytest.fixture
def given(monkeypatch):
    """The files that chains are started with, by setting."""
    found = {}

    def start(config, *, seed, threads, gpus=0, files=None):
        found.update(files or {})
        return ChainRun(config, seed, threads)

    monkeypatch.setattr("fakes.start_chain", start)
    return found


@pytest.fixture
def parent(tmp_path, given):
    job = make_job(tmp_path)
    finish(job)
    return job


def child_of(parent, storage):
    return make_job(storage, parents=(parent.spec.trial_id,), link={"parent": 0, "key": FILE})


def row_of(job):
    row = folder_of(job).read_row()
    assert row is not None
    return row


def test_a_child_gets_the_file_and_its_row_says_which(tmp_path, parent, given):
    child = child_of(parent, tmp_path)

    assert finish(child).state == "done"

    wanted = row_of(parent)
    assert given == {"link": folder_of(parent).read_file(wanted, FILE)}
    assert row_of(child).config["link"] == {"file": FILE, "sha256": wanted.files[FILE]["sha256"]}
    assert row_of(child).contradiction(wanted) == ""


def test_a_child_that_was_made_from_another_file_contradicts_its_parent(tmp_path, parent):
    child = child_of(parent, tmp_path)
    finish(child)
    row = row_of(parent)
    row.files[FILE]["sha256"] = "0" * 64  # as of a parent that was done anew, elsewhere

    assert row_of(child).contradiction(row).startswith(f"it was made from another {FILE} than its parent")


@pytest.mark.parametrize(("damage", "sentence"), [("lost", "has lost its"), ("changed", "is not the file its row was")])
def test_a_file_that_is_lost_or_changed_fails_the_child_with_a_sentence(tmp_path, parent, damage, sentence):
    path = tmp_path / folder_of(parent).path / row_of(parent).files[FILE]["path"]
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(b"something else")

    child = child_of(parent, tmp_path)
    last = finish(child)

    assert last.state == "failed"
    assert f"parent trial {parent.spec.trial_id}" in last.note
    assert sentence in last.note
    assert last.note.endswith(f"; sharptune retry {parent.spec.trial_id} computes it anew")
    assert row_of(child).provenance["recurs"] is False, "other settings would not help"
