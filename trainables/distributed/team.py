"""One trial in several processes, its ranks: each computes its share of every batch, and they meet in each gradient.

The trial's own process is rank 0: it yields the steps, tests, saves and reports. It starts the others
(`rank_processes.py`), which build the same run, load the same state and walk the same loop. They meet in torch's
DistributedDataParallel: by NCCL with rank r on the trial's r-th GPU, on a CPU by gloo, both on the loopback interface
alone, by way of a file in a temporary folder.

What is the same as in one process. A batch is cut into contiguous shares whose sizes differ by one image at most, and
each rank's loss counts by its share, so the gradient is that of the mean over the whole batch. Every random draw is
made for the whole batch on every rank, and cut. Losses and wrong answers are added up in every step. The difference is
the rounding of sums. Clipping, loss scaling and the optimizer's step see the averaged gradient, on each rank the same.

What is not. Batch norm normalises each share by itself, as it does the parts of `accumulate`, and what is tested and
stored are rank 0's running statistics: those of the first share of each batch. So the number of ranks is a setting of
the trial that has a part in its id, and a state goes on with that number only. With the same number, and after
whatever interruption, the numbers are the same: gradients are summed in an order that no resume changes.

Shape letters: B = images of a batch, C = classes, K = numbers.
"""

import json
import os
import select
import shutil
import socket
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from trainables.distributed.shares import share
from trainables.trainable import load
from trainables.trial import JSON

MEETING = timedelta(seconds=30)
"""For all ranks to find each other, once all have said that they are ready."""
LEADER_PATIENCE = timedelta(minutes=10)
"""Of rank 0, in one exchange: the others do what it does, so one that is alive and takes longer hangs."""
FOLLOWER_PATIENCE = timedelta(days=30)
"""Of the others: rank 0 may test, save or be paused for as long as it likes. When it ends, so do they."""
READY = b"."
ENDED_ALONE = 3
"""Exit status of a rank whose leader is gone."""
PARTING_SECONDS = 3.0
"""How long a rank whose exchange broke waits for its leader to be gone, before it says that it failed itself."""


