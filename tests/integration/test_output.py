"""What trials print on a real Ray, killed ones too: `logs` shows it, of the right trial and attempt.

On a disk and on a real S3 server. All tests share one Ray.
"""

import json
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from drive import planned
from lasting_ray import ray_runner
from printing import CATALOG

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from orchestrator.running.run import run
from trainables.record.storage import open_storage

__all__ = ["ray_runner"]
pytestmark = pytest.mark.ray
SHORT = {"epochs": 2, "steps": 1}


@pytest.fixture(params=[pytest.param("disk", marks=pytest.mark.slow), "object store"])
def storage(request, s3_uri, tmp_path):
    """Both in each test, so that Ray's workers have the keys whichever comes first."""
    return str(tmp_path / "runs") if request.param == "disk" else s3_uri("output")


@pytest.fixture
def go(storage, ray_runner):
    """Run trials; return their states."""

    def go(*trials):
        states = run(trials, ledger=Ledger(open_storage(storage)), catalog=CATALOG, runner=ray_runner)
        return [states[trial.trial_id].state for trial in trials]

    return go


@pytest.fixture
def logs(storage, capsys):
    def logs(trial, *options):
        assert invoke(["logs", trial.trial_id, "--storage", storage, *options]) == 0
        return capsys.readouterr().out

    return logs


def said(whose, epoch):
    return f"out: {whose} in epoch {epoch}\nerr: {whose} in epoch {epoch}\n"


def test_the_last_words_of_a_process_that_crashed_and_after_a_retry_those_of_the_one_that_finished(
    storage, go, logs, tmp_path
):
    cause = tmp_path / "cause"
    cause.touch()
    crash = {"dies_by": signal.SIGSEGV, "while_there": str(cause)}
    crashing = replace(planned(0, **SHORT, says="I crash", **crash), max_failures=0)
    talking = planned(1, **SHORT, says="I talk")
    silent = planned(2, **SHORT)
    folder = Ledger(open_storage(storage)).folder

    states = go(talking, silent) + go(crashing)
    crashed = logs(crashing)
    cause.unlink()
    Ledger(open_storage(storage)).retry(crashing.trial_id)
    states += go(crashing)

    assert states == ["done", "done", "failed", "done"]
    assert "==> what attempt 1 printed (output.0001." in crashed
    assert said("I crash", 1) + said("I crash", 2) in crashed
    assert "Fatal Python error: Segmentation fault" in crashed
    assert "in _misbehave" in crashed
    assert logs(crashing).endswith(") <==\n" + said("I crash", 2))  # it went on after epoch 1
    assert said("I crash", 1) in logs(crashing, "--attempt", "1")
    assert logs(talking).endswith(") <==\n" + said("I talk", 1) + said("I talk", 2))
    assert "==>" not in logs(silent)
    assert folder(silent.trial_id).outputs.names() == []
    spools = Path(tempfile.gettempdir()).glob("sharptune-output-*/where.json")
    assert not [path for path in spools if json.loads(path.read_text())["storage"] == storage]
