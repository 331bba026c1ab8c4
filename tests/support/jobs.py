"""One trial's job and what became of it, for tests of its execution."""

from fakes import CHAIN

from trainables.execution.attempt import execute
from trainables.execution.job import Job
from trainables.record.claims import Process
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder
from trainables.trial import TrialSpec


def never() -> bool:
    return False


def make_job(storage, *, seed=0, parents=(), driver="driver-a", gpus=0, **config) -> Job:
    spec = TrialSpec(trainable="chain", version=1, config=config, seed=seed, parents=parents)
    process = Process.current()
    return Job(spec=spec, trainable=CHAIN, storage=str(storage), driver=driver, driver_process=process, gpus=gpus)


def folder_of(job: Job) -> TrialFolder:
    return TrialFolder(open_storage(job.storage), job.spec.trial_id)


def finish(job: Job):
    *_, last = execute(job, should_stop=never)
    return last


def essence(row):
    """What must be identical: id, config, state, metrics, artifacts, predictions."""
    return (row.trial_id, row.config, row.state, row.metrics, row.artifacts, row.files["predictions.npz"]["sha256"])
