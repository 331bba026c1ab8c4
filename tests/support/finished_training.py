"""A final training that has finished: a small network on a few real images, in about a second."""

from pathlib import Path

from trainables.architecture.genotype import Genotype
from trainables.catalog import CATALOG
from trainables.config import TrainConfig, canonical
from trainables.execution.attempt import execute
from trainables.execution.job import Job
from trainables.record.claims import Process
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder
from trainables.trial import TrialSpec

_NODE = (("skip_connect", 0), ("max_pool_3x3", 1))
GENOTYPE = Genotype(
    normal=(*_NODE, ("skip_connect", 0), ("skip_connect", 2)),
    normal_concat=(2, 3),
    reduce=(*_NODE, *_NODE),
    reduce_concat=(2, 3),
)
CONFIG = TrainConfig(
    dataset="cifar10-mini",
    genotype=GENOTYPE.to_json(),
    train_images=20,
    test_images=30,
    epochs=2,
    batch_size=10,
    learning_rate=0.1,
    channels=2,
    layers=3,
    warmup_epochs=0,
)


def finished_training(storage: Path, config: TrainConfig = CONFIG) -> TrialFolder:
    """Train to the row, unless there is one, and return the trial's folder."""
    entry = CATALOG["train"]
    spec = TrialSpec(trainable="train", version=entry.version, config=canonical(config), seed=0)
    process = Process.current()
    job = Job(spec=spec, trainable=entry, storage=str(storage), driver="driver", driver_process=process)
    *_, last = execute(job, should_stop=lambda: False)
    assert last.state == "done", last.note
    return TrialFolder(open_storage(job.storage), spec.trial_id)
