"""Trainings in several processes: they compute what one computes, and no death of one of them changes a number.

Each start of a rank imports torch, which takes seconds; everything that needs no process is in
`tests/trainables/distributed/test_ranks.py`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest
import torch
from finished_training import CONFIG as SMALL
from rank_runs import PlainRun
from safetensors.torch import load as load_safetensors

from orchestrator.ledger import Ledger
from trainables.catalog import CATALOG
from trainables.config import canonical
from trainables.distributed.rank_processes import RankLost
from trainables.execution.attempt import execute
from trainables.execution.job import Job
from trainables.loops.training import FinalRun
from trainables.record.checkpoints import position
from trainables.record.claims import Process
from trainables.record.storage import open_storage
from trainables.record.trial_folder import TrialFolder
from trainables.trial import Outcome, TrialSpec

CONFIG = SMALL.model_copy(update={"ranks": 2, "batch_size": 7, "epochs": 6, "drop_path": 0.0})
"""Six epochs of 20 images in batches of 7, 7 and 6: shares of 4 and 3, and of 3 each."""
CPU = torch.device("cpu")


@pytest.fixture
def mini(dataset_cache):
    from trainables.data.datasets import open_dataset

    return open_dataset("cifar10-mini")


@pytest.fixture(autouse=True)
def leaves_nothing(monkeypatch, tmp_path):
    """One thread for each rank; afterwards no process and no folder is left."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    yield
    torch.set_num_threads(before)
    assert not torch.distributed.is_initialized()
    assert children() == []
    assert list(scratch.glob("sharptune-*")) == []


def children() -> list[psutil.Process]:
    """Return this process's children, also those that are dead and that nobody has buried.

    Without the one that Python keeps for good once any test has had processes decode images.
    """
    kept = resource_tracker._resource_tracker._pid
    return [child for child in psutil.Process().children() if child.pid != kept]


def finish(run):
    for _ in run.steps():
        pass
    return run.outcome()


def largest_difference(one: Outcome, other: Outcome, *, buffers: bool = True) -> float:
    """Return by how much the last weights of two runs differ, with or without batch norm's running statistics."""
    ours, theirs = (load_safetensors(outcome.files["weights-last.safetensors"]) for outcome in (one, other))
    return max(
        float((ours[name] - theirs[name]).abs().max())
        for name in ours
        if buffers or not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    )


@pytest.fixture(scope="module")
def undisturbed(dataset_cache):
    """The outcome of two ranks that nobody disturbed."""
    from trainables.data.datasets import open_dataset

    torch.set_num_threads(1)
    return finish(FinalRun(CONFIG, seed=0, dataset=open_dataset("cifar10-mini"), device=CPU))


