"""A path through a MultiChannelNet: one operation for each layer, as names and numbers.

Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from trainables.architecture.spaces import NONE, OPERATION_SETS
from trainables.errors import InvalidGenotype, shown, unknown_name


@dataclass(frozen=True, kw_only=True, slots=True)
class PathStep:
    """One layer of a path. `stride` is 2 where height and width are halved."""

    operation: str
    channels_in: int
    channels_out: int
    stride: int


@dataclass(frozen=True, kw_only=True, slots=True)
class MultiChannelPath:
    """Operations in a row, each beginning with the channels the one before it ends with.

    Raises: InvalidGenotype, UnknownName when no network can be built of it.
    """

    kind: ClassVar[str] = "path"

    steps: tuple[PathStep, ...]

    def __post_init__(self) -> None:
        if not self.steps:
            raise InvalidGenotype("a path needs steps")
        for position, step in enumerate(self.steps):
            if step.operation not in PATH_OPERATIONS:
                raise unknown_name("operation", step.operation, PATH_OPERATIONS)
            if min(step.channels_in, step.channels_out) < 1 or step.stride not in (1, 2):
                raise InvalidGenotype(f"step {position} of the path needs channels and a stride of 1 or 2, got {step}")
            if (step.operation, step.stride, step.channels_out) == ("skip_connect", 2, 1):
                raise InvalidGenotype(
                    f"step {position} of the path: a skip_connect of stride 2 makes 2 channels or more"
                )
            if position and step.channels_in != self.steps[position - 1].channels_out:
                raise InvalidGenotype(
                    f"step {position} of the path begins with {step.channels_in} channels, but the one before it ends "
                    f"with {self.steps[position - 1].channels_out}"
                )

    def to_json(self) -> dict[str, Any]:
        """Return a description of itself: kind and steps, each [operation, channels in, channels out, stride]."""
        steps = [[step.operation, step.channels_in, step.channels_out, step.stride] for step in self.steps]
        return {"kind": self.kind, "operations": "ssc", "steps": steps}

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of the steps, in their order."""
        return tuple(step.operation for step in self.steps)

    @classmethod
    def from_json(cls, data: Any) -> "MultiChannelPath":
        """Take what `to_json` writes. Raises: InvalidGenotype, UnknownName: one sentence about what is wrong."""
        if not isinstance(data, Mapping) or data.get("kind") != cls.kind:
            raise InvalidGenotype(f"a path must be a mapping of kind 'path', got {shown(data)}")
        for key in data:
            if key not in _KEYS:
                raise unknown_name("key of a path", key, _KEYS)
        if data.get("operations", "ssc") != "ssc":
            raise InvalidGenotype(f"a path is made of 'ssc' operations, got {shown(data['operations'])}")
        steps = data.get("steps")
        if not isinstance(steps, list | tuple):
            raise InvalidGenotype("a path needs the key 'steps', a list")
        return cls(steps=tuple(_read_step(step) for step in steps))


PATH_OPERATIONS = tuple(name for name in OPERATION_SETS["ssc"] if name != NONE)
"""What a step may be."""

_KEYS = ("kind", "operations", "steps")


def _read_step(step: Any) -> PathStep:
    numbers = step[1:] if isinstance(step, list | tuple) and len(step) == 4 else None
    if numbers is None or not isinstance(step[0], str) or not all(type(number) is int for number in numbers):
        raise InvalidGenotype(f"a step must be [operation, channels in, channels out, stride], got {shown(step)}")
    return PathStep(operation=step[0], channels_in=step[1], channels_out=step[2], stride=step[3])
