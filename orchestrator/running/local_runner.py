"""Trials one after the other in this process: for a debugger, for tests, and as the measure of the Ray runner."""

from dataclasses import replace

from orchestrator.planning.plan import PlannedTrial
from orchestrator.running.retries import Death
from orchestrator.running.session import Session
from trainables.errors import RankLost, StorageError
from trainables.execution.attempt import execute
from trainables.execution.job import Job


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
            for progress in execute(_alone(session.job(trial)), should_stop=session.stop.of(trial.trial_id)):
                session.on_progress(trial, progress)
        except StorageError:  # the ledger's, which is the whole run's trouble
            raise
        except RankLost as lost:
            session.on_death(trial, Death(reason=str(lost)))
        except OSError as error:  # the storage's trouble: as where a worker dies of it
            session.on_death(trial, Death(reason=f"{type(error).__name__}: {error}", fault="storage"))


def _alone(job: Job) -> Job:
    """Return a trial's job as one that has its GPU to itself: here nobody shares it, whatever the trial asked for."""
    return replace(job, gpus=max(1, job.gpus)) if job.gpus else job
