"""The nodes of a cluster: which are alive, and whether each runs this code and sees the storage.

Imported by the runner and its callbacks alone.
"""

import importlib
import socket
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.errors import RunError
from orchestrator.running.ray_tune.cluster import ClusterView, death_reason
from trainables.record import provenance
from trainables.record.storage import Storage, open_storage

NODE_SECONDS = 180.0
"""Within which a node has to answer; it may have to fetch the code first."""


def knock(address: str) -> None:
    """Make sure that something answers there: Ray itself tries for minutes. Raises: RunError."""
    if address.startswith("ray://"):
        raise RunError(f"{address!r} is a Ray Client address; run on a machine of the cluster with host:port, or auto")
    host, colon, port = address.rpartition(":")
    if not colon:
        return  # `auto`, or a name that Ray resolves
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError, OverflowError) as error:
        raise RunError(f"no Ray cluster answers at {address!r}: {error}") from error


def cluster_view() -> ClusterView:
    """Return what the nodes that are alive now have."""
    return ClusterView(nodes=tuple(node["Resources"] for node in _alive_nodes()))


def _alive_nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def code_environment() -> dict[str, Any]:
    """Return the runtime environment that brings this code, as it stands here, to every node."""
    packages = ("trainables", "orchestrator", "experiments")
    paths = [str(Path(str(importlib.import_module(name).__file__)).parent) for name in packages]
    return {"py_modules": paths, "excludes": ["__pycache__", "*.pyc"]}


def check_nodes(storage: Storage, path: str) -> None:
    """Ask every node whether it sees a file of the storage and runs this code. Raises: RunError, naming the nodes."""
    asked = {
        f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})": _look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False), num_cpus=0
        ).remote(storage.uri, path, provenance.code_digest())
        for node in _alive_nodes()
    }
    problems = [f"node {name}: {problem}" for name, ref in asked.items() if (problem := _answer(ref))]
    if problems:
        raise RunError("; ".join(problems))


def _answer(ref: Any) -> str:
    try:
        return ray.get(ref, timeout=NODE_SECONDS)
    except GetTimeoutError:
        return f"it does not answer within {NODE_SECONDS:g} seconds"
    except RayError as error:
        return f"it cannot run this code: {death_reason(str(error))}"


@ray.remote(max_retries=2)
def _look(uri: str, path: str, digest: str) -> str:
    """Return what is wrong on this node, in a sentence; empty when nothing is."""
    if provenance.code_digest() != digest:
        return "it runs other code than this driver"
    if not open_storage(uri).exists(path):
        return f"it does not see the storage {uri}; use a folder that all nodes share, or s3://bucket/path"
    return ""
