"""What becomes of an attempt that is taken over, as a class to be tested on any storage.

Its tests take a fixture `new_uri`, and an attribute `every`.
"""

import dataclasses
import uuid

import pytest
from fakes import ChainRun
from jobs import finish, folder_of, make_job, never
from meddling import MeddledStorage

from trainables.execution.attempt import execute
from trainables.record.storage import open_storage


def run_and_meddle(job, meddle) -> str:
    """Execute a job while somebody meddles with its storage; return how it ended."""
    first = [MeddledStorage(open_storage(job.storage), meddle)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "trainables.execution.attempt.open_storage", lambda uri: first.pop() if first else open_storage(uri)
        )
        *_, last = execute(job, should_stop=never)
    return last.state


def beside(folder) -> set[str]:
    """Return the names of the files that attempts write beside a row."""
    return {name for name in folder.storage.names(folder.path) if name.endswith(("npz", "parquet", "safetensors"))}


class TakeoverContract:
    """The winner records its row while the loser is held up, and the loser goes on to write."""

    every = 1
    """At which of the loser's operations it is taken over: at each, or each so many."""

    @pytest.fixture(autouse=True)
    def other_bytes_each_time(self, monkeypatch):
        """Let every run leave a file of its own content, as two machines do that agree but for the last digits."""
        outcome = ChainRun.outcome

        def with_weights(self):
            found = outcome(self)
            return dataclasses.replace(found, files={**found.files, "weights-last.safetensors": uuid.uuid4().bytes})

        monkeypatch.setattr(ChainRun, "outcome", with_weights)

    @pytest.mark.parametrize("ending", [{}, {"raise_at": 1}], ids=["done", "failed"])
    def test_an_attempt_taken_over_at_any_moment_spoils_nothing_and_leaves_nothing(self, new_uri, ending):
        reference = make_job(new_uri(), epochs=1, steps=1, **ending)
        moments = []
        run_and_meddle(reference, lambda *operation: moments.append(operation))
        expected = folder_of(reference).read_row()
        ends, rows, wrong = set(), {}, {}
        for moment in moments[:: self.every]:
            job = make_job(new_uri(), epochs=1, steps=1, **ending)
            winners = []

            def take_over(*operation, moment=moment, job=job, winners=winners):
                if operation == moment and not winners:
                    winners.append("")
                    winners[0] = finish(job).state

            ends.add(run_and_meddle(job, take_over))
            folder = folder_of(job)
            row = folder.read_row()
            rows[moment] = (row.state, row.metrics, row.error, winners)
            wrong[moment] = (folder.damage(row), beside(folder) - {file["path"] for file in row.files.values()})

        here = moments[:: self.every]
        assert rows == dict.fromkeys(here, (expected.state, expected.metrics, expected.error, [expected.state]))
        assert wrong == dict.fromkeys(here, ("", set()))
        assert ends == {"lost", expected.state}
        assert len(moments) > 12
