"""The example in the docs runs as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray
DOCS = Path(__file__).parent.parent.parent / "docs"


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
