"""What one trial asks of its node. It says where trials run, never what they compute: no id holds it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from trainables.config import Number
from trainables.trial import MOST_GPUS

UNITS: Mapping[str, int] = {
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGT", start=1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)},
}
"""Of memory, in bytes."""
LEAST_BYTES, MOST_BYTES = 10**6, 10**14
_MEMORY = re.compile(r"(\d{1,15}(?:\.\d{1,6})?) ?([KMGT]i?B)")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_ACCELERATOR = re.compile(_LABEL)
_CUSTOM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LABEL_KEY = re.compile(rf"(?:{_LABEL}/)?{_LABEL}")
_LABEL_CHOICE = re.compile(rf"!?{_LABEL}|!?in\({_LABEL}(?:, ?{_LABEL})*\)")
_OTHER_KEYS = {"cpu": "cpus", "gpu": "gpus", "memory": "memory", "object_store_memory": None}
"""Resources that are no custom ones -> the key that asks for them."""


def _whole_or_shared(quantity: float) -> float:
    if quantity > 1 and not float(quantity).is_integer():
        raise ValueError("must be a whole number, or a fraction below 1")
    if 0 < quantity < 0.001:
        raise ValueError("must be 0, or at least 0.001")
    return quantity


def _bytes(amount: Any) -> Any:
    """Return an amount of memory in bytes, as it is once it has been read."""
    found = _MEMORY.fullmatch(amount) if isinstance(amount, str) else None
    if found is None:
        raise ValueError("must be an amount with its unit, such as 16GB or 16GiB")
    count = int(float(found[1]) * UNITS[found[2]])
    if not LEAST_BYTES <= count <= MOST_BYTES:
        raise ValueError("must be at least 1MB and at most 100TB")
    return count


def _custom_name(name: str) -> str:
    if name.lower() in _OTHER_KEYS:
        key = _OTHER_KEYS[name.lower()]
        raise ValueError(f"is no custom resource; say {key} beside it" if key else "is Ray's own, not a trial's")
    if not _CUSTOM.fullmatch(name):
        raise ValueError("must be the name of a resource: a letter or digit, then letters, digits, '_', '.' or '-'")
    return name


def _accelerator(name: str) -> str:
    if not _ACCELERATOR.fullmatch(name):
        raise ValueError("must be a type as Ray names it, such as A100")
    return name


def _label_key(key: str) -> str:
    if key == "ray.io/node-id":
        raise ValueError("is new with every start of a node; label the nodes, or use --exclude-node")
    if not _LABEL_KEY.fullmatch(key):
        raise ValueError("must be a label's key: letters, digits, '_', '.' or '-', after a prefix/ if it has one")
    return key


def _label_choice(choice: str) -> str:
    if not _LABEL_CHOICE.fullmatch(choice):
        raise ValueError("must be a label's value, !value, in(value, value) or !in(value, value)")
    return choice


Quantity = Annotated[Number, AfterValidator(_whole_or_shared)]
CustomName = Annotated[str, AfterValidator(_custom_name)]
LabelKey = Annotated[str, AfterValidator(_label_key)]
LabelChoice = Annotated[str, AfterValidator(_label_choice)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """What one trial asks of one node."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=False)

    gpus: Annotated[Quantity, Field(ge=0, le=MOST_GPUS)] = 0
    """Whole GPUs, or a fraction of one."""
    cpus: Annotated[Quantity, Field(gt=0, le=4096)] = 1
    """Whole CPU cores, or a fraction of one."""
    memory: Annotated[int, BeforeValidator(_bytes)] | None = None
    """Of the host, in bytes; written with a unit."""
    accelerator: Annotated[str, AfterValidator(_accelerator)] | None = None
    """The type of its GPUs, as Ray names it; nothing where it asks for none."""
    custom: dict[CustomName, Annotated[Quantity, Field(gt=0, le=1_000_000)]] = field(default_factory=dict)
    """Resources that the nodes were started with, by name."""
    labels: dict[LabelKey, LabelChoice] = field(default_factory=dict)
    """What must hold of the node's labels: key -> `value`, `!value`, `in(a, b)` or `!in(a, b)`."""

    def __hash__(self) -> int:
        besides = (*sorted(self.custom.items()), *sorted(self.labels.items()))
        return hash((self.gpus, self.cpus, self.memory, self.accelerator, besides))

    @property
    def amounts(self) -> dict[str, float]:
        """How much of each resource, by Ray's names."""
        amounts: dict[str, float] = {"CPU": self.cpus}
        if self.gpus:
            amounts["GPU"] = self.gpus
        if self.gpus and self.accelerator:
            amounts[f"accelerator_type:{self.accelerator}"] = 0.001  # of the 1 that each node with such has
        if self.memory:
            amounts["memory"] = self.memory
        return {**amounts, **self.custom}

    @property
    def text(self) -> str:
        """In words: `4 CPUs and 2 GPUs of type A100, 16 GB of memory, 1 license, where zone is a`."""
        parts = [_counted(self.cpus, "CPU")]
        if self.gpus:
            kind = f" of type {self.accelerator}" if self.accelerator else ""
            parts[0] += f" and {_counted(self.gpus, 'GPU')}{kind}"
        if self.memory:
            parts.append(f"{memory_text(self.memory)} of memory")
        parts += [f"{quantity:g} {name}" for name, quantity in self.custom.items()]
        parts += [
            f"{'where' if at == 0 else 'and'} {key} is {want}" for at, (key, want) in enumerate(self.labels.items())
        ]
        return ", ".join(parts)


def memory_text(count: float) -> str:
    """Return bytes as people write them: `16 GB`, `16 GiB`."""
    binary = count >= 1024**3 and count % 1024**2 == 0
    unit = "GiB" if binary else "GB" if count >= 10**9 else "MB"
    return f"{round(count / UNITS[unit], 1):g} {unit}"


def _counted(quantity: float, what: str) -> str:
    return f"{quantity:g} {what}{'s' if quantity > 1 else ''}"
