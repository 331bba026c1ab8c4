"""What a network costs: parameters and arithmetic of one image, as exact integers, without computing anything.

Every layer is replaced by a stand-in that notes its cost and returns zeros of the right shape, one number in memory;
what lies between the layers runs as it is. (A run on torch's `meta` device would do the same, at ten times the price.)
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from trainables.architecture.spaces import Space
from trainables.architecture.supernets import space_supernet

AUXILIARY = "auxiliary"
"""Parameters whose name starts so belong to the head that is only there while training."""
ALPHAS = "alphas"
"""Parameters of a supernet whose name starts so are weights of the architecture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """The size of a network.

    `addmult` is what the paper's tables show as +×: multiply-accumulates of convolutions and linear layers, outputs of
    ReLUs, inputs of pools, and two for each input of a batch norm (arXiv:1903.09900, Tables 2 to 4; the released
    counter). `macs` is the multiply-accumulates alone. Both are of evaluating one image.
    """

    params: int
    """Without the auxiliary head."""
    params_with_auxiliary: int
    macs: int
    addmult: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SupernetCost(Cost):
    """The size of a supernet."""

    alphas: int
    """Weights of the architecture; `params` does not count them."""


def supernet_cost(space: Space, *, channels: int = 16, layers: int = 8, classes: int = 10) -> SupernetCost:
    """Return the cost of a supernet as it is computed here.

    Channels and layers are for cells; a MultiChannelNet has its own, and none of its operations is pruned. How many
    cells there are of NAS-Bench-201 stands in the space.
    """
    with _without_numbers():
        network = space_supernet(space, weighting="scalar", channels=channels, layers=layers, classes=classes)
    alphas = 0
    for name, parameter in list(network.named_parameters()):
        if name.startswith(ALPHAS):
            setattr(network, name, nn.Parameter(torch.zeros(parameter.shape)))
            alphas += parameter.numel()
    cost = _count(network)
    params = cost.params - alphas
    return SupernetCost(
        params=params, params_with_auxiliary=params, macs=cost.macs, addmult=cost.addmult, alphas=alphas
    )


def count_unbuilt(build: Callable[[], nn.Module], input_shape: tuple[int, int, int] = (3, 32, 32)) -> Cost:
    """Return the cost of the network that `build` makes, for one image, without its numbers ever being there."""
    with _without_numbers():
        network = build()
    return _count(network, input_shape)


def count(network: nn.Module, input_shape: tuple[int, int, int] = (3, 32, 32)) -> Cost:
    """Return the cost of a network for one image of that shape (channels, height, width).

    The network itself is left alone: a copy of its structure is run, which shares its numbers and does not touch them.
    """
    tensors = [*network.parameters(), *network.buffers()]
    return _count(copy.deepcopy(network, {id(tensor): tensor for tensor in tensors}), input_shape, tensors[0].device)


def _count(
    network: nn.Module, input_shape: tuple[int, int, int] = (3, 32, 32), device: torch.device | str = "cpu"
) -> Cost:
    """Count a network that nobody needs afterwards."""
    tally = _Tally()
    for module in network.eval().modules():
        if stand_in := tally.stand_in(module):
            module.forward = stand_in
    with torch.no_grad():
        network(torch.zeros(1, *input_shape, device=device))
    sizes = {name: parameter.numel() for name, parameter in network.named_parameters()}
    return Cost(
        params=sum(size for name, size in sizes.items() if not name.startswith(AUXILIARY)),
        params_with_auxiliary=sum(sizes.values()),
        macs=tally.macs,
        addmult=tally.macs + tally.others,
    )


class _Tally:
    """Sums of arithmetic, and for each kind of layer the stand-in that adds to them."""

    def __init__(self) -> None:
        self.macs = 0
        self.others = 0

    def stand_in(self, module: nn.Module) -> Callable[..., Tensor] | None:
        """Return what takes the place of a layer's forward; None for what is no layer."""
        match module:
            case nn.Conv2d():
                return lambda x: self._convolution(module, x)
            case nn.Linear():
                return lambda x: self._linear(module, x)
            case nn.ReLU():
                return lambda x: self._pointwise(x, cost=1)
            case nn.BatchNorm2d():
                return lambda x, *_: self._pointwise(x, cost=2)
            case nn.MaxPool2d() | nn.AvgPool2d() | nn.AdaptiveAvgPool2d():
                return lambda x: self._pool(module, x)
            case _:
                return None

    def _convolution(self, layer: nn.Conv2d, x_BCHW: Tensor) -> Tensor:
        size = [
            (pixels + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for pixels, padding, dilation, kernel, stride in zip(
                x_BCHW.shape[2:], _pair(layer.padding), layer.dilation, layer.kernel_size, layer.stride, strict=True
            )
        ]
        y_BCHW = x_BCHW.new_zeros(1).expand(len(x_BCHW), layer.out_channels, *size)
        self.macs += y_BCHW.numel() * layer.weight[0].numel()
        return y_BCHW

    def _linear(self, layer: nn.Linear, x_BC: Tensor) -> Tensor:
        self.macs += x_BC.numel() * layer.out_features
        return x_BC.new_zeros(len(x_BC), layer.out_features)

    def _pointwise(self, x_BCHW: Tensor, *, cost: int) -> Tensor:
        self.others += cost * x_BCHW.numel()
        return x_BCHW

    def _pool(self, layer: nn.Module, x_BCHW: Tensor) -> Tensor:
        self.others += x_BCHW.numel()
        one_channel_B1HW = type(layer).forward(layer, x_BCHW[:, :1])
        return one_channel_B1HW.expand(-1, x_BCHW.shape[1], -1, -1)


def _pair(padding: str | tuple[int, ...]) -> tuple[int, ...]:
    assert not isinstance(padding, str), "no layer here names its padding"
    return padding


@contextmanager
def _without_numbers() -> Iterator[None]:
    """Build modules whose parameters have shapes only, and spare the drawing of initial values."""
    with torch.device("meta"), _NoInitialisation():
        yield


class _NoInitialisation(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _INITIALISATIONS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


_INITIALISATIONS = {nn.init.kaiming_uniform_, nn.init.uniform_, nn.init.normal_}