def test_two_processes_compute_what_one_computes_with_the_whole_batch(mini, monkeypatch):
    """Without batch norm all is the same but the rounding of sums, also what is dropped, cut out, clipped, held out."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    settings = {"drop_path": 0.3, "cutout": 8, "grad_clip": 0.1, "train_images": 30, "validation_images": 10}
    one, two = (
        PlainRun(CONFIG.model_copy(update={**settings, "ranks": ranks}), seed=0, dataset=mini, device=CPU)
        for ranks in (1, 2)
    )
    untrained = one.network.state_dict()["classifier.weight"].clone()
    expected, found = finish(one), finish(two)

    assert float((untrained - one.network.state_dict()["classifier.weight"]).abs().max()) > 1e-3
    assert largest_difference(expected, found) < 1e-12
    for before, after in zip(expected.epochs, found.epochs, strict=True):
        assert after == pytest.approx(before, rel=1e-6)  # losses are kept in float32
        assert after["train_error"] == before["train_error"]


def test_batch_norm_sees_shares_as_it_sees_parts_of_a_batch(mini, undisturbed):
    """Two ranks learn what one process learns that computes each batch in two parts; only what is tested differs.

    The running statistics of one process have moved by both parts, those of rank 0 by its own share.
    """
    parts, whole = (
        finish(FinalRun(CONFIG.model_copy(update={"ranks": 1, **changes}), seed=0, dataset=mini, device=CPU))
        for changes in ({"accumulate": 2}, {})
    )
    curves = [[epoch["train_loss"] for epoch in outcome.epochs] for outcome in (undisturbed, parts, whole)]

    assert curves[0] == pytest.approx(curves[1], rel=1e-4)
    assert curves[0] != pytest.approx(curves[2], rel=1e-4)
    assert curves[0][0] == pytest.approx(curves[2][0], rel=0.1)
    assert largest_difference(undisturbed, parts, buffers=False) < 1e-4
    assert largest_difference(undisturbed, parts) > 1e-2


def test_a_run_that_nobody_carries_on_ends_its_ranks(mini):
    """Also while they wait for it in the middle of a step."""
    run = FinalRun(CONFIG, seed=0, dataset=mini, device=CPU)
    paused = run.steps()
    next(paused)
    (other,) = children()
    os.kill(other.pid, signal.SIGTERM)  # which a scheduler sends to all processes; rank 0 is to decide
    next(paused)
    began = time.monotonic()
    del paused

    assert time.monotonic() - began < 60
    assert not other.is_running()


def test_a_trial_that_lost_a_rank_hears_of_it_at_once_and_ends_in_the_row_of_an_undisturbed_one(tmp_path, undisturbed):
    entry = CATALOG["train"]
    spec = TrialSpec(trainable="train", version=entry.version, config=canonical(CONFIG), seed=0)
    job = Job(
        spec=spec,
        trainable=entry,
        storage=str(tmp_path / "runs"),
        driver="driver",
        driver_process=Process.current(),
        checkpoint_minutes=1e-9,
    )
    folder = TrialFolder(open_storage(job.storage), spec.trial_id)
    killed: list[float] = []

    def kill_in_the_second_epoch() -> bool:
        if not killed and newest_checkpoint(Path(job.storage)) == (1, 1):
            (other,) = children()
            other.kill()
            killed.append(time.monotonic())
        return False

    with pytest.raises(RankLost, match=r"^rank 1 was killed by SIGKILL$"):
        list(execute(job, should_stop=kill_in_the_second_epoch))
    assert time.monotonic() - killed[0] < 90
    assert children() == []
    assert folder.read_row() is None
    *_, last = execute(job, should_stop=lambda: False)
    row = folder.read_row()

    assert last.state == "done"
    assert row is not None
    assert [(segment["epoch"], segment["step"]) for segment in row.provenance["segments"]] == [(0, 0), (1, 1)]
    assert row.metrics == undisturbed.metrics
    assert stored(Path(job.storage)) == undisturbed.files


@pytest.mark.parametrize("pipe_held", [pytest.param(False, marks=pytest.mark.slow), True])
def test_no_rank_outlives_a_killed_rank_0(pipe_held):
    """Nor does the folder in which they met, also where the broken exchange is what a rank hears of first."""
    code = f"import rank_runs; rank_runs.take_a_step_and_wait({pipe_held=})"
    leader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert leader.stdout is not None
    pid, folder = leader.stdout.readline().split()
    rank = psutil.Process(int(pid))
    others = [each for each in psutil.Process(leader.pid).children() if each != rank]
    leader.kill()
    leader.communicate()

    deadline = time.monotonic() + 90
    while not has_ended(rank) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert has_ended(rank)
    assert not Path(folder).exists()
    assert len(others) == pipe_held
    for other in others:
        other.kill()


def has_ended(process: psutil.Process) -> bool:
    """Say whether a process is gone, or only waits for a parent that looks at nothing."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.ray
def test_on_ray_a_trial_that_lost_a_rank_goes_on_from_its_checkpoint(tmp_path, undisturbed):
    train = {"trainable": "train", "config": canonical(CONFIG), "checkpoint_minutes": 1e-9, "max_failures": 1}
    (tmp_path / "ranks.yaml").write_text(json.dumps({"experiment": "ranks", "stages": {"train": train}}))
    storage = tmp_path / "runs"
    run = [sys.executable, "-m", "orchestrator", "run", "ranks.yaml", "--storage", str(storage)]
    with subprocess.Popen(run, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while newest_checkpoint(storage) is None and process.poll() is None:
                time.sleep(0.02)
            family = psutil.Process(process.pid).children(recursive=True)
            (rank,) = (each for each in family if "trainables.distributed.team" in " ".join(each.cmdline()))
            rank.kill()
            output, _ = process.communicate(timeout=300)
        finally:
            process.kill()
    (row,) = Ledger(open_storage(storage)).rows().values()

    assert process.returncode == 0, output
    assert "its process died (rank 1 was killed by SIGKILL); it goes on from its last checkpoint" in output
    assert row.provenance["attempts"] == 2
    assert row.metrics == undisturbed.metrics
    assert stored(storage) == undisturbed.files


def newest_checkpoint(storage: Path) -> tuple[int, int] | None:
    """Return the epochs and steps after which the one trial was saved last."""
    return max(filter(None, (position(path.name) for path in storage.glob("trials/*/checkpoints/*"))), default=None)


def stored(storage: Path) -> dict[str, bytes]:
    """Return the files beside the one row, but for the curves."""
    ledger = Ledger(open_storage(storage))
    ((trial_id, row),) = ledger.rows().items()
    return {name: ledger.folder(trial_id).read_file(row, name) for name in row.files if not name.endswith(".parquet")}
