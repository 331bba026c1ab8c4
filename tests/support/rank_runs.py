"""Trainings for several processes, which import them by name."""

import os
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import psutil
import torch
from torch import Tensor, nn

from trainables.architecture.final_networks import build_network
from trainables.loops.training import FinalRun


class NoNorm(nn.Module):
    """In the place of a batch norm: so that nothing but the loss looks at more than one image."""

    def forward(self, x_BCHW: Tensor, scale: None = None) -> Tensor:
        return x_BCHW


def without_batch_norm(architecture, **settings) -> nn.Module:
    """Return a final network without batch norms, in float64."""
    network = build_network(architecture, **settings).double()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, NoNorm())
    network.register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))
    return network


class PlainRun(FinalRun):
    """A final training without batch norm, all of it in float64."""

    @classmethod
    def of_rank(cls, *args, **kwargs):
        torch.Tensor.float = torch.Tensor.double  # this process does nothing else
        return super().of_rank(*args, **kwargs)

    def __init__(self, *args, **kwargs):
        with patch("trainables.loops.training.build_network", without_batch_norm):
            super().__init__(*args, **kwargs)


def take_a_step_and_wait(*, pipe_held: bool) -> None:
    """Be rank 0 of two, in the middle of an epoch; print the other's process and the folder in which they met.

    Where the pipe is held, another child of this process keeps the pipe to the other rank open for five minutes.
    """
    from finished_training import CONFIG

    from trainables.loops.training import start

    paused = start(CONFIG.model_copy(update={"ranks": 2}), seed=0, threads=1).steps()
    next(paused)
    (other,) = psutil.Process().children()
    meeting = next(Path(tempfile.gettempdir()).glob(f"sharptune-ranks-{os.getpid()}-*"))
    if pipe_held and os.fork() == 0:
        os.close(1)  # whoever reads the output sees the end
        for connection in psutil.Process().net_connections(kind="all"):  # and the exchange breaks, when rank 0 dies
            os.close(connection.fd)
        time.sleep(300)
        os._exit(0)
    print(other.pid, meeting, flush=True)
    sys.stdin.read()
