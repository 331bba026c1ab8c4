"""Nodes that trials run on, made up."""

from collections.abc import Iterable, Mapping

from orchestrator.forecast.slots import Slots


def places(nodes: Iterable[Mapping[str, float]]) -> Slots:
    """Return a cluster of these nodes."""
    return Slots(nodes=tuple(nodes), name="nodes made up")
