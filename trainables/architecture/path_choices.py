"""What a path through a MultiChannelNet chooses from, as a flow: which operations, what they weigh and cost.

Shape letters: L = layers, K = operations of a layer.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from torch import nn

from trainables.architecture.budgeted_flow import SINK, UNIT, Arc, FlowProblem
from trainables.architecture.complexity import count_unbuilt
from trainables.architecture.derive_path import longest_path, to_path
from trainables.architecture.discretize import softmax
from trainables.architecture.final_networks import architecture_cost
from trainables.architecture.genotype import Architecture
from trainables.architecture.hypercuboid import multichannel_cuboid, multichannel_stride
from trainables.architecture.networks import look_up_network
from trainables.architecture.paths import MultiChannelPath, PathStep
from trainables.architecture.scaling import image_stem, last_convolution, map_classifier, scaling_operation
from trainables.architecture.spaces import MultiChannelSpace

HEAD_CHANNELS = 768
"""Of the final network of a path."""


class PathChoices:
    """One operation of each layer, which reads what the one before it writes: (layer, column).

    Args:
        space, alphas: of a search; the alphas as nested lists, by the names under which an epoch records them.
        size: what its choices cost: a field of `complexity.Cost`.
        network, sizes: how the final network is built: arguments of `architecture_cost`.
    """

    ordinary: MultiChannelPath
    """What a search derives without a budget."""
    weights: Mapping[Any, int]
    """Of each choice, in billionths."""

    def __init__(
        self, space: MultiChannelSpace, alphas: Mapping[str, Any], *, size: str, network: str, **sizes: int
    ) -> None:
        usual = look_up_network(network)
        self._cuboid = multichannel_cuboid(space)
        self._size = size
        self._released = network == "multichannel_released"
        self._classes = sizes.get("classes") or usual.classes
        self._image_size = sizes.get("image_size") or usual.image_size
        self._network = {"network": network, "classes": self._classes, "image_size": self._image_size}
        alphas_LK = np.asarray(alphas["alphas"], dtype=float).ravel()[self._cuboid.indices_LK]
        w_LK = [softmax(alphas_K) for alphas_K in alphas_LK.tolist()]
        self.ordinary = to_path(self._cuboid, longest_path(self._cuboid, w_LK))
        self.weights = {
            (layer, column): round(w * UNIT) for layer, w_K in enumerate(w_LK) for column, w in enumerate(w_K)
        }

    def problem(self) -> FlowProblem:
        """One unit through all layers. Arcs come last layer first, in which order `longest_path` breaks ties."""
        layers, states = len(self._cuboid.layers), self._cuboid.states
        pixels = self._pixels()
        arcs = [Arc(tail=(layers, state), head=SINK, cost=self._last(state, pixels[-1])) for state in states]
        for layer in reversed(range(layers)):
            for column, step in enumerate(self._steps(layer)):
                arcs.append(
                    Arc(
                        tail=(layer, step.channels_in),
                        head=(layer + 1, step.channels_out),
                        weight=self.weights[layer, column],
                        cost=self._operation(layer, step, pixels[layer]),
                        choice=(layer, column),
                    )
                )
        arcs += [Arc(tail="image", head=(0, state), cost=self._stem(state)) for state in states]
        constant = self._part(lambda: map_classifier(HEAD_CHANNELS, self._classes), HEAD_CHANNELS, pixels[-1])
        return FlowProblem(arcs=tuple(arcs), supply={"image": 1}, constant=constant)

    def count(self, architecture: Architecture) -> int:
        """Return the size of its final network."""
        return getattr(architecture_cost(architecture, **self._network), self._size)

    def of(self, path: Architecture) -> Iterator[Any]:
        """Yield what a path has chosen."""
        assert isinstance(path, MultiChannelPath)
        yield from ((layer, self._steps(layer).index(step)) for layer, step in enumerate(path.steps))

    def architecture(self, choices: Iterable[Any]) -> MultiChannelPath:
        """Return the path of a choice in each layer."""
        chosen = [self._cuboid.candidates(layer)[column] for layer, column in sorted(choices)]
        return to_path(self._cuboid, tuple(chosen))

    def _steps(self, layer: int) -> list[PathStep]:
        return [
            PathStep(
                operation=operation["primitive"],
                channels_in=operation["channels_in"],
                channels_out=operation["channels_out"],
                stride=multichannel_stride(self._cuboid, operation),
            )
            for operation in self._cuboid.candidates(layer)
        ]

    def _pixels(self) -> list[int]:
        """Return the side of the map that each layer reads, and of the one that the last convolution does."""
        sides = [self._image_size]
        for layer in range(len(self._cuboid.layers) - self._released):
            stride = self._steps(layer)[0].stride
            sides.append(-(-sides[-1] // stride))
        return sides

    def _operation(self, layer: int, step: PathStep, pixels: int) -> int:
        """Return the cost of a step; of the last one that the released code leaves out, that of what stands there."""
        if self._released and layer == len(self._cuboid.layers) - 1:
            return self._convolution(step.channels_in, pixels)

        def build() -> nn.Module:
            return scaling_operation(
                step.operation, channels_in=step.channels_in, channels_out=step.channels_out, stride=step.stride
            )

        return self._part(build, step.channels_in, pixels)

    def _stem(self, channels: int) -> int:
        return self._part(lambda: image_stem(channels), 3, self._image_size)

    def _last(self, channels: int, pixels: int) -> int:
        return 0 if self._released else self._convolution(channels, pixels)

    def _convolution(self, channels: int, pixels: int) -> int:
        return self._part(lambda: last_convolution(channels, HEAD_CHANNELS), channels, pixels)

    def _part(self, build: Callable[[], nn.Module], channels: int, pixels: int) -> int:
        return getattr(count_unbuilt(build, (channels, pixels, pixels)), self._size)
