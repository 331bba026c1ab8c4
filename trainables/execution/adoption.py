"""A trial that is alike another one that is done takes over its row, with all files, and does not work itself.

The row that it gets is its own, under its own claim and with its own files, and names the other one. So either can be
deleted without the other losing anything, and whoever is killed meanwhile leaves files that no row names, and starts
again.
"""

import contextlib

from trainables.errors import DamagedFile
from trainables.execution.history import History
from trainables.execution.job import Job
from trainables.execution.likeness import likeness_of, may_have_a_twin, note, twin_of
from trainables.record.checkpoints import CheckpointFolder
from trainables.record.claims import Claim
from trainables.record.lineage import CHOSEN, Inputs
from trainables.record.trial_folder import TrialFolder
from trainables.trial import JSON, TrialRow


class Adoption:
    """What one attempt on a trial has to do with others that are alike."""

    def __init__(self, job: Job, folder: TrialFolder, claim: Claim) -> None:
        self._job = job
        self._folder = folder
        self._claim = claim
        self._likeness = ""

    def row(
        self, config: dict[str, JSON], inputs: Inputs, history: History, checkpoints: CheckpointFolder
    ) -> TrialRow | None:
        """Return the trial's row, made of one that is alike and done, its files written; None without such a one.

        Args:
            config: the trial's, with what it takes from its parents filled in.
            checkpoints: its own, of work that was begun before.
        """
        job, storage = self._job, self._folder.storage
        if not may_have_a_twin(job.spec):
            return None
        self._likeness = likeness_of(job.trainable, job.spec, config)
        if not job.adopt or not self._likeness:
            return None
        twin = twin_of(storage, job.trainable, job.spec.trial_id, self._likeness)
        files = None if twin is None else self._copied(TrialFolder(storage, twin.trial_id), twin)
        if twin is None or files is None:
            return None
        found = {name: value for name, value in twin.artifacts.items() if name != CHOSEN}
        return TrialRow(
            trial_id=job.spec.trial_id,
            spec=job.spec,
            config=config,
            state="done",
            metrics=twin.metrics,
            artifacts={**found, **inputs.artifacts},
            parents=inputs.consumed,
            files=files,
            timing=history.timing_of(twin, inputs, worked=checkpoints.seconds_worked()),
            provenance=history.provenance_of(twin, inputs),
        )

    def tell(self) -> None:
        """Let others find this trial, which is done, and not one in vain that this one did not take over.

        Where that cannot be written, nothing is lost but their time.
        """
        if self._likeness:
            with contextlib.suppress(OSError):
                note(self._folder.storage, self._likeness, self._job.spec.trial_id, replace=self._job.adopt)

    def _copied(self, theirs: TrialFolder, twin: TrialRow) -> dict[str, dict[str, JSON]] | None:
        """Write the files of another's row for this one and return what the row says of them; None if one is gone."""
        told: dict[str, dict[str, JSON]] = {}
        try:
            for name in twin.files:
                told |= self._folder.write_files({name: theirs.read_file(twin, name)}, self._claim)
        except (FileNotFoundError, DamagedFile):
            return None
        return told
