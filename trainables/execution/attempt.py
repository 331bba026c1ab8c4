"""Carry one trial to its row, from wherever it stands.

`execute` is what every runner calls, in this process or in a Ray worker. Calling it again after any interruption goes
on from the newest checkpoint; calling it for a finished trial does nothing.
"""

import contextlib
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from pydantic import BaseModel

from trainables.errors import ClaimLost, DamagedFile, SharptuneError, TrialFailure
from trainables.execution import words
from trainables.execution.adoption import Adoption
from trainables.execution.history import History
from trainables.execution.job import Job, Progress, State
from trainables.execution.printed import Printed
from trainables.record.checkpoints import Checkpoint
from trainables.record.claims import Busy, Claim
from trainables.record.lineage import Inputs, ParentNotDone, gather, read_files
from trainables.record.secrets import masked
from trainables.record.storage import open_storage, trouble
from trainables.record.trial_folder import ROW, TrialFolder, epochs_parquet
from trainables.trial import JSON, Outcome, Run, Spent, Step, TrialRow

PROGRESS_SECONDS = 5.0


def execute(job: Job, *, should_stop: Callable[[], bool], keep_output: bool = False) -> Iterator[Progress]:
    """Run a trial to its row, yielding its progress; the last item is never `running`.

    What the process prints meanwhile is kept beside the trial where `keep_output` says so, and goes nowhere else.

    Exceptions of the trial itself end in a failed row. Nothing is written once the claim is another's.
    """
    trial_id = job.spec.trial_id
    try:
        storage = open_storage(job.storage)
    except SharptuneError as error:  # no keys for it on this node, say
        yield Progress(trial_id=trial_id, state="halted", note=str(error))
        return
    try:
        folder = TrialFolder(storage, trial_id)
        if wrong := job.why_not_here(folder.storage):
            yield Progress(trial_id=trial_id, state="halted", note=wrong)
            return
        seen = folder.seen()
        if (row := _finished(seen)) is not None:
            _clear_away(job, seen, row)
            yield Progress.of_row(row)
            return
        if should_stop():
            yield Progress(trial_id=trial_id, state="stopped")
            return
        claim = seen.claims.acquire(driver=job.driver, driver_process=job.driver_process, stale=job.stale)
        if isinstance(claim, Busy):
            yield Progress(trial_id=trial_id, state="busy", note=claim.claim.holder)
            return
        attempt = Attempt(job, folder, claim, seen.claims.problems)
        try:
            yield from attempt.run(should_stop, Printed(folder, claim.attempt) if keep_output else nullcontext())
        finally:
            attempt.close()
    except OSError as error:
        if not (wrong := trouble(error, job.storage)):
            raise
        yield Progress(trial_id=trial_id, state="halted", note=wrong)


def record_failure(job: Job, error: str) -> None:
    """Write the failed row of a trial whose processes died too often; does nothing if it has a row after all."""
    folder = TrialFolder(open_storage(job.storage), job.spec.trial_id)
    if _finished(folder) is not None:
        return
    claim = folder.claims.acquire(driver=job.driver, driver_process=job.driver_process, stale=job.stale)
    if isinstance(claim, Busy):
        return
    attempt = Attempt(job, folder, claim)
    try:
        with contextlib.suppress(ClaimLost):
            attempt.fail_unseen(error)
    finally:
        attempt.close()


