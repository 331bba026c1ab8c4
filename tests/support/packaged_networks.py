"""The convolutions of every network that a packaged experiment trains, found without computing any of them.

Shape letters: B = images, C = channels, H and W = pixels.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from orchestrator.document.experiment import load_experiment, packaged
from orchestrator.planning.plan import PlannedTrial, expand
from trainables.architecture.final_networks import build_network
from trainables.architecture.genotype import Architecture, Genotype, read_architecture
from trainables.architecture.sampling import random_genotype, random_path
from trainables.architecture.spaces import SearchSpace, read_space
from trainables.catalog import CATALOG
from trainables.config import SearchConfig, TrainConfig, canonical, is_reference
from trainables.data.datasets import describe
from trainables.loops.supernets import build_supernet
from trainables.trial import canonical_json

IMAGES = 2
DRAWS = 100
"""Architectures to choose from, where nobody knows yet which one a search will find."""

ENOUGH_LAYERS = 9
"""Cells of a network that has each of a larger one's convolutions: three at each size of the maps, of which the first
one's inputs are of another size, the second one's of two, and the third one's of this. All others repeat the third."""


class Call:
    """A convolution, and an input of the shape and the layout that a network gives it."""

    def __init__(self, layer: nn.Conv2d, x_BCHW: Tensor) -> None:
        self.layer = layer
        self._layout = tuple(x_BCHW.shape), x_BCHW.stride(), x_BCHW.storage_offset()
        self._numbers = x_BCHW.untyped_storage().nbytes() // x_BCHW.element_size()
        self.name = f"{type(layer).__name__}({layer.extra_repr()}) of {', '.join(map(str, self._layout))}"
        """All that tells it from other calls: its settings, and the shape, strides and offset of the input."""

    def input(self) -> Tensor:
        """Return random numbers in that layout."""
        return torch.randn(self._numbers).as_strided(*self._layout)


def convolutions() -> list[Call]:
    """Return all different calls of convolutions in the forward passes of the networks."""
    calls: dict[str, Call] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if isinstance(module, nn.Conv2d):
            call = Call(module, inputs[0])
            calls.setdefault(call.name, call)

    hook = register_module_forward_pre_hook(note)
    try:
        with torch.no_grad(), _WithoutNumbers():
            for build, size in networks().values():
                build()(torch.zeros(IMAGES, 3, size, size))
    finally:
        hook.remove()
    return list(calls.values())


class _WithoutNumbers(TorchFunctionMode):
    """Spare initial values, convolutions and batch norms: their results have shape and layout, and any numbers."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in (nn.init.kaiming_uniform_, nn.init.uniform_, nn.init.normal_):
            return args[0] if args else kwargs["tensor"]
        if func is F.batch_norm:
            return args[0]
        if func is torch.conv2d:
            x_BCHW, weight, *rest = args
            shape = _shape_of_convolution(x_BCHW.shape, weight.shape, *rest, **kwargs)
            return torch.empty(shape, memory_format=torch.channels_last)
        return func(*args, **kwargs)


@cache
def _shape_of_convolution(x_shape: torch.Size, weight_shape: torch.Size, *rest: Any, **settings: Any) -> torch.Size:
    x_BCHW, weight = torch.empty(x_shape, device="meta"), torch.empty(weight_shape, device="meta")
    return torch.conv2d(x_BCHW, weight, *rest, **settings).shape


def networks() -> dict[str, tuple[Callable[[], nn.Module], int]]:
    """Return how each different network is built, and the height and width of its images, by all it depends on.

    Supernets of cells that differ in nothing but their primitives are one, with the primitives of all.
    """
    found: dict[str, tuple[Callable[[], nn.Module], int]] = {}
    primitives: dict[tuple[str, int, int, str], set[str]] = {}
    for name in packaged():
        trials = {trial.trial_id: trial for trial in expand(load_experiment(name), CATALOG).trials}
        for trial in trials.values():
            if trial.spec.trainable == "diagnose":
                continue  # it has its search's supernet
            if trial.spec.trainable != "search":
                parents = [trials[parent] for parent in trial.parents]
                found.update((key, (build, size)) for key, build, size in _final(trial, parents))
            elif (config := SearchConfig(**trial.spec.config)).strategy == "random":
                continue
            elif isinstance(space := read_space(config.space), SearchSpace):
                kind = (space.operations, config.channels, config.layers, config.dataset)
                primitives.setdefault(kind, set()).update(space.primitives)
            else:
                found.update(_supernet(config.space, config.channels, config.layers, config.dataset))
    for (operations, *others), names in primitives.items():
        found.update(_supernet({"operations": operations, "primitives": sorted(names)}, *others))
    return found


def _supernet(
    space: str | dict[str, Any], channels: int, layers: int, dataset: str
) -> dict[str, tuple[Callable[[], nn.Module], int]]:
    config, images = SearchConfig(space=space, channels=channels, layers=layers), describe(dataset)
    key = canonical_json([canonical(config), images.classes, images.image_size])
    return {key: (partial(build_supernet, config, images.classes), images.image_size)}


def _final(trial: PlannedTrial, parents: list[PlannedTrial]) -> Iterator[tuple[str, Callable[[], nn.Module], int]]:
    settings = dict(trial.spec.config)
    if is_reference(settings["genotype"]):
        spaces = {canonical_json(SearchConfig(**parent.spec.config).space): None for parent in parents}
        architectures = [each for space in spaces for each in _that_may_be_found(space)]
        settings["genotype"] = {}
    else:
        architectures = [read_architecture(settings["genotype"])]
    config = TrainConfig(**settings)
    images = describe(config.dataset)
    size = config.image_size or images.image_size
    made = {name: getattr(config, name) for name in ("network", "operations", "channels", "layers", "auxiliary")}
    made |= {"classes": images.classes, "mid_channels": config.mid_channels}
    made["layers"] = min(made["layers"], ENOUGH_LAYERS)
    for architecture in architectures:
        yield canonical_json([architecture.to_json(), made, size]), partial(build_network, architecture, **made), size


@cache
def _that_may_be_found(space_json: str) -> list[Architecture]:
    """Return a few architectures of a space that have everything together that any of many has."""
    space = read_space(json.loads(space_json))
    rng = random.Random(0)
    drawn = [
        random_genotype(space, rng) if isinstance(space, SearchSpace) else random_path(space, rng) for _ in range(DRAWS)
    ]
    chosen: list[Architecture] = []
    missing = set().union(*map(_contents, drawn))
    while missing:
        chosen.append(max(drawn, key=lambda each: len(missing & _contents(each))))
        missing -= _contents(chosen[-1])
    return chosen


def _contents(architecture: Architecture) -> set[tuple[Any, ...]]:
    """Return each primitive by the cell and the stride it has there, or each step of a path and where it ends."""
    if isinstance(architecture, Genotype):
        reduced = {(name, "reduce", state < 2) for name, state in architecture.reduce}
        return reduced | {(name, "normal", False) for name, _ in architecture.normal}
    return {(step.operation, step.stride) for step in architecture.steps} | {architecture.steps[-1].channels_out}
