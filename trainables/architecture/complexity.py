"""What a network costs: parameters and arithmetic of one image, as exact integers, without computing anything.

The network is built and run on torch's `meta` device, which knows shapes but holds no numbers.
"""

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from trainables.architecture.cell_network import CellNetwork
from trainables.architecture.cell_supernet import CellSupernet
from trainables.architecture.genotype import Genotype
from trainables.architecture.operations import CHOKE_CHANNELS
from trainables.architecture.spaces import SearchSpace

AUXILIARY = "auxiliary"
"""Parameters whose name starts so belong to the head that is only there while training."""


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


@functools.lru_cache(maxsize=1024)
def genotype_cost(
    genotype: Genotype,
    *,
    operations: str,
    channels: int = 36,
    layers: int = 20,
    classes: int = 10,
    mid_channels: int = CHOKE_CHANNELS,
) -> Cost:
    """Return the cost of a genotype's CIFAR network with an auxiliary head, by default at the paper's size.

    Raises: UnknownName, InvalidGenotype when the set of operations cannot build the genotype.
    """
    with _shapes_only():
        network = CellNetwork(
            genotype=genotype,
            operations=operations,
            channels=channels,
            layers=layers,
            classes=classes,
            auxiliary=True,
            mid_channels=mid_channels,
        )
    return _count(network)


def supernet_cost(space: SearchSpace, *, channels: int = 16, layers: int = 8, classes: int = 10) -> Cost:
    """Return the cost of a cell supernet as it is computed here; its alphas are not among its parameters."""
    with _shapes_only():
        network = CellSupernet(space=space, weighting="scalar", channels=channels, layers=layers, classes=classes)
    cost = _count(network)
    alphas = sum(alphas_EK.numel() for alphas_EK in network.alpha_parameters())
    return Cost(
        params=cost.params - alphas,
        params_with_auxiliary=cost.params_with_auxiliary - alphas,
        macs=cost.macs,
        addmult=cost.addmult,
    )


def count(network: nn.Module, input_shape: tuple[int, int, int] = (3, 32, 32)) -> Cost:
    """Return the cost of a network for one image of that shape (channels, height, width).

    The network itself is left alone: a copy without numbers is run.
    """
    return _count(_without_numbers(network), input_shape)


def _count(ghost: nn.Module, input_shape: tuple[int, int, int] = (3, 32, 32)) -> Cost:
    counter = _Counter()
    for module in ghost.eval().modules():
        module.register_forward_hook(counter)
    with torch.no_grad(), _shapes_only():
        ghost(torch.empty(1, *input_shape))
    sizes = {name: parameter.numel() for name, parameter in ghost.named_parameters()}
    return Cost(
        params=sum(size for name, size in sizes.items() if not name.startswith(AUXILIARY)),
        params_with_auxiliary=sum(sizes.values()),
        macs=counter.macs,
        addmult=counter.macs + counter.others,
    )


def _without_numbers(network: nn.Module) -> nn.Module:
    """Return a copy on the meta device, without copying a number on the way there."""
    ghosts: dict[int, Any] = {}
    for tensor in (*network.parameters(), *network.buffers()):
        ghost = torch.empty_like(tensor, device="meta")
        ghosts[id(tensor)] = nn.Parameter(ghost, requires_grad=False) if isinstance(tensor, nn.Parameter) else ghost
    return copy.deepcopy(network, ghosts)


@contextmanager
def _shapes_only() -> Iterator[None]:
    """Make new tensors on the meta device, and spare the work that only changes numbers."""
    with torch.device("meta"), _KeepShapes():
        yield


class _KeepShapes(TorchFunctionMode):
    """Skip functions whose result has the shape of their input; on the meta device they are slow for nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _KEEPING_SHAPE:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


_KEEPING_SHAPE = {functional.relu, functional.batch_norm, nn.init.kaiming_uniform_, nn.init.uniform_}


class _Counter:
    """A forward hook that adds up the arithmetic of the modules it is called for."""

    def __init__(self) -> None:
        self.macs = 0
        self.others = 0

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        match module:
            case nn.Conv2d():
                self.macs += output.numel() * module.weight[0].numel()
            case nn.Linear():
                self.macs += output.numel() * module.in_features
            case nn.ReLU():
                self.others += output.numel()
            case nn.MaxPool2d() | nn.AvgPool2d() | nn.AdaptiveAvgPool2d():
                self.others += inputs[0].numel()
            case nn.BatchNorm2d():
                self.others += 2 * inputs[0].numel()
            case _:
                pass
