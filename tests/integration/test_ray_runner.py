"""A real Ray in this process: what holds for the local runner holds for the one on Ray Tune too."""

import pytest
from lasting_ray import ray_runner
from running_contract import RunningContract

__all__ = ["ray_runner"]
pytestmark = pytest.mark.ray


class TestRunsOnRay(RunningContract):
    @pytest.fixture
    def runner(self, ray_runner):
        return ray_runner

    @pytest.fixture
    def storage(self, tmp_path):
        return tmp_path / "runs"
