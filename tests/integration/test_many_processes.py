"""Real processes that want the same thing at once."""

import subprocess
import sys


def test_two_processes_may_ensure_a_dataset_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path))
    code = (
        "from trainables.data.datasets import ensure, verify; "
        "ensure('cifar10-mini'); verify('cifar10-mini'); print('ok')"
    )
    command = [sys.executable, "-c", code]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]

    assert [out for out, _ in outputs] == ["ok\n"] * 2, outputs
    assert [path.name for path in (tmp_path / "datasets").iterdir() if path.name.startswith(".")] == []
