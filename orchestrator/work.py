"""Who works on a running trial, and how far it is: what its claim and its driver tell, for people and scripts."""

import contextlib
from dataclasses import dataclass

from orchestrator.words import duration
from trainables.record.beats import AtWork, Beat, BeatWatcher
from trainables.record.claims import STALE_SECONDS, Claim
from trainables.record.trial_folder import TrialFolder


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What is known from here of a trial at work."""

    claim: Claim
    beat: Beat | None
    """What the driver told last; None of one that tells nothing."""
    at_work: AtWork | None
    """What it told of the trial."""
    age: float | None
    """Seconds since it told that, or since the claim was made where it tells nothing; by the storage's clock."""

    @property
    def driver(self) -> str:
        return self.claim.driver

    @property
    def node(self) -> str:
        """The host it is on."""
        return self.claim.worker_process.host

    @property
    def seconds(self) -> float | None:
        """For how long the trial has been at work, by the driver's clock; None where it does not tell."""
        if self.beat is None or self.at_work is None:
            return None
        return self.beat.seconds_since(self.at_work.since) + (self.age or 0.0)

    def words(self, where: str) -> str:
        """Return who works on the trial and `where` it is, or what became of him, as far as can be seen from here.

        He holds the claim all the same, for as long as `trainables.record.claims` says.
        """
        if self.claim.worker_process.alive() is False:
            process = self.claim.worker_process
            return f"its process {process.pid} died{where}; the run in {self.claim.driver_process} takes it up"
        reason, silent = f"{self.claim.holder} works on it{where}", self.age or 0.0
        if silent >= STALE_SECONDS:
            return f"{reason}; nothing was heard of it for {duration(silent)}: if it is gone, run goes on from there"
        return reason if self.at_work is None else self._told(self.at_work)

    def _told(self, at_work: AtWork) -> str:
        """Return what the driver tells of the trial."""
        words = f"epoch {at_work.epoch}" + (f"/{at_work.epochs}" if at_work.epochs else "")
        if not at_work.attempt:  # nothing was heard of it yet
            words = "starting"
        if at_work.steps:
            words += f", step {at_work.step}/{at_work.steps}"
        if at_work.left is not None:
            words += f", about {duration(at_work.left)} left"
        words += f"; on {self.node} for {duration(self.seconds or 0.0)}; beat {duration(self.age or 0.0)} ago"
        return f"{words}; its run is being stopped" if self.beat is not None and self.beat.stopping else words


def work_of(trial_id: str, claim: Claim, watcher: BeatWatcher, folder: TrialFolder) -> Work:
    """Return what is known of the work under a claim. Raises: OSError."""
    storage = folder.storage
    beat = watcher.beat(storage, claim.driver)
    age = watcher.age(storage, claim.driver)
    if beat is None:
        with contextlib.suppress(FileNotFoundError):
            age = folder.claims.age(claim)
    return Work(claim=claim, beat=beat, at_work=None if beat is None else beat.trials.get(trial_id), age=age)
