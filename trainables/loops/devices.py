"""What this machine computes on, and what it is called."""

import torch

from trainables.errors import TrialFailure


def choose_device(threads: int, *, rank: int = 0, ranks: int = 1) -> torch.device:
    """Return CUDA where there is one, else the CPU, and set this process up for numbers that can be repeated.

    Each of several ranks has a GPU of its own. Raises: TrialFailure, where there are some, but too few.

    Sets torch's intra-op threads, deterministic cuDNN algorithms, and float32 that is not rounded to TF32. A process
    that runs one trial after another calls it for each.
    """
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if ranks == 1:
        return torch.device("cuda")
    if torch.cuda.device_count() < ranks:
        raise TrialFailure(f"ranks: {ranks} take a GPU each, but the trial has {torch.cuda.device_count()}")
    torch.cuda.set_device(rank)
    return torch.device("cuda", rank)


def describe() -> str:
    """Return the accelerators that PyTorch sees, in words."""
    if not torch.cuda.is_available():
        return "no GPU that PyTorch can use: trials run on the CPU"
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return ", ".join(f"{card.name} with {card.total_memory / 2**30:.0f} GiB" for card in cards)


def device_name(device: torch.device) -> str:
    """Return `cpu`, or the accelerator's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
