"""The supernet of a HyperCuboid: layer after layer of all operations at once, each scaled by its multiplier.

Shape letters: B = images, C = channels, H and W = pixels, L = layers of a path, K = operations of a layer.
Source: arXiv:1903.09900, section 4.1 and Figure 6.
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import nullcontext
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trainables.architecture.blocks import at_least_float32, frozen_statistics
from trainables.architecture.cell_supernet import ALPHA_SCALE
from trainables.architecture.hypercuboid import Coordinates, HyperCuboid, multichannel_cuboid, multichannel_stride
from trainables.architecture.scaling import image_stem, last_convolution, map_classifier, parts, scaling_operation
from trainables.architecture.spaces import MultiChannelSpace
from trainables.architecture.weighting import look_up_weighting
from trainables.errors import TrialFailure

State: TypeAlias = Tensor | None
"""A map of a layer, (B, C, H, W); None where all that leads to it has been pruned."""


class HyperCuboidSupernet(nn.Module):
    """All paths through a HyperCuboid in one network.

    Each state starts as its stem's map of the image. In each layer every operation reads one state and adds to one
    state of the next layer. What the tails make of the last layer's states is summed and classified. A cuboid without
    a source axis has one state, by the name of None.

    `alphas` has one entry for each point of the cuboid; those of a layer share one softmax.

    Args:
        cuboid: the axes and what they are for.
        weighting: `scalar` or `max_w`, over all operations of a layer.
        stem: from a state's name to a module that makes its first map of an image.
        operation: from an operation's coordinates to the module.
        tail: from a state's name to a module; the outputs of all of them have one shape.
        classifier: from their sum to the logits.
        prune_below: leave out operations whose weight after the softmax is not above this (under `max_w` too: the
            weight, not the multiplier). Costs one transfer from the device for each forward pass.
        activation_checkpointing: keep only what operations begin with, and compute the rest again for the gradients.
            Batch norms must be those of `blocks.py`, which can leave their running statistics alone meanwhile.

    Raises: UnknownName for an unknown weighting.
    """

    def __init__(
        self,
        *,
        cuboid: HyperCuboid,
        weighting: str,
        stem: Callable[[Any], nn.Module],
        operation: Callable[[Coordinates], nn.Module],
        tail: Callable[[Any], nn.Module],
        classifier: nn.Module,
        prune_below: float | None = None,
        activation_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        self.cuboid = cuboid
        self._weighting = look_up_weighting(weighting)
        self._prune_below = prune_below
        self.stems = nn.ModuleList(map(stem, cuboid.states))
        self.layers = nn.ModuleList(
            MixedLayer(cuboid, layer, operation, activation_checkpointing) for layer in range(len(cuboid.layers))
        )
        self.tails = nn.ModuleList(map(tail, cuboid.states))
        self.classifier = classifier
        self.alphas = nn.Parameter(torch.empty(cuboid.shape))
        nn.init.normal_(self.alphas, std=ALPHA_SCALE)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the alphas anew; the weights stay as they are."""
        with torch.no_grad():
            draw = torch.randn(self.alphas.shape, generator=generator, device=generator.device)
            self.alphas.copy_(ALPHA_SCALE * draw)

    def weight_parameters(self) -> list[nn.Parameter]:
        """Return all parameters but the alphas."""
        return [parameter for parameter in self.parameters() if parameter is not self.alphas]

    def alpha_parameters(self) -> list[nn.Parameter]:
        """Return the alphas."""
        return [self.alphas]

    def weights_after_softmax(self) -> Tensor:
        """Return w_LK: layers in the order of a path, operations in that of the cuboid's candidates; rows sum to 1."""
        return self._by_layer(self.alphas).softmax(dim=-1)

    def forward(self, x_BCHW: Tensor, multipliers: Sequence[Tensor] | None = None) -> Tensor:
        """Return the logits, (B, classes).

        Args:
            multipliers: of the operations, in place of what the weighting makes of the alphas: one tensor, in their
                shape. Operations with a multiplier of 0 are not computed.

        Raises: TrialFailure when no path is left.
        """
        if multipliers is None:
            w_LK = self.weights_after_softmax()
            multipliers_LK, kept_LK = self._weighting(w_LK), self._kept(w_LK)
        else:
            (given,) = multipliers
            multipliers_LK = self._by_layer(given)
            kept_LK = (multipliers_LK != 0).tolist()
        x_BCHW = x_BCHW.contiguous(memory_format=torch.channels_last)
        states: Sequence[State] = [stem(x_BCHW) for stem in self.stems]
        for layer, multipliers_K, kept_K in zip(self.layers, multipliers_LK, kept_LK, strict=True):
            states = layer(states, multipliers_K, kept_K)
        ends = [tail(state) for tail, state in zip(self.tails, states, strict=True) if state is not None]
        if not ends:
            raise TrialFailure(
                f"no path is left whose operations all have weights above prune_below = {self._prune_below}; "
                "set a lower prune_below or leave it out"
            )
        return self.classifier(sum(ends[1:], start=ends[0]))

    def _by_layer(self, alphas: Tensor) -> Tensor:
        """Return what has the alphas' shape as (L, K)."""
        return alphas.permute(self.cuboid.permutation).reshape(len(self.cuboid.layers), -1)

    def _kept(self, w_LK: Tensor) -> Sequence[Sequence[bool]]:
        """Say which operations are computed."""
        if self._prune_below is None:
            return [[True] * w_LK.shape[1]] * w_LK.shape[0]
        # What is not a number is kept, so that it reaches the loss, where it is found.
        return torch.logical_not(w_LK.detach() <= self._prune_below).tolist()


