"""Runs over a storage that fails at one of its operations, for a moment or for good."""

import errno
from collections import Counter

import pytest
from drive import planned
from fakes import CATALOG
from jobs import essence
from meddling import MeddledStorage

from orchestrator.errors import HaltError
from orchestrator.ledger import Ledger
from orchestrator.running.local_runner import LocalRunner
from orchestrator.running.run import run
from trainables.record.patience import Patience
from trainables.record.storage import PatientStorage, open_storage

TRIAL = planned(0, epochs=1, steps=1)


def broken(remote: bool) -> OSError:
    """Return an error as disks and object stores have them."""
    answer = "it answers 503 Service Unavailable: SlowDown: Please reduce your request rate"
    return OSError(errno.EIO, answer if remote else "Input/output error")


class Faults:
    """What the storage of a run does: `at` is (kind, number), `when` before or after it is done, once or ever after."""

    def __init__(self, remote=False, at=("", 0), when="before", *, for_good=False):
        self.remote = remote
        self.at = at
        self.when = when
        self.for_good = for_good
        self.met = False

    def __call__(self, kind, number, when):
        there = number >= self.at[1] if self.for_good else number == self.at[1]
        if kind == self.at[0] and when == self.when and there:
            self.met = True
            raise broken(self.remote)


def run_on(uri, faults, patience) -> Counter[str]:
    """Run the one trial over a storage with faults, as driver and as worker; return how many operations it took.

    Raises: HaltError, and whatever else no user should see.
    """
    meddled = MeddledStorage(open_storage(uri), faults)
    storage = PatientStorage(meddled, patience)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainables.execution.attempt.open_storage", lambda uri: storage)
        patch.setattr("os.fsync", lambda descriptor: None)  # nor does the power fail
        patch.setattr("orchestrator.running.run.WAIT_SECONDS", 0)
        patch.setattr("orchestrator.running.beating.TURN_SECONDS", 3600)  # so that operations come in one order
        patch.setattr("trainables.record.claims.STALE_SECONDS", 0)  # in this process, nobody dies
        run([TRIAL], ledger=Ledger(storage), catalog=CATALOG, runner=LocalRunner())
    return meddled.counts


def result(uri):
    """Return what must be identical of the trial's row, its files proven; None where it has no row."""
    folder = Ledger(open_storage(uri)).folder(TRIAL.trial_id)
    row = folder.read_row()
    if row is None:
        return None
    assert folder.damage(row) == ""
    return essence(row)


class FaultContract:
    """Faults at any operation change nothing. Its tests take a fixture `new_uri`, and an attribute `every`."""

    every = 1
    """Which of the operations fail: each, or each so many."""
    remote = False

    @pytest.fixture
    def reference(self, new_uri):
        uri = new_uri()
        operations = run_on(uri, Faults(), Patience(seconds=0))
        moments = [(kind, number) for kind, count in sorted(operations.items()) for number in range(1, count + 1)]
        return result(uri), moments

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_one_hiccup_of_the_storage_changes_nothing(self, new_uri, reference, when):
        expected, moments = reference
        found = {}
        for moment in moments[:: self.every]:
            uri, faults = new_uri(), Faults(self.remote, moment, when)
            run_on(uri, faults, Patience(seconds=60, first_pause=0))
            found[moment] = (faults.met, result(uri))

        assert found == dict.fromkeys(moments[:: self.every], (True, expected))

    def test_a_storage_that_does_not_come_back_ends_the_run_in_a_sentence_and_nothing_is_lost(self, new_uri, reference):
        expected, moments = reference
        sentences = set()
        for moment in moments[:: self.every]:
            uri, faults = new_uri(), Faults(self.remote, moment, for_good=True)
            try:
                run_on(uri, faults, Patience(seconds=0))
            except HaltError as error:
                sentences.add(str(error))

            assert faults.met, moment
            assert result(uri) in (None, expected), moment
            run_on(uri, Faults(), Patience(seconds=0))
            assert result(uri) == expected, moment

        assert sentences
        for sentence in sentences:
            assert "does not answer" in sentence
            assert sentence.endswith("; finished trials are kept, run again to go on")
            assert "\n" not in sentence
