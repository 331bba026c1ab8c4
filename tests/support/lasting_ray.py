"""One real Ray for the tests of a module: to start one takes seconds, and few tests are about that."""

from collections.abc import Iterator

import pytest

from orchestrator.running.ray_tune.runner import RayRunner


class LastingRayRunner(RayRunner):
    """Keeps its Ray from run to run."""

    def close(self) -> None:
        """Not yet."""

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="module")
def ray_runner() -> Iterator[LastingRayRunner]:
    """A runner whose Ray starts with its first run, in this process, and ends with the module's last test."""
    runner = LastingRayRunner()
    yield runner
    runner.end()
