"""A cell of NAS-Bench-201: one operation on each of the six edges between four nodes.

Node 0 is the cell's input, each further node the sum of its edges from all nodes before it, node 3 the output.
Source: arXiv:2001.00326, section 2.1.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from trainables.errors import InvalidGenotype, shown, unknown_name

KIND = "nas_bench_201"
"""Of the genotype, the space and the final network."""

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""What an edge may be; places in this list are the digits of the benchmark's tables."""

EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))
"""(node that is entered, node that is left) of each edge, in the order of a cell's operations."""

NODES = 4
STAGES = 3
"""Of a network: as many cells in each, of C, 2C and 4C channels, each after the first at half the size."""
ZERO = "0"
"""What a node computes that nothing reaches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NasBench201Cell:
    """A cell. Raises: InvalidGenotype, UnknownName when it is none of the 15,625."""

    kind: ClassVar[str] = KIND

    operations: tuple[str, ...]
    """Of the edges 1←0, 2←0, 2←1, 3←0, 3←1, 3←2."""

    def __post_init__(self) -> None:
        if len(self.operations) != len(EDGES):
            raise InvalidGenotype(
                f"a cell of NAS-Bench-201 has {len(EDGES)} operations, one for each edge, got {len(self.operations)}"
            )
        for operation in self.operations:
            if operation not in OPERATIONS:
                raise unknown_name("operation of NAS-Bench-201", operation, OPERATIONS)

    def to_json(self) -> dict[str, Any]:
        """Return a description of itself: kind and operations."""
        return {"kind": self.kind, "operations": list(self.operations)}

    @classmethod
    def from_json(cls, data: Any) -> "NasBench201Cell":
        """Take what `to_json` writes. Raises: InvalidGenotype, UnknownName: one sentence about what is wrong."""
        if not isinstance(data, Mapping) or data.get("kind") != KIND:
            raise InvalidGenotype(f"a cell of NAS-Bench-201 must be a mapping of kind {KIND!r}, got {shown(data)}")
        for key in data:
            if key not in ("kind", "operations"):
                raise unknown_name("key of a cell of NAS-Bench-201", key, ("kind", "operations"))
        operations = data.get("operations")
        if not isinstance(operations, list | tuple) or not all(isinstance(name, str) for name in operations):
            raise InvalidGenotype(
                f"a cell of NAS-Bench-201 needs the key 'operations', a list of six names, got {shown(operations)}"
            )
        return cls(operations=tuple(operations))

    def to_string(self) -> str:
        """Return the cell as the benchmark writes it: `|nor_conv_3x3~0|+|none~0|skip_connect~1|+|…~0|…~1|…~2|`."""
        return "+".join(
            f"|{'|'.join(f'{operation}~{source}' for operation, source in self.edges_into(node))}|"
            for node in range(1, NODES)
        )

    @classmethod
    def from_string(cls, text: str) -> "NasBench201Cell":
        """Return the cell of such a string. Raises: InvalidGenotype, UnknownName."""
        edges = [edge for node in text.strip().split("+") for edge in re.findall(r"[^|]+", node)]
        cell_edges = [edge.rpartition("~") for edge in edges]
        sources = [source for _, _, source in cell_edges]
        if sources != [str(source) for _, source in EDGES] or re.sub(r"[^|+]+", "", text.strip()) != "||+|||+||||":
            raise InvalidGenotype(
                "a cell of NAS-Bench-201 is written |operation~0|+|operation~0|operation~1|"
                f"+|operation~0|operation~1|operation~2|, got {shown(text)}"
            )
        return cls(operations=tuple(operation for operation, _, _ in cell_edges))

    @property
    def digits(self) -> str:
        """Return six digits as in the benchmark's tables: the places of its operations in OPERATIONS."""
        return "".join(str(OPERATIONS.index(operation)) for operation in self.operations)

    @classmethod
    def from_digits(cls, digits: str) -> "NasBench201Cell":
        """Return the cell of six digits from 0 to 4. Raises: InvalidGenotype."""
        if not re.fullmatch(rf"[0-{len(OPERATIONS) - 1}]{{{len(EDGES)}}}", digits, re.ASCII):
            raise InvalidGenotype(f"a cell of NAS-Bench-201 is six digits from 0 to 4, got {shown(digits)}")
        return cls(operations=tuple(OPERATIONS[int(digit)] for digit in digits))

    def edges_into(self, node: int) -> list[tuple[str, int]]:
        """Return (operation, source node) of the edges that enter a node."""
        return [
            (operation, source)
            for operation, (target, source) in zip(self.operations, EDGES, strict=True)
            if target == node
        ]

    @property
    def canonical(self) -> str:
        """Return what the cell computes, as a sum of operations on sums: equal for cells that compute the same.

        `x` is the input. An edge of `none` adds nothing, nor does one from a node that nothing reaches, and what no
        edge leads on from is not there; an identity adds the terms of the sum it leaves. (All of them up to what a
        batch norm learns to add to zeros.) Terms that are there several times are counted: `2 x` is not `x`.
        """
        sums: list[Counter[str]] = [Counter({"x": 1})]
        for node in range(1, NODES):
            terms: Counter[str] = Counter()
            for operation, source in self.edges_into(node):
                if operation == "skip_connect":
                    terms += sums[source]
                elif operation != "none" and sums[source]:
                    terms[f"{operation}({_written(sums[source])})"] += 1
            sums.append(terms)
        return _written(sums[-1])


def _written(terms: Counter[str]) -> str:
    written = [term if count == 1 else f"{count} {term}" for term, count in sorted(terms.items())]
    return " + ".join(written) or ZERO
