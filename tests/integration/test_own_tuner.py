"""The example in the docs runs as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("nodes")]
DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.parametrize("given", [{"CPU": 1}, {"CPU": 1, "GPU": 0.5}])
def test_they_compute_on_a_gpu_only_where_tune_gives_them_one(monkeypatch, given):
    from ray import tune

    from trainables.ray_trainable import FinalTrainable

    started = []
    monkeypatch.setattr("trainables.loops.training.start", lambda config, **how: started.append(how))
    trainable = FinalTrainable.__new__(FinalTrainable)
    trainable._trial_info = SimpleNamespace(trial_resources=tune.PlacementGroupFactory([given]))

    trainable.setup({"genotype": "DARTS_V2", "seed": 3})

    assert started == [{"seed": 3, "threads": 1, "gpus": given.get("GPU", 0)}]


def test_the_trainables_run_in_anyones_own_tuner(tmp_path, dataset_cache):
    [code] = re.findall(r"```python\n(.*?)```", (DOCS / "own_tuner.md").read_text(), re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "SHARPTUNE_CACHE": str(dataset_cache), "TMPDIR": "/tmp"},
        timeout=400,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    [errors] = re.findall(r"test errors: \[(.*)\]", done.stdout)
    assert len(errors.split(",")) == 2
    assert all(0 <= float(error) <= 100 for error in errors.split(","))
