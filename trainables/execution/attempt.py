"""Carry one trial to its row, from wherever it stands.

`execute` is what every runner calls, in this process or in a Ray worker. Calling it again after any interruption goes
on from the newest checkpoint; calling it for a finished trial does nothing.
"""

import contextlib
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from trainables.catalog import load
from trainables.errors import ClaimLost, DamagedFile, SharptuneError, TrialFailure
from trainables.execution.job import Job, Progress, State
from trainables.record import provenance
from trainables.record.checkpoints import Checkpoint
from trainables.record.claims import Busy, Claim, Heartbeat
from trainables.record.lineage import Inputs, ParentNotDone, gather, totals
from trainables.record.storage import NO_SPACE, Storage, here_path, open_storage
from trainables.record.trial_folder import ROW, TrialFolder, epochs_parquet
from trainables.trial import JSON, Outcome, Run, Spent, Step, TrialRow, canonical_json

PROGRESS_SECONDS = 5.0
NO_CONDITION = frozenset({"epoch", "step", "attempt", "host", "device_seconds", "gpus"})
"""What a run's segments may differ in without a digit of its results depending on it."""


def execute(job: Job, *, should_stop: Callable[[], bool]) -> Iterator[Progress]:
    """Run a trial to its row, yielding its progress; the last item is never `running`.

    Exceptions of the trial itself end in a failed row. Nothing is written once the claim is another's.
    """
    trial_id = job.spec.trial_id
    folder = TrialFolder(open_storage(job.storage), trial_id)
    if wrong := _wrong_place(job, folder.storage):
        yield Progress(trial_id=trial_id, state="halted", note=wrong)
        return
    try:
        if (row := _finished(folder)) is not None:
            yield Progress.of_row(row)
            return
        if should_stop():
            yield Progress(trial_id=trial_id, state="stopped")
            return
        claim = folder.claims.acquire(driver=job.driver, driver_process=job.driver_process, stale=job.stale)
        if isinstance(claim, Busy):
            yield Progress(trial_id=trial_id, state="busy", note=claim.claim.holder)
            return
        attempt = Attempt(job, folder, claim)
        try:
            yield from attempt.run(should_stop)
        finally:
            attempt.close()
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        yield Progress(trial_id=trial_id, state="halted", note=f"{error.strerror} in {job.storage}")


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

    def __init__(self, job: Job, folder: TrialFolder, claim: Claim) -> None:
        self.job = job
        self.folder = folder
        self.claim = claim
        self._heartbeat = Heartbeat(folder.claims, claim)
        self._checkpoints = folder.checkpoints(job.spec)
        self._code = job.code or provenance.code_digest()
        self._history: dict[str, JSON] = {"started": _now(), "wall_seconds": 0.0, "segments": []}
        self._since = time.monotonic()
        self._inputs = Inputs()
        self._problems: list[str] = []
        self._config: dict[str, JSON] = dict(job.spec.config)

    def run(self, should_stop: Callable[[], bool]) -> Iterator[Progress]:
        """Start or resume the run, carry it to its row, and yield progress."""
        if (row := self._set_right()) is not None:  # someone finished it while we claimed it
            yield Progress.of_row(row)
            return
        self._heartbeat.start()
        self.folder.write_spec(self.job.spec, self.job.asked_by)
        try:
            run = yield from self._resume()
            stopped = yield from self._work(run, should_stop)
            if stopped is not None:
                yield stopped
                return
            self._finish(run.outcome(), run.spent())
        except ClaimLost as lost:
            yield self._progress("lost", note=str(lost))
            return
        except ParentNotDone as early:
            yield self._progress("busy", note=str(early))
            return
        except OSError:  # the storage's trouble, or the machine's: not the trial's fault, so it is tried again
            self._log(*traceback.format_exc().splitlines())
            raise
        except Exception as error:
            self._fail_with(error)
        row = self.folder.read_row()
        assert row is not None
        yield Progress.of_row(row)

    def close(self) -> None:
        """Let go of the claim."""
        self._heartbeat.stop()
        with contextlib.suppress(OSError):
            self.folder.claims.release(self.claim)

    def fail_unseen(self, error: str) -> None:
        """Record a failure that happened in another process. Raises: ClaimLost."""
        with contextlib.suppress(Exception):  # whatever was wrong with its settings, the row says what it can
            self._inputs = gather(self.folder.storage, self.job.spec)
            self._config = self.job.trainable.config_class()(**self._inputs.config).model_dump(mode="json")
        self.fail(error)

    def fail(self, error: str, *, recurs: bool = False) -> None:
        """Record that the trial cannot be done, and whether it would end so again. Raises: ClaimLost."""
        self.folder.claims.check(self.claim)
        row = TrialRow(
            trial_id=self.job.spec.trial_id,
            spec=self.job.spec,
            config=self._config,
            state="failed",
            metrics={},
            artifacts={},
            error=error,
            parents=self._inputs.consumed,
            timing=self._timing(),
            provenance={**self._provenance(), "recurs": recurs},
        )
        self.folder.commit_row(row)
        self._log(f"failed: {error}")

    def _resume(self) -> Generator[Progress, None, Run]:
        """Build the run and load the newest good checkpoint; returns the run."""
        self._inputs = gather(self.folder.storage, self.job.spec)
        config_class = self.job.trainable.config_class()
        config = config_class(**self._inputs.config)
        self._config = config.model_dump(mode="json")
        run = self._start(config)

        def use(checkpoint: Checkpoint) -> None:
            if checkpoint.history.get("consumed") != self._inputs.consumed:
                raise DamagedFile("it was made from other findings of the trial's parents")
            run.load(checkpoint.payload)

        checkpoint, problems = self._checkpoints.newest(use)
        problems = [*self._problems, *problems, *self.folder.claims.problems]
        if checkpoint is not None:
            self._history = dict(checkpoint.history)
        where = (checkpoint.epoch, checkpoint.step) if checkpoint else (0, 0)
        spent = run.spent()
        segment = {
            "epoch": where[0],
            "step": where[1],
            "attempt": self.claim.attempt,
            "code": self._code,
            "threads": self.job.threads,
            "device": spent.device,
            "device_seconds": spent.seconds,
            # Given none and on a GPU all the same, it takes whole ones.
            "gpus": 0 if spent.device == "cpu" else self.job.gpus or self._config.get("ranks", 1),
            **provenance.machine(),
        }
        self._history["segments"] = [*self._history["segments"], segment]
        begin = "starts" if checkpoint is None else f"resumes after epoch {where[0]}, step {where[1]}"
        self._log(f"attempt {self.claim.number} {begin} in process {self.claim.worker_process.pid}", *problems)
        if problems or checkpoint is not None:
            yield self._progress("running", epoch=where[0], step=where[1], note="; ".join([begin, *problems]))
        return run

    def _set_right(self) -> TrialRow | None:
        """Return the row if there is a good one; set a damaged one aside, and clear what killed writers left."""
        try:
            row = self.folder.read_row()
        except DamagedFile as error:
            row = None
            aside = self.folder.set_aside(ROW, "damaged")
            self._problems.append(f"row.json is not trusted: {error}; it is kept as {aside}")
        if row is None:
            self.folder.storage.tidy(self.folder.path)
        return row

    def _start(self, config: BaseModel) -> Run:
        return load(self.job.trainable.start)(config, seed=self.job.spec.seed, threads=self.job.threads)

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
                self._log(_epoch_line(step))
            if should_stop():
                if not ended:
                    self._save(run, step)
                self._log(f"stopped on request in epoch {step.epoch}, after step {step.step}")
                return self._progress("stopped", step=step.step, epoch=step.epoch)
            if ended or now - said >= PROGRESS_SECONDS:
                said = now
                place = {"epoch": step.epoch, "step": step.step, "steps": step.steps}
                yield self._progress("running", **place, metrics=step.metrics or {})
        return None

    def _save(self, run: Run, step: Step) -> None:
        self.folder.claims.check(self.claim)
        done = step.metrics is not None
        now = {"wall_seconds": self._wall_seconds(), "consumed": self._inputs.consumed}
        checkpoint = Checkpoint(
            spec=self.job.spec,
            epoch=step.epoch if done else step.epoch - 1,
            step=0 if done else step.step,
            payload=run.state(),
            history={**self._history, **now},
        )
        self._checkpoints.save(checkpoint, self.claim.attempt)

    def _finish(self, outcome: Outcome, spent: Spent) -> None:
        """Write everything the row stands for, and the row last."""
        self.folder.claims.check(self.claim)
        everything = {**outcome.files, "epochs.parquet": epochs_parquet(outcome.epochs)}
        files = self.folder.write_files(everything, self.claim)
        row = TrialRow(
            trial_id=self.job.spec.trial_id,
            spec=self.job.spec,
            config=self._config,
            state="done",
            metrics={name: float(value) for name, value in outcome.metrics.items()},
            artifacts={**outcome.artifacts, **self._inputs.artifacts},
            parents=self._inputs.consumed,
            files=files,
            timing=self._timing(spent),
            provenance=self._provenance(),
        )
        self.folder.claims.check(self.claim)
        self.folder.commit_row(row)
        self._log("done: " + _numbers(row.metrics))

    def _fail_with(self, error: Exception) -> None:
        self._log(*traceback.format_exc().splitlines())
        self.fail(_sentence(error), recurs=isinstance(error, TrialFailure))

    def _wall_seconds(self) -> float:
        return self._history["wall_seconds"] + time.monotonic() - self._since

    def _timing(self, spent: Spent | None = None) -> dict[str, JSON]:
        timing = {"started": self._history["started"], "finished": _now(), "wall_seconds": self._wall_seconds()}
        if spent is not None:
            timing["device_seconds"] = spent.seconds
            timing["peak_memory_bytes"] = spent.peak_bytes
            timing.update(totals(spent, self._history["segments"], self._inputs))
        return timing

    def _provenance(self) -> dict[str, JSON]:
        segments = self._history["segments"]
        kinds = {canonical_json({name: s[name] for name in s.keys() - NO_CONDITION}) for s in segments}
        processor = provenance.processor()
        device = segments[-1]["device"] if segments else "cpu"
        return {
            "asked_by": dict(self.job.asked_by),
            "commit": self.job.commit,
            "code": self._code,
            "versions": provenance.versions(),
            "hardware": processor if device == "cpu" else device,
            "gpus": sorted({segment["gpus"] for segment in segments if segment["gpus"]}),
            "host": self.claim.worker_process.host,
            "threads": self.job.threads,
            "attempts": self.claim.number,
            "segments": segments,
            "mixed": len(kinds) > 1,
            "ancestors": self._inputs.ancestors,
        }

    def _log(self, *lines: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):
            self.folder.log(*(f"{stamp} {line}" for line in lines))

    def _progress(self, state: State, **values) -> Progress:
        return Progress(trial_id=self.job.spec.trial_id, state=state, **values)


