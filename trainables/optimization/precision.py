"""How numbers are rounded while a network is computed: float32, TF32, bfloat16, or float16 with loss scaling."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""Precisions under which layers compute in half the bits, by autocast; parameters stay float32."""


class Precision:
    """One of `fp32`, `tf32`, `bf16`, `fp16`, on a device.

    `tf32` rounds the inputs of convolutions to 10 bits of mantissa where the device can; a CPU cannot, and there it is
    float32. Products of matrices stay float32: they are few, and one of them scales the pools and identities of a
    supernet, whose multipliers must count as exactly as those of convolutions. Losses are float32 under all.

    In float16 small gradients vanish, so the loss is multiplied by a scale that adapts; a step whose gradients overflow
    is left out and the scale lowered (arXiv:1710.03740). The scale is part of a run's state.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self.name = name
        self._device = device
        self._scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")

    def set_up(self) -> None:
        """Tell this process's convolutions whether they may round to TF32, and its products of matrices not to."""
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = self.name == "tf32"

    def compute(self) -> AbstractContextManager[Any]:
        """Return the context in which to call a network."""
        dtype = HALF.get(self.name)
        return nullcontext() if dtype is None else torch.autocast(self._device.type, dtype=dtype)

    def scaled(self, loss: Tensor) -> Tensor:
        """Return what to go backward from."""
        return self._scaler.scale(loss) if self._scaler.is_enabled() else loss

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Take the scale out of the gradients, once for each step, before they are looked at."""
        self._scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Take the optimizer's step, unless gradients overflowed; adapt the scale."""
        if not self._scaler.is_enabled():
            optimizer.step()
            return
        self._scaler.step(optimizer)
        self._scaler.update()

    def state(self) -> dict[str, Any]:
        return self._scaler.state_dict()

    def load(self, state: dict[str, Any]) -> None:
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(state)
