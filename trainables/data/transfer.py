"""From the CPU to the device where a network is computed."""

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the CPU on the device, without making the host wait for it."""
    if device.type == "cuda":
        tensor = tensor.contiguous().pin_memory()  # from other memory the host copies it itself
    return tensor.to(device, non_blocking=True)
