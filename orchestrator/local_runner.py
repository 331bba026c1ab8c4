"""Trials one after the other in this process: for a debugger, for tests, and as the measure of the Ray runner."""

from orchestrator.running import Session
from trainables.execution import execute


class LocalRunner:
    """Runs in the calling process and thread."""

    ship_code = False

    def drain(self, session: Session) -> None:
        while (trial := session.next()) is not None:
            session.begin(trial)
            for progress in execute(session.job(trial), should_stop=session.stop):
                session.hear(trial, progress)

    def close(self) -> None:
        """Nothing to give back."""
