"""A trial's folder says what the trial is, and is believed only when that is the trial it is named after."""

import pytest

from trainables.record.local_storage import LocalStorage
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder
from trainables.trial import TrialRow, TrialSpec

SPEC = TrialSpec(trainable="train", version=1, config={"p": 2}, seed=0)
ROW = TrialRow(trial_id=SPEC.trial_id, spec=SPEC, config={}, state="done", metrics={}, artifacts={})


def test_what_a_trial_is_comes_back_from_its_folder(tmp_path):
    folder = TrialFolder(open_storage(tmp_path), SPEC.trial_id)
    assert folder.read_spec() is None
    folder.write_spec(SPEC)

    assert folder.read_spec() == SPEC


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "[" * 100_000, '{"trainable": "train"', '{"trainable": "train"}', "\xff"]
)
def test_a_garbled_spec_says_nothing(tmp_path, content):
    folder = TrialFolder(open_storage(tmp_path), SPEC.trial_id)
    folder.storage.write(f"{folder.path}/spec.json", content.encode("latin-1"))

    assert folder.read_spec() is None


def test_the_spec_of_another_trial_says_nothing(tmp_path):
    folder = TrialFolder(open_storage(tmp_path), "0" * 12)
    folder.write_spec(SPEC)

    assert folder.read_spec() is None


@pytest.mark.parametrize("exclusive", [False, True])
def test_where_a_slow_attempt_may_still_replace_the_row_its_files_stay(tmp_path, monkeypatch, exclusive):
    """Some object stores have no exclusive write: who is held up amid one may be the one whose row stays."""
    monkeypatch.setattr(LocalStorage, "exclusive", exclusive)
    folder = TrialFolder(open_storage(tmp_path), SPEC.trial_id)
    slow, ended = "predictions.0001.0123abcd.npz", "predictions.0002.0123abcd.npz"
    for name in (slow, ended):
        folder.storage.write(f"{folder.path}/{name}", b"")
    folder.storage.write(f"{folder.path}/claims/0002.0123abcd.released", b"")

    folder.sweep(ROW)

    assert set(folder.storage.names(folder.path)) == {"claims", *([] if exclusive else [slow])}
