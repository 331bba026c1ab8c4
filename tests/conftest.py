"""What all tests share: one thread, the same random numbers in whatever order they run, fakes that Ray workers can
import, no way to anyone's own cache or storage."""

import gc
import os
import random
import signal
import sys
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings

SUPPORT = Path(__file__).parent / "support"
FIRST = ("nodes", "ray", "slurm", "browser", "checked heap")
"""The groups of tests that take longest, the longest first."""
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH")]))
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  (by default 15, with which they starve beside other tests)
sys.path.insert(0, str(SUPPORT))
for ignored in (signal.SIGINT, signal.SIGHUP):  # as in what a script or nohup starts; processes of tests must hear them
    if signal.getsignal(ignored) is signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored == signal.SIGINT else lambda *_: None)
gc.set_threshold(10_000, 20, 50)  # all that has been imported is no garbage: looking through it takes seconds
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=500, deadline=None, print_blob=True)  # what `make explore` asks for
settings.load_profile("fixed")
pytest.register_assert_rewrite("faults", "running_contract", "storage_contract", "takeover_contract")


@pytest.fixture(autouse=True)
def random_numbers():
    """Start all generators anew, so that no test's numbers hang on which tests ran before it in its process."""
    import numpy as np  # and torch, which reads the number of threads when it is imported
    import torch

    random.seed(0)
    np.random.seed(0)
    torch.default_generator.manual_seed(0)  # manual_seed writes down a traceback for each kind of device not there
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(0)


@pytest.fixture(autouse=True, scope="session")
def dataset_cache(tmp_path_factory):
    """One dataset cache for the whole session, so that nothing depends on what lies on this machine."""
    root = tmp_path_factory.getbasetemp() / "cache"
    if "PYTEST_XDIST_WORKER" in os.environ:  # its processes share one, so that each dataset is decoded once
        root = tmp_path_factory.getbasetemp().parent / "cache"
    before = os.environ.get("SHARPTUNE_CACHE")
    os.environ["SHARPTUNE_CACHE"] = str(root)
    yield root
    if before is None:
        del os.environ["SHARPTUNE_CACHE"]
    else:
        os.environ["SHARPTUNE_CACHE"] = before


@pytest.fixture
def chains(tmp_path, monkeypatch) -> Path:
    """An experiment of two roots and their four children, in a working directory of its own."""
    from command_line import CHAINS

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    path = tmp_path / "chains.yaml"
    path.write_text(CHAINS)
    return path


@pytest.fixture
def sharptune(chains, capsys):
    """Call the command in this process, on the fakes' catalog."""
    from command_line import call

    return partial(call, capsys)


@pytest.fixture
def run(sharptune):
    """`sharptune run` in this process."""
    return partial(sharptune, "run", "chains.yaml", "--runner", "local")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep tests that start Ray in one process of the test runner, but for those that mostly wait.

    Those of several nodes, and rehearsals, are the group `nodes`; Slurm's is one of its own. So there are at most three
    Rays at once, each of which needs a processor for a seventh of its time. The longest begin first; what takes
    milliseconds fills the gaps at the end.
    """
    for item in items:
        if item.get_closest_marker("ray") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("ray"))
    items.sort(key=turn)


def turn(item) -> int:
    """Return when a test's turn is, from 0."""
    group = item.get_closest_marker("xdist_group")
    if group and group.args[0] in FIRST:
        return FIRST.index(group.args[0])
    return len(FIRST) if item.nodeid.startswith(("tests/integration/", "tests/benchmarks/")) else len(FIRST) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give one process of the test runner whole groups, or else whole files: what their tests share is made once."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class Files(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return super()._split_scope(nodeid).partition("::")[0]

    return Files(config, log)
