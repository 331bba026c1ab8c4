"""What this machine computes on, and what it is called."""

import platform
from collections.abc import Mapping

import torch

from trainables.errors import TrialFailure
from trainables.trial import JSON


def choose_device(threads: int, *, gpus: float, rank: int = 0, ranks: int = 1) -> torch.device:
    """Return CUDA for a trial that was given GPUs, else the CPU, and set this process up for repeatable numbers.

    What is visible beside is not the trial's to take: others may be at work there. Each of several ranks has a GPU of
    its own. Raises: TrialFailure, where it sees fewer than it was given.

    Sets torch's intra-op threads, deterministic cuDNN algorithms, and float32 that is not rounded to TF32. A process
    that runs one trial after another calls it for each.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    if not gpus:
        return torch.device("cpu")
    if not visible_gpus():
        raise TrialFailure(_no_gpu(gpus))
    if ranks == 1:
        return torch.device("cuda")
    if torch.cuda.device_count() < ranks:
        raise TrialFailure(f"ranks: {ranks} take a GPU each, but the trial has {torch.cuda.device_count()}")
    torch.cuda.set_device(rank)
    return torch.device("cuda", rank)


def visible_gpus() -> int:
    """Return how many GPUs this process sees."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def lacking(settings: Mapping[str, JSON], gpus: float) -> str:
    """Return why this process cannot run such a trial, which was given so many GPUs; empty when it can.

    Random search never takes the GPUs that it is given.
    """
    needed = gpus and settings.get("strategy") != "random"
    return _no_gpu(gpus) if needed and not visible_gpus() else ""


def _no_gpu(gpus: float) -> str:
    where = f"PyTorch sees no GPU on {platform.node()}"
    return f"the trial's resources say gpus: {gpus:g}, and {where}; gpus=0 runs it on the CPU"


def describe() -> str:
    """Return the accelerators that PyTorch sees, in words."""
    if not visible_gpus():
        return "no GPU that PyTorch can use: what asks for none runs here, on the CPU"
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return ", ".join(f"{card.name} with {card.total_memory / 2**30:.0f} GiB" for card in cards)


def device_name(device: torch.device) -> str:
    """Return `cpu`, or the accelerator's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
