"""Trials one after the other in this process: for a debugger, for tests, and as the measure of the Ray runner."""

from orchestrator.plan import PlannedTrial
from orchestrator.running import Session
from trainables.execution import execute


class LocalRunner:
    """Runs in the calling process and thread."""

    ship_code = False

    def drain(self, session: Session) -> None:
        while (trial := session.next()) is not None:
            session.begin(trial)
            self._run(session, trial)

    def close(self) -> None:
        """Nothing to give back."""

    def _run(self, session: Session, trial: PlannedTrial) -> None:
        try:
            for progress in execute(session.job(trial), should_stop=session.stop):
                session.hear(trial, progress)
        except OSError as error:  # the machine's trouble: as where a worker dies of it
            session.bury(trial, f"{type(error).__name__}: {error}", for_good=False)
