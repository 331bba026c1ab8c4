"""The nodes of a cluster: which are alive, and which of them cannot work: other code, no storage, a full disk.

Imported by the runner and its callbacks alone.
"""

import contextlib
import importlib
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import AuthenticationError, GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from orchestrator.errors import RunError
from orchestrator.planning.plan import Resources
from orchestrator.running.ray_tune.cluster import ClusterView, Node, death_reason
from trainables.errors import SharptuneError
from trainables.execution.printed import bring_in
from trainables.record import provenance
from trainables.record.storage import Storage, open_storage, trouble

KNOCK_SECONDS = 5.0
SETTINGS = b"\x04"
HTTP_2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + SETTINGS + bytes(5)
"""How a call of Ray's begins; whoever understands it answers with settings of his own."""
TOKEN = (
    "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what its nodes were started with (there, `ray get-auth-token`"
    " prints it)"
)
NODE_SECONDS = 180.0
"""Within which a node has to answer; it may have to fetch the code first."""
OUTPUT_SECONDS = 20.0
"""How long a run that ends waits for what processes printed that died."""


def knock(address: str) -> None:
    """Make sure that something answers there: Ray itself tries for minutes. Raises: RunError."""
    if address.startswith("ray://"):
        raise RunError(f"{address!r} is a Ray Client address; run on a machine of the cluster with host:port, or auto")
    where = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    host, colon, port = where.rpartition(":")
    if not colon:
        return  # Ray looks for one on this machine
    try:
        with socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS) as line:
            line.sendall(HTTP_2)
            answer = line.recv(len(HTTP_2))
    except TimeoutError:
        raise RunError(f"no Ray cluster answers at {where!r} within {KNOCK_SECONDS:g} seconds") from None
    except (OSError, ValueError, OverflowError) as error:
        raise RunError(f"no Ray cluster answers at {where!r}: {error}") from error
    if answer[3:4] != SETTINGS and os.environ.get("RAY_USE_TLS", "0") == "0":
        raise RunError(f"what answers at {where!r} is no Ray cluster")
    _show_token(where, found=address == "auto")


def _show_token(where: str, *, found: bool) -> None:
    """Make sure that the cluster lets this process in: Ray itself tries for half a minute, and may abort the process.

    Like Ray, show a token that lies in the home only where the address was `found`, not given: a cluster that asks for
    none takes no actors from who shows one. Raises: RunError.
    """
    from ray._private.authentication.authentication_token_setup import maybe_enable_token_auth_if_token_available
    from ray._raylet import AuthenticationTokenLoader, GcsClient  # pyright: ignore[reportAttributeAccessIssue]

    asked = os.environ.get("RAY_AUTH_MODE", "").lower() == "token"
    if asked and not AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):
        raise RunError(f"RAY_AUTH_MODE is token, and there is no token here; {TOKEN}")
    try:
        with _unheard():
            if found:
                maybe_enable_token_auth_if_token_available(warn_if_disabled=False)
            GcsClient(address=where).check_alive([], timeout=KNOCK_SECONDS)
    except AuthenticationError as error:
        raise RunError(f"the Ray cluster at {where!r} lets in only who has its token; {TOKEN}") from error
    except RayError:  # whatever else there is, Ray says better
        return


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Keep what Ray's own code writes to stderr from people; no setting of Ray's does."""
    stderr = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


class Nodes:
    """The nodes of a cluster, and which of them a run leaves out: those that cannot work end nothing for the others.

    Args:
        excluded: host names or addresses of nodes that the user leaves out.
    """

    def __init__(self, excluded: Iterable[str] = ()) -> None:
        self.left_out: dict[str, str] = {}
        """Node id -> why, in a sentence that names the node."""
        self._excluded = frozenset(excluded)
        self._draining: set[str] = set()
        self._bringing: list[Any] = []

    def view(self) -> ClusterView:
        """Return what the nodes have that are alive now and can work."""
        return ClusterView(nodes=tuple(_node(node) for node in self._at_work()))

    @property
    def not_worked_on(self) -> frozenset[str]:
        """The ids of the nodes on which nothing is placed any more."""
        return frozenset({*self.left_out, *self._draining})

    def exclude(self) -> list[str]:
        """Leave out what the user excludes; return what else to tell people. Raises: RunError for a wrong name."""
        names = {name for node in _alive_nodes() for name in _names(node)}
        if unknown := sorted(self._excluded - names):
            raise RunError(f"no node is called {' or '.join(unknown)}; the nodes are {', '.join(sorted(names))}")
        said = self.look()
        if self._excluded and not self._at_work():
            raise RunError("--exclude-node leaves no node to run on")
        return said

    def look(self) -> list[str]:
        """Notice which nodes came that are excluded, and which are about to go; return what to tell people."""
        for node in _alive_nodes():
            if self._excluded.intersection(_names(node)):
                self.leave_out(node["NodeID"], "it is excluded")
        draining = {node_id for node_id in _draining_nodes() if node_id not in self.left_out}
        new, self._draining = draining - self._draining, draining
        names = {node["NodeID"]: _name(node) for node in _alive_nodes()}
        return [f"node {names.get(each, each)} is being drained: its trials save, and go on elsewhere" for each in new]

    def leave_out(self, node_id: str, why: str) -> str:
        """Place nothing on a node any more; return what to tell people, empty when it was left out before."""
        if node_id in self.left_out:
            return ""
        name = next((_name(node) for node in _alive_nodes() if node["NodeID"] == node_id), node_id)
        self.left_out[node_id] = f"node {name} is left out: {why}"
        return self.left_out[node_id]

    def others(self, node_id: str) -> bool:
        """Say whether some other node can work."""
        return any(node["NodeID"] != node_id for node in self._at_work())

    @property
    def all_gone(self) -> bool:
        return not _alive_nodes()

    def is_gone(self, node_id: str) -> bool:
        """Say whether a node that once was there is so no more; Ray itself believes in one for half a minute."""
        known = next((node for node in ray.nodes() if node["NodeID"] == node_id), None)
        if known is None or not known["Alive"]:
            return known is not None
        try:
            address = (known["NodeManagerAddress"], known["NodeManagerPort"])
            socket.create_connection(address, timeout=KNOCK_SECONDS).close()
        except OSError:
            return True
        return False

    def missed_by(self, demands: Sequence[Resources]) -> str:
        """Return why trials cannot run that only nodes which are left out could hold; empty when there are no such."""
        view = self.view()
        whole = ClusterView(nodes=tuple(_node(node) for node in _alive_nodes() if node["NodeID"] not in self._draining))
        missed = any(whole.fits(demand) for demand in demands) and not any(view.fits(demand) for demand in demands)
        return "; ".join(self.left_out.values()) if missed else ""

    def bring_in_output(self, node_id: str, storage: Storage) -> None:
        """Have a node write to an object store what a process printed that died there, or all where none is known.

        It need not be waited for.
        """
        for node in _alive_nodes() if storage.remote else ():
            if node_id in ("", node["NodeID"]):
                there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                self._bringing.append(_bring_in.options(scheduling_strategy=there, num_cpus=0).remote(storage.uri))

    def wait_for_output(self) -> None:
        """Wait until that is done, but not for long: a node that is gone has taken it along."""
        if self._bringing:
            ray.wait(self._bringing, num_returns=len(self._bringing), timeout=OUTPUT_SECONDS)
            self._bringing.clear()

    def _at_work(self) -> list[dict[str, Any]]:
        return [node for node in _alive_nodes() if node["NodeID"] not in self.not_worked_on]


def _alive_nodes() -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _draining_nodes() -> Iterable[str]:
    """Return the ids of nodes that will go soon. No public call of Ray's tells them without its dashboard."""
    from ray._private.state import state

    return state.get_draining_nodes()


