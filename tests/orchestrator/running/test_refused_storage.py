"""A storage that a machine may not use any more: its trouble, and not the trial's."""

import errno

import pytest
from drive import grid
from running_contract import go

from orchestrator.errors import HaltError
from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage, trouble


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_storage_that_refuses_a_trial_ends_the_run_and_fails_no_trial(tmp_path, monkeypatch, number):
    tried = []

    def refuse(self, checkpoint, attempt):
        tried.append(attempt)
        raise PermissionError(number, "Permission denied", str(tmp_path / "trials"))

    with monkeypatch.context() as patch:
        patch.setattr("trainables.record.checkpoints.CheckpointFolder.save", refuse)
        with pytest.raises(HaltError, match=f"^Permission denied in {tmp_path}; finished trials are kept, run again"):
            go(tmp_path, grid(1, 1))

    assert len(tried) == 1, "who may not write now may not a moment later"
    assert Ledger(open_storage(tmp_path)).rows() == {}
    assert set(go(tmp_path, grid(1, 1))[0].values()) == {"done"}


def test_a_file_that_a_trial_may_not_read_is_no_trouble_of_the_storage(tmp_path):
    assert trouble(PermissionError(errno.EACCES, "Permission denied", "/data/image.png"), str(tmp_path)) == ""
