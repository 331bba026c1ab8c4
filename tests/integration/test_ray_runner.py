"""A real Ray in this process: what holds for the local runner holds for the one on Ray Tune too."""

import pytest
from running_contract import RunningContract

from orchestrator.running.ray_tune.runner import RayRunner

pytestmark = pytest.mark.ray


class LastingRayRunner(RayRunner):
    """Keeps its Ray from run to run: to start one takes seconds."""

    def close(self) -> None:
        """Not yet."""

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="module")
def ray_runner():
    runner = LastingRayRunner()
    yield runner
    runner.end()


class TestRunsOnRay(RunningContract):
    @pytest.fixture
    def runner(self, ray_runner):
        return ray_runner

    @pytest.fixture
    def storage(self, tmp_path):
        return tmp_path / "runs"
