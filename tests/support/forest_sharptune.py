"""`sharptune` with forests, as a process of its own, one of whose processes is killed as it grows a second tree."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from forest import CATALOG, ForestConfig, ForestRun

from orchestrator.cli.main import invoke
from trainables.trial import Step


class MortalRun(ForestRun):
    """A forest whose process kills itself if it is the first to make the file that FOREST_KILLED names."""

    def steps(self) -> Iterator[Step]:
        for step in super().steps():
            if step.epoch == 2:
                with contextlib.suppress(FileExistsError):
                    Path(os.environ["FOREST_KILLED"]).touch(exist_ok=False)
                    os.kill(os.getpid(), signal.SIGKILL)
            yield step


def start_forest(config: ForestConfig, *, seed: int, threads: int, gpus: float) -> MortalRun:
    return MortalRun(config, seed)


if __name__ == "__main__":
    mortal = replace(CATALOG["forest"], start="forest_sharptune:start_forest")
    sys.exit(invoke(sys.argv[1:], catalog={**CATALOG, "forest": mortal}))
