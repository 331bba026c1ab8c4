"""Small trials are not drowned by overhead: a rate that two cores must reach, shown beside bare Ray Tune's."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

OVERHEAD = Path(__file__).with_name("overhead.py")
LEAST_RATE = 10.0


@pytest.mark.ray
@pytest.mark.slow
def test_two_hundred_trivial_trials_run_at_ten_a_second_or_more():
    done = subprocess.run([sys.executable, str(OVERHEAD)], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-2000:]

    found = json.loads(done.stdout[done.stdout.index("{") :])

    print("\n" + json.dumps(found, indent=1))
    assert found["measured"]["ours"]["trials"] == 200
    assert found["measured"]["ours"]["trials_per_second"] >= LEAST_RATE