def _node(node: Mapping[str, Any]) -> Node:
    return Node(node_id=node["NodeID"], resources=node["Resources"], labels=node.get("Labels") or {})


def _names(node: Mapping[str, Any]) -> set[str]:
    """Return what a person may call a node."""
    return {node["NodeManagerHostname"], node["NodeManagerAddress"], node.get("NodeName") or node["NodeManagerAddress"]}


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def code_environment() -> dict[str, Any]:
    """Return the runtime environment that brings this code, as it stands here, to every node."""
    packages = ("trainables", "orchestrator", "experiments")
    paths = [str(Path(str(importlib.import_module(name).__file__)).parent) for name in packages]
    return {"py_modules": paths, "excludes": ["__pycache__", "*.pyc"]}


def check_nodes(nodes: Nodes, storage: Storage, path: str) -> list[str]:
    """Ask every node whether it sees a file of the storage and runs this code; leave out those that do not.

    Returns a sentence for each of them. Raises: RunError, when none is left.
    """
    asked = {
        node["NodeID"]: _look.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False), num_cpus=0
        ).remote(storage.uri, path, provenance.code_digest())
        for node in _alive_nodes()
        if node["NodeID"] not in nodes.not_worked_on
    }
    until = time.monotonic() + NODE_SECONDS
    problems = {node_id: problem for node_id, ref in asked.items() if (problem := _answer(ref, until))}
    said = [nodes.leave_out(node_id, problem) for node_id, problem in problems.items()]
    if said and not nodes.view().nodes:
        raise RunError("; ".join(said))
    return said


def _answer(ref: Any, until: float) -> str:
    try:
        return ray.get(ref, timeout=max(0.0, until - time.monotonic()))
    except GetTimeoutError:
        return f"it does not answer within {NODE_SECONDS:g} seconds"
    except RayError as error:
        return f"it cannot run this code: {death_reason(str(error))}"


@ray.remote(max_retries=0)
def _bring_in(uri: str) -> None:
    bring_in(open_storage(uri))


@ray.remote(max_retries=2)
def _look(uri: str, path: str, digest: str) -> str:
    """Return what is wrong on this node, in a sentence; empty when nothing is."""
    if provenance.code_digest() != digest:
        return "it runs other code than this driver"
    try:
        sees = open_storage(uri).exists(path)
    except (OSError, SharptuneError) as error:
        return (isinstance(error, OSError) and trouble(error, uri)) or str(error)
    if not sees:
        return f"it does not see the storage {uri}; use a folder that all nodes share, or s3://bucket/path"
    return ""
