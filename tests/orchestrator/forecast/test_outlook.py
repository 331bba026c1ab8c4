"""What a forecast looks at of what is done."""

import pytest
from drive import planned

from orchestrator.forecast.disk import bytes_of
from orchestrator.forecast.outlook import SIZED, Outlook
from orchestrator.ledger import TrialState
from trainables.trial import TrialRow

TRIALS = [planned(seed) for seed in range(2 * SIZED)]


class Telling(TrialRow):
    """A row that tells when somebody asks for its files, for which one of the index must be unpacked."""

    asked = 0

    def __getattribute__(self, name):
        if name == "files":
            Telling.asked += 1
        return super().__getattribute__(name)


def row_of(trial, size=100):
    files = {"weights": {"bytes": size}}
    return Telling(
        trial_id=trial.trial_id, spec=trial.spec, config={}, state="done", metrics={}, artifacts={}, files=files
    )


@pytest.mark.parametrize(("open_", "asked"), [(0, 0), (1, SIZED), (2 * SIZED - 3, 3)])
def test_the_files_of_few_done_trials_are_looked_at_and_none_where_nothing_is_to_do(open_, asked):
    Telling.asked = 0
    done, new = TRIALS[open_:], TRIALS[:open_]
    states = {trial.trial_id: TrialState(state="done", reason="", row=row_of(trial)) for trial in done}
    states |= {trial.trial_id: TrialState(state="new", reason="") for trial in new}

    outlook = Outlook.of(TRIALS, states)

    assert Telling.asked == asked
    assert bytes_of(outlook) == 100 * open_