class Attempt:
    """One claim's work on a trial."""

    def __init__(self, job: Job, folder: TrialFolder, claim: Claim, problems: Sequence[str] = ()) -> None:
        """Begin; `problems` are sentences on the claims before this one."""
        self.job = job
        self.folder = folder
        self.claim = claim
        self._checkpoints = folder.checkpoints(job.spec)
        self._lines = folder.log(claim)
        self._history = History(job, claim)
        self._adoption = Adoption(job, folder, claim)
        self._inputs = Inputs()
        self._problems = list(problems)
        self._row: TrialRow | None = None
        """The row that is there, once it is."""
        self._last_seen = folder
        """The folder, as it was seen last before the row was written."""
        self._config: dict[str, JSON] = dict(job.spec.config)

    def run(self, should_stop: Callable[[], bool], printed: AbstractContextManager[object]) -> Iterator[Progress]:
        """Start or resume the run, carry it to its row, and yield progress; `printed` surrounds the work."""
        seen = self.folder.seen()
        if (row := self._set_right(seen)) is not None:  # someone finished it while we claimed it
            yield Progress.of_row(row)
            return
        seen.write_spec(self.job.spec, self.job.asked_by)
        self._checkpoints = seen.checkpoints(self.job.spec)
        try:
            with printed:
                last = yield from self._carry(should_stop)
        except ClaimLost as lost:
            last = self._progress("lost", note=str(lost))
        except ParentNotDone as early:
            last = self._progress("busy", note=str(early))
        except OSError:  # the storage's trouble, or the machine's: not the trial's fault, so it is tried again
            self._log(*traceback.format_exc().splitlines())
            raise
        if last.state in ("done", "lost"):  # before the last word: nobody need listen on after it
            _clear_away(self.job, self._last_seen, self._row, self.claim.attempt)
        self._save_log()
        yield last

    def close(self) -> None:
        """Let go of the claim."""
        self._save_log()
        with contextlib.suppress(OSError):
            self.folder.claims.release(self.claim)

    def _carry(self, should_stop: Callable[[], bool]) -> Generator[Progress, None, Progress]:
        """Carry the run to its row, or to where it is stopped, and return how it ended.

        Raises: ClaimLost, also where it failed after it was taken over; ParentNotDone; OSError.
        """
        try:
            config = self._gather()
            if (row := self._adoption.row(self._config, self._inputs, self._history, self._checkpoints)) is not None:
                self._log(f"attempt {self.claim.number} takes over the row of {row.adopted_from}, which is alike")
                return Progress.of_row(self._record(row))
            run = yield from self._resume(config)
            stopped = yield from self._work(run, should_stop)
            return stopped or Progress.of_row(self._finish(run.outcome(), run.spent()))
        except (ClaimLost, ParentNotDone, OSError):
            raise
        except Exception as error:
            self.folder.claims.check(self.claim)
            self._log(*traceback.format_exc().splitlines())
            return Progress.of_row(self.fail(words.sentence(error), recurs=isinstance(error, TrialFailure)))

    def fail_unseen(self, error: str) -> None:
        """Record a failure that happened in another process. Raises: ClaimLost."""
        with contextlib.suppress(Exception):  # whatever was wrong with its settings, the row says what it can
            self._gather()
        self.fail(error)

    def fail(self, error: str, *, recurs: bool = False) -> TrialRow:
        """Record that the trial cannot be done, and if it would end so again; return the row. Raises: ClaimLost."""
        row = self._record(
            TrialRow(
                trial_id=self.job.spec.trial_id,
                spec=self.job.spec,
                config=self._config,
                state="failed",
                metrics={},
                artifacts={},
                error=masked(error),
                parents=self._inputs.consumed,
                timing=self._history.timing(self._inputs),
                provenance={**self._history.provenance(self._inputs), "recurs": recurs},
            )
        )
        self._log(f"failed: {error}")
        return row

    def _gather(self) -> BaseModel:
        """Take what the parents found and return the config at work. Raises: ParentNotDone, TrialFailure."""
        self._inputs = gather(self.folder.storage, self.job.spec, self.job.trainable.derive)
        config = self.job.trainable.config_class()(**self._inputs.config)
        self._config = config.model_dump(mode="json")
        return config

    def _resume(self, config: BaseModel) -> Generator[Progress, None, Run]:
        """Build the run and load the newest good checkpoint; returns the run."""
        run = self._start(config)

        def use(checkpoint: Checkpoint) -> None:
            if checkpoint.history.get("consumed") != self._inputs.consumed:
                raise DamagedFile("it was made from other findings of the trial's parents")
            run.load(checkpoint.payload)

        checkpoint, problems = self._checkpoints.newest(use)
        problems = [*self._problems, *problems]
        if checkpoint is not None:
            self._history.take_over(checkpoint.history)
        where = (checkpoint.epoch, checkpoint.step) if checkpoint else (0, 0)
        spent = run.spent()
        # Given none and on a GPU all the same, it takes whole ones.
        gpus = 0 if spent.device == "cpu" else self.job.gpus or self._config.get("ranks", 1)
        self._history.begin(epoch=where[0], step=where[1], spent=spent, gpus=gpus)
        begin = "starts" if checkpoint is None else f"resumes after epoch {where[0]}, step {where[1]}"
        self._log(f"attempt {self.claim.number} {begin} in process {self.claim.worker_process.pid}", *problems)
        if problems or checkpoint is not None:
            yield self._progress("running", epoch=where[0], step=where[1], note="; ".join([begin, *problems]))
        return run

    def _set_right(self, seen: TrialFolder) -> TrialRow | None:
        """Return the row if there is a good one; set a damaged one aside, and clear what killed writers left."""
        try:
            row = seen.read_row()
        except DamagedFile as error:
            row = None
            aside = seen.set_aside(ROW, "damaged")
            self._problems.append(f"row.json is not trusted: {error}; it is kept as {aside}")
        if row is None:
            self.folder.storage.tidy(self.folder.path)
        return row

    def _start(self, config: BaseModel) -> Run:
        job = self.job
        files = read_files(self.folder.storage, self._inputs)
        return job.trainable.run(config, seed=job.spec.seed, threads=job.threads, gpus=job.gpus, files=files)

    def _work(self, run: Run, should_stop: Callable[[], bool]) -> Generator[Progress, None, Progress | None]:
        """Step through the run; returns None at its end, or the progress at which it was stopped."""
        said = saved = time.monotonic()
        for step in run.steps():
            now = time.monotonic()
            ended = step.metrics is not None
            if ended or now - saved >= 60 * self.job.checkpoint_minutes:
                self._save(run, step)
                saved = time.monotonic()
            if ended:
                self._log(words.epoch_line(step))
            if should_stop():
                if not ended:
                    self._save(run, step)
                self._log(f"stopped on request in epoch {step.epoch}, after step {step.step}")
                return self._progress("stopped", step=step.step, epoch=step.epoch)
            if not ended and self.job.time_limit and self._history.wall_seconds >= self.job.time_limit:
                self._save(run, step)
                where = f"epoch {step.epoch - 1}, step {step.step}"
                raise TrialFailure(f"it reached its time_limit of {words.duration(self.job.time_limit)} after {where}")
            if ended or now - said >= PROGRESS_SECONDS:
                said = now
                place = {"epoch": step.epoch, "step": step.step, "steps": step.steps}
                yield self._progress("running", **place, metrics=step.metrics or {})
        return None

    def _save(self, run: Run, step: Step) -> None:
        self.folder.claims.check(self.claim)
        done = step.metrics is not None
        checkpoint = Checkpoint(
            spec=self.job.spec,
            epoch=step.epoch if done else step.epoch - 1,
            step=0 if done else step.step,
            payload=run.state(),
            history={**self._history.to_json(), "consumed": self._inputs.consumed},
        )
        self._checkpoints.save(checkpoint, self.claim.attempt)
        with contextlib.suppress(OSError):
            self._lines.save_now_and_then()

    def _finish(self, outcome: Outcome, spent: Spent) -> TrialRow:
        """Write everything the row stands for, and the row last; return it. Raises: ClaimLost."""
        everything = {**outcome.files, "epochs.parquet": epochs_parquet(outcome.epochs)}
        files = self.folder.write_files(everything, self.claim)
        row = self._record(
            TrialRow(
                trial_id=self.job.spec.trial_id,
                spec=self.job.spec,
                config=self._config,
                state="done",
                metrics={name: float(value) for name, value in outcome.metrics.items()},
                artifacts={**outcome.artifacts, **self._inputs.artifacts},
                parents=self._inputs.consumed,
                files=files,
                timing=self._history.timing(self._inputs, spent),
                provenance=self._history.provenance(self._inputs),
            )
        )
        self._log("done: " + words.numbers(row.metrics))
        self._adoption.tell()
        return row

    def _record(self, row: TrialRow) -> TrialRow:
        """Commit a row and return it, or the one that was there before it. Raises: ClaimLost."""
        seen = self.folder.seen()
        seen.claims.check(self.claim)
        if self.folder.commit_row(row, self._inputs.origins):
            self._row, self._last_seen = row, seen
        else:
            self._row = _finished(self.folder)
        if self._row is None:
            raise ClaimLost("another process took the trial's row away, or spoiled it, while this one wrote its own")
        return self._row

    def _log(self, *lines: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):
            self._lines.add(*(f"{stamp} {line}" for line in lines))

    def _save_log(self) -> None:
        with contextlib.suppress(OSError):
            self._lines.save()

    def _progress(self, state: State, **values) -> Progress:
        by = {"node": self.claim.worker_process.host, "attempt": self.claim.number}
        return Progress(trial_id=self.job.spec.trial_id, state=state, **by, **values)


def _clear_away(job: Job, folder: TrialFolder, row: TrialRow | None, ended: str = "") -> None:
    """Delete what a finished trial needs no more; where that cannot be, the trial is no less done."""
    with contextlib.suppress(OSError):
        row = row or _finished(folder)
        if row is not None and row.state == "done":
            folder.sweep(row, ended)
            if not job.keep_checkpoints:
                folder.checkpoints(job.spec).clear()


def _finished(folder: TrialFolder) -> TrialRow | None:
    """Return a row that can be trusted."""
    try:
        return folder.read_row()
    except DamagedFile:
        return None