class Ranked(Protocol):
    """A run that several processes can carry together. Its class is importable by name."""

    @property
    def network(self) -> nn.Module: ...

    @classmethod
    def of_rank(cls, settings: dict[str, JSON], *, seed: int, threads: int, gpus: float, rank: int) -> "Ranked":
        """Return the run as this rank builds it, with its device set up."""
        ...

    def load(self, state: bytes) -> None: ...

    def state(self) -> bytes: ...

    def follow(self, team: "Team") -> None:
        """Go through the whole loop beside rank 0."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """All a process needs to take its place as a rank. Travels as one line of JSON, followed by the run's state."""

    run: str
    settings: dict[str, JSON]
    seed: int
    threads: int
    gpus: float
    """Of the whole trial."""
    rank: int
    ranks: int
    meeting: str
    """The file by which the ranks find each other."""
    leader: int
    """Rank 0's process."""
    state_bytes: int

    def to_json(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> "Place":
        return cls(**json.loads(line))


class Team:
    """What one rank has of the others, from meeting them to `leave`. Raises RuntimeError when one of them is gone."""

    def __init__(self, network: nn.Module, *, rank: int, ranks: int, meeting: str) -> None:
        device = next(network.parameters()).device
        on_gpu = device.type == "cuda"
        self.rank = rank
        self.ranks = ranks
        store = dist.FileStore(meeting, ranks)  # pyright: ignore[reportPrivateImportUsage]  (documented, though)
        store.set_timeout(MEETING)
        with _on_loopback():
            dist.init_process_group(
                "nccl" if on_gpu else "gloo",
                store=store,
                rank=rank,
                world_size=ranks,
                timeout=LEADER_PATIENCE if rank == 0 else FOLLOWER_PATIENCE,
                device_id=torch.device("cuda", torch.cuda.current_device()) if on_gpu else None,
            )
        try:
            # Told that some parameters may get no gradient, which is so in cells that leave a node out, it also keeps
            # its buckets as they are. Otherwise it orders them anew after a first step, and with them the sums of more
            # than two ranks, so that a resumed trial would round otherwise than one that was never interrupted.
            with warnings.catch_warnings():
                # The word that PyTorch 2.15 has for broadcast_buffers, earlier ones do not know.
                warnings.simplefilter("ignore", FutureWarning)
                self._network: nn.Module = DistributedDataParallel(
                    network, broadcast_buffers=False, find_unused_parameters=True
                )
        except BaseException:
            self.leave()
            raise

    def share(self, images: int) -> slice:
        """Return which images of a batch are this rank's."""
        return share(images, rank=self.rank, ranks=self.ranks)

    def forward(self, *inputs: Tensor | None, last: bool) -> Any:
        """Return what the network makes of a part of the share; going back from the last one averages gradients."""
        with nullcontext() if last else self._waiting():
            return self._network(*inputs)

    def add_up(self, *numbers: Tensor) -> list[Tensor]:
        """Return the sum of each number over all ranks, as it was typed, on every rank."""
        numbers_K = torch.stack([number.detach().double() for number in numbers])
        dist.all_reduce(numbers_K)
        return [total.to(number.dtype) for total, number in zip(numbers_K, numbers, strict=True)]

    def leave(self) -> None:
        """Part from the others without waiting for them."""
        self._network = nn.Identity()  # which takes the hooks off the parameters
        group = dist.group.WORLD
        if group is None:
            return
        if dist.get_backend() == "nccl":
            group.abort()  # ending it in order would wait for what a lost rank never sends
        dist.destroy_process_group()

    def abort(self) -> None:
        """Break off an exchange that another thread of this process hangs in."""
        if dist.group.WORLD is not None and dist.get_backend() == "nccl":
            dist.group.WORLD.abort()

    def _waiting(self) -> AbstractContextManager[Any]:
        assert isinstance(self._network, DistributedDataParallel)
        return self._network.no_sync()


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let gloo and NCCL, which ask the environment, talk to this machine alone."""
    loopback = next((name for _, name in socket.if_nameindex() if name.startswith("lo")), None)
    names = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME") if loopback else ()
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, loopback or ""))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# ------------------------------------------------------------------------------------- the process of another rank


def main() -> None:
    """Be a rank: read a place and a state from standard input, say when ready, follow rank 0 to the end."""
    ready = os.dup(1)
    os.dup2(2, 1)  # whatever prints, prints into the log
    source = sys.stdin.buffer
    place = Place.from_json(source.readline())
    state = source.read(place.state_bytes)
    leader = threading.Thread(target=_end_with_the_leader, args=(source.fileno(), place), daemon=True)
    leader.start()
    run: Ranked = load(place.run).of_rank(
        place.settings, seed=place.seed, threads=place.threads, gpus=place.gpus, rank=place.rank
    )
    run.load(state)
    os.write(ready, READY)
    os.close(ready)
    try:
        run.follow(Team(run.network, rank=place.rank, ranks=place.ranks, meeting=place.meeting))
    except RuntimeError:
        # Most likely another rank is gone. If it is rank 0, there is a folder to remove; if it is not, rank 0 is about
        # to see which one it was, and should not take this one for it.
        leader.join(PARTING_SECONDS)
        raise
    leader.join()  # until rank 0 is done too: what it still has to receive must not be cut off


def _end_with_the_leader(source: int, place: Place) -> None:
    """End this process, wherever it hangs, as soon as rank 0 closes its end, or dies."""
    while True:
        readable, _, _ = select.select([source], [], [], 1.0)
        # The second question is for a leader whose other children hold the pipe open.
        if readable or os.getppid() != place.leader:
            shutil.rmtree(Path(place.meeting).parent, ignore_errors=True)  # which a killed leader leaves behind
            os._exit(ENDED_ALONE)


def run_path(run: Ranked) -> str:
    """Return the import path of a run's class."""
    return f"{type(run).__module__}:{type(run).__qualname__}"


def meeting_in(folder: Path) -> str:
    return str(folder / "meeting")