class MixedLayer(nn.Module):
    """The operations of one layer; each state of the next is the sum of those that lead to it.

    Operations that begin alike on one state share that beginning. Under any precision multipliers and sums are float32
    (or float64): see `MixedEdges`.
    """

    def __init__(
        self,
        cuboid: HyperCuboid,
        layer: int,
        operation: Callable[[Coordinates], nn.Module],
        activation_checkpointing: bool,
    ) -> None:
        super().__init__()
        candidates = cuboid.candidates(layer)
        self.operations = nn.ModuleList(map(operation, candidates))
        self._sources = [cuboid.states.index(cuboid.reads(candidate)) for candidate in candidates]
        self._targets = [cuboid.states.index(cuboid.writes(candidate)) for candidate in candidates]
        self._activation_checkpointing = activation_checkpointing

    def forward(self, states: Sequence[State], multipliers_K: Tensor, kept_K: Sequence[bool]) -> list[State]:
        """Return the states after this layer, in the order of those before it."""
        dtype = next((state.dtype for state in states if state is not None), torch.float32)
        sums: list[State] = [None] * len(states)
        begun: dict[tuple[int, Hashable], Tensor] = {}
        rows = zip(self.operations, self._sources, self._targets, multipliers_K.unbind(), kept_K, strict=True)
        for operation, source, target, multiplier, kept in rows:
            state = states[source]
            if state is None or not kept:
                continue
            apart = parts(operation)
            beginning = (source, apart.key)
            if beginning not in begun:
                begun[beginning] = apart.begin(state)
            term_BCHW = at_least_float32(self._term(operation, apart.go_on, begun[beginning], multiplier))
            before = sums[target]
            sums[target] = term_BCHW if before is None else before + term_BCHW
        return [total if total is None else total.to(dtype) for total in sums]

    def _term(
        self, operation: nn.Module, go_on: Callable[[Tensor, Tensor], Tensor], begun_BCHW: Tensor, multiplier: Tensor
    ) -> Tensor:
        if not self._activation_checkpointing:
            return go_on(begun_BCHW, multiplier)
        return checkpoint(
            go_on,
            begun_BCHW,
            multiplier,
            use_reentrant=False,
            preserve_rng_state=False,  # nothing is drawn
            context_fn=lambda: (nullcontext(), frozen_statistics(operation)),
        )


class MultiChannelSupernet(HyperCuboidSupernet):
    """MultiChannelNet: which operation leads from which number of channels to which, at each depth.

    The states are maps with different numbers of channels. The last layer of a block halves height and width. Every
    batch norm learns a scale and a shift. `alphas` is (layers of a block, blocks, channels in, channels out,
    primitives); one softmax goes over the last three.

    Args:
        space: scales, depth, primitives.
        classes: outputs.

    For the others see `HyperCuboidSupernet`. The released code prunes below 1/1024 and looks at each weight on the
    host by itself.
    """

    def __init__(
        self,
        *,
        space: MultiChannelSpace,
        weighting: str,
        classes: int,
        prune_below: float | None = None,
        activation_checkpointing: bool = False,
    ) -> None:
        cuboid = multichannel_cuboid(space)

        def operation(at: Coordinates) -> nn.Module:
            stride = multichannel_stride(cuboid, at)
            return scaling_operation(
                at["primitive"], channels_in=at["channels_in"], channels_out=at["channels_out"], stride=stride
            )

        super().__init__(
            cuboid=cuboid,
            weighting=weighting,
            stem=image_stem,
            operation=operation,
            tail=lambda channels: last_convolution(channels, space.head_channels),
            classifier=map_classifier(space.head_channels, classes),
            prune_below=prune_below,
            activation_checkpointing=activation_checkpointing,
        )
        self.space = space
