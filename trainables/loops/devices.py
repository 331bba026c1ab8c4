"""What this machine computes on, and what it is called."""

import torch


def describe() -> str:
    """Return the accelerators that PyTorch sees, in words."""
    if not torch.cuda.is_available():
        return "no GPU that PyTorch can use: trials run on the CPU"
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return ", ".join(f"{card.name} with {card.total_memory / 2**30:.0f} GiB" for card in cards)


def device_name(device: torch.device) -> str:
    """Return `cpu`, or the accelerator's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