def _finished(folder: TrialFolder) -> TrialRow | None:
    """Return a row that can be trusted."""
    try:
        return folder.read_row()
    except DamagedFile:
        return None


def _wrong_place(job: Job, storage: Storage) -> str:
    """Return why this process must not run the job, in a sentence; empty when it may."""
    if job.code not in (None, provenance.code_digest()):
        if job.elsewhere:
            return (
                "the code on this node is not the driver's: install the same version of sharptune on every node, "
                "or let `run --address` ship it"
            )
        return "the code changed since this run began, and its processes would mix what was and what is there now"
    if job.elsewhere and not storage.exists(here_path(job.driver)):
        return f"this node does not see the storage {job.storage}; use a folder that all nodes share, or s3://"
    return ""


def _sentence(error: Exception) -> str:
    """Return what went wrong in one line; our own sentences speak for themselves."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'config'}: {e['msg']}" for e in error.errors())
    text = " ".join(str(error).split())
    return text if isinstance(error, SharptuneError) else f"{type(error).__name__}: {text}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _numbers(metrics: Mapping[str, float]) -> str:
    return " ".join(f"{name}={value:.6g}" for name, value in metrics.items())


def _epoch_line(step: Step) -> str:
    return f"epoch {step.epoch}: {_numbers(step.metrics or {})}"
