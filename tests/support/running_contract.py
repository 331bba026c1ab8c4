"""What every run of a plan does, as a class to be tested on any storage: its tests take a fixture `storage`, a URI."""

import itertools

from drive import grid
from fakes import CATALOG

from orchestrator.ledger import Ledger, load_rows
from orchestrator.local_runner import LocalRunner
from orchestrator.running import Stop, run
from trainables.storage import open_storage


def go(storage, trials, *, stop=None, events=None):
    """Run trials in this process and return (states, sentences)."""
    said = []
    ledger = Ledger(open_storage(storage), said.append)
    listen = events.append if events is not None else (lambda event: None)
    states = run(trials, ledger=ledger, catalog=CATALOG, runner=LocalRunner(), listen=listen, stop=stop)
    return {trial_id: state.state for trial_id, state in states.items()}, said


class RunningContract:
    """A grid run to its end, at once and with a stop in between."""

    def test_a_grid_of_parents_and_children_is_done_in_one_go(self, storage):
        trials = grid(2, 2)

        states, said = go(storage, trials)

        assert set(states.values()) == {"done"}
        assert said == []
        assert len(load_rows(open_storage(storage))) == 6

    def test_stopping_and_going_on_gives_the_same_rows(self, storage, tmp_path):
        go(tmp_path / "reference", grid(2, 1))
        stop = Stop(open_storage(storage))
        heard = itertools.count()

        class Tired(list):
            def append(self, event):
                super().append(event)
                if next(heard) == 5:
                    stop.request()

        states, _ = go(storage, grid(2, 1), stop=stop, events=Tired())
        assert "done" not in set(states.values()) or len(set(states.values())) > 1

        go(storage, grid(2, 1))

        ours, reference = (Ledger(open_storage(place)).rows() for place in (storage, tmp_path / "reference"))
        assert {i: (r.metrics, r.artifacts) for i, r in ours.items()} == {
            i: (r.metrics, r.artifacts) for i, r in reference.items()
        }
