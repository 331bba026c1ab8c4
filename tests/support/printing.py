"""Chains whose process prints, past Python, and may die of it. Importable by Ray workers (`printing:start`)."""

import os
from dataclasses import replace
from pathlib import Path

from fakes import CHAIN, ChainConfig, ChainRun


class PrintingConfig(ChainConfig):
    """Settings of a chain that prints."""

    says: str = ""
    """In the first step of each epoch, on both streams."""
    dies_by: int | None = None
    """The signal that its process sends itself in epoch 2, while the file is there that is named by:"""
    while_there: str = ""


class PrintingRun(ChainRun):
    config: PrintingConfig

    def _misbehave(self) -> None:
        if self.step == 0 and self.config.says:
            os.write(1, f"out: {self.config.says} in epoch {self.epoch + 1}\n".encode())
            os.write(2, f"err: {self.config.says} in epoch {self.epoch + 1}\n".encode())
        if self.epoch == 1 and self.config.dies_by is not None and Path(self.config.while_there).exists():
            os.kill(os.getpid(), self.config.dies_by)


def start(config: PrintingConfig, *, seed: int, threads: int, gpus: float = 0) -> PrintingRun:
    return PrintingRun(config, seed, threads)


CATALOG = {"chain": replace(CHAIN, config="printing:PrintingConfig", start="printing:start")}
