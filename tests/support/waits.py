"""Counts what makes the host wait for an accelerator, without one: on tensors that have a shape and no numbers."""

from collections import Counter

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

META = torch.device("meta")


class Waits(TorchDispatchMode):
    """While it is on, `counts` has the calls that would stop the host until the device has done all it was given.

    Constants that are made of Python numbers (`lift_fresh`) and then copied, copies between devices, and numbers that
    the host asks for. Numbers of tensors that lie on the CPU, such as an optimizer's count of steps, cost nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        asks = name in ("_local_scalar_dense", "nonzero", "equal", "is_nonzero")
        if name == "lift_fresh" or (asks and any(tensor.device == META for tensor in inputs)):
            self.counts[name] += 1
        result = func(*args, **kwargs)
        devices = {leaf.device for leaf in (*inputs, *tree_leaves(result)) if isinstance(leaf, Tensor) and leaf.ndim}
        if name in ("_to_copy", "copy_", "index", "index_put_", "_index_put_impl_") and len(devices) > 1:
            self.counts[name] += 1
        return result
