"""What the ranks of a trial agree on, without starting any; with real processes: `tests/integration/test_ranks.py`."""

import errno
import threading
import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.architecture.cell_network import CellNetwork
from trainables.architecture.drop_path import draw_keep
from trainables.architecture.genotype import Genotype
from trainables.config import TrainConfig
from trainables.distributed import rank_processes
from trainables.distributed.rank_processes import LOST_STATUS, Member, RankLost, Watch
from trainables.distributed.shares import share, share_problem
from trainables.distributed.team import Place
from trainables.errors import TrialFailure
from trainables.loops.training import FinalRun
from trainables.record.storage import NO_SPACE
from trainables.trial import Step

HERE = Step(epoch=1, step=1, steps=9)


@given(images=st.integers(0, 300), ranks=st.integers(1, 16))
def test_shares_are_all_of_a_batch_in_its_order_and_of_nearly_one_size(images, ranks):
    shares = [share(images, rank=rank, ranks=ranks) for rank in range(ranks)]
    sizes = [each.stop - each.start for each in shares]

    assert [image for each in shares for image in range(images)[each]] == list(range(images))
    assert max(sizes) - min(sizes) <= 1


@given(images=st.integers(2, 300), batch_size=st.integers(2, 64), ranks=st.integers(2, 16))
def test_batches_are_refused_exactly_when_a_rank_would_get_a_single_image_or_none(images, batch_size, ranks):
    batches = [batch_size, *(min(batch_size, images - start) for start in range(0, images, batch_size))]
    smallest = min(batches) // ranks  # the last rank's

    assert (share_problem(images, batch_size=batch_size, ranks=ranks) is not None) == (smallest < 2)


@given(
    images=st.integers(2, 300), batch_size=st.integers(2, 64), ranks=st.integers(2, 16), accumulate=st.integers(1, 5)
)
def test_parts_of_shares_are_never_single_images_unless_refused(images, batch_size, ranks, accumulate):
    problem = share_problem(images, batch_size=batch_size, ranks=ranks, accumulate=accumulate)
    parts = [
        len(part)
        for batch in torch.arange(images).split(batch_size)
        for rank in range(ranks)
        for mine in [batch[share(len(batch), rank=rank, ranks=ranks)]]
        for part in (mine[share(len(mine), rank=number, ranks=accumulate)] for number in range(accumulate))
    ]

    assert problem is not None or min(parts) >= 2


@given(images=st.integers(2, 300), batch_size=st.integers(2, 64), accumulate=st.integers(2, 32))
def test_parts_of_a_batch_are_refused_exactly_when_one_would_be_a_single_image_or_none(images, batch_size, accumulate):
    batches = [batch_size, *map(len, torch.arange(images).split(batch_size))]
    parts = [
        part.stop - part.start
        for batch in batches
        for part in (share(batch, rank=number, ranks=accumulate) for number in range(accumulate))
    ]

    problem = share_problem(images, batch_size=batch_size, accumulate=accumulate)

    assert (problem is not None) == (min(parts) < 2)


def test_what_cannot_be_parted_is_said_with_what_can():
    refused = share_problem(50_000, batch_size=64, accumulate=9)

    assert refused == (
        "accumulate",
        "the last batch of 50000 images has 16, which can be computed in no more than 8 parts, for batch normalisation",
    )
    assert share_problem(50_000, batch_size=64, accumulate=8) is None


def test_one_process_has_no_problem_with_any_batch():
    assert share_problem(5, batch_size=4, ranks=1) is None


def test_parts_of_a_batch_drop_the_paths_that_the_whole_batch_drops():
    edges = (("sep_conv_3x3", 0), ("skip_connect", 1), ("sep_conv_3x3", 1), ("max_pool_3x3", 2))
    genotype = Genotype(normal=edges, normal_concat=(2, 3), reduce=edges, reduce_concat=(2, 3))
    network = CellNetwork(
        genotype=genotype, operations="ssc", channels=2, layers=3, classes=10, auxiliary=False
    ).double()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()  # so that images do not see each other
    keep_DB = draw_keep(network.droppable, 5, drop_path=0.5, generator=torch.Generator().manual_seed(1))
    x_BCHW = torch.randn(5, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def logits(part: slice = slice(None)):
        with torch.no_grad():
            return network(x_BCHW[part], keep_DB[:, part])[0]

    in_parts = torch.cat([logits(share(5, rank=rank, ranks=2)) for rank in range(2)])
    assert torch.allclose(in_parts, logits(), rtol=0, atol=1e-12)
    assert not torch.allclose(in_parts, network(x_BCHW)[0], rtol=0, atol=1e-3)


def test_batches_that_cannot_be_shared_fail_the_trial_before_anything_starts(dataset_cache, one_thread):
    config = TrainConfig(genotype={}, dataset="cifar10-mini", train_images=50, batch_size=8, ranks=2)

    with pytest.raises(TrialFailure, match="the last batch of 50 images has 2, and each of 2 ranks needs two"):
        FinalRun.of_rank(config, seed=0, threads=1)


def test_images_that_are_held_out_are_in_no_batch_to_share(dataset_cache, one_thread):
    settings = {"genotype": {}, "dataset": "cifar10-mini", "batch_size": 8, "ranks": 2}
    config = TrainConfig(**settings, train_images=60, validation_images=10)

    with pytest.raises(TrialFailure, match="the last batch of 50 images has 2, and each of 2 ranks needs two"):
        FinalRun.of_rank(config, seed=0, threads=1)


def test_a_place_travels_as_one_line():
    place = Place(
        run="a:b",
        settings={"x": [1, "\n"]},
        seed=1,
        threads=2,
        gpus=0,
        rank=3,
        ranks=4,
        meeting="/m",
        leader=5,
        state_bytes=6,
    )

    assert place.to_json().count(b"\n") == 1
    assert Place.from_json(place.to_json()) == place


def test_a_lost_rank_is_the_machines_fault_and_no_full_disk():
    """What `execution` tells apart: the first is tried again, the second stops the run."""
    assert isinstance(RankLost("rank 1 is gone"), OSError)
    assert RankLost("rank 1 is gone").errno not in NO_SPACE
    assert errno.ENOSPC in NO_SPACE


class FakeRank:
    """A rank that can be said to be gone."""

    gone = False

    def lost(self):
        return RankLost("rank 1 is gone")


class FakeExchange:
    """Something that hangs until it is broken off, or until the process ends."""

    def __init__(self, breaks: bool):
        self.released = threading.Event()
        self.breaks = breaks
        self.aborted = 0
        self.status: int | None = None

    def hang(self):
        assert self.released.wait(10)
        raise RuntimeError("exchange was broken off")

    def abort(self):
        self.aborted += 1
        if self.breaks:
            self.released.set()

    def end(self, status):
        self.status = status
        self.released.set()


@pytest.fixture
def watch(monkeypatch):
    """Start watches over one rank that look often and wait little; they are closed at the end."""
    for name, seconds in {"LOOK": 0.005, "BREAK": 0.02, "LAST": 0.06, "NOTICE": 0.05}.items():
        monkeypatch.setattr(f"trainables.distributed.rank_processes.{name}_SECONDS", seconds)
    watches = []

    def start(exchange):
        rank = FakeRank()
        watches.append(Watch([rank], exchange, end=exchange.end))
        return rank, watches[-1]

    yield start
    for each in watches:
        each.close()


@pytest.mark.parametrize(("breaks", "status"), [(True, None), (False, LOST_STATUS)])
def test_an_exchange_that_hangs_on_a_lost_rank_is_broken_off_or_the_process_ends(watch, breaks, status):
    exchange = FakeExchange(breaks)
    rank, watched = watch(exchange)

    def work():
        yield HERE
        rank.gone = True
        exchange.hang()
        yield HERE

    steps = watched.watched(work())

    assert next(steps) == HERE
    with pytest.raises(RankLost, match="rank 1 is gone"):
        next(steps)
    assert (exchange.aborted, exchange.status) == (1, status)


def test_nothing_is_broken_off_while_rank_0_is_paused(watch):
    """Whoever takes the steps may take all the time he likes, and hears of the loss when he comes back."""
    exchange = FakeExchange(breaks=True)
    rank, watched = watch(exchange)
    steps = watched.watched(iter([HERE, HERE]))
    next(steps)
    rank.gone = True
    time.sleep(0.15)

    assert (exchange.aborted, exchange.status) == (0, None)
    with pytest.raises(RankLost):
        next(steps)


def test_an_error_of_rank_0_alone_stays_what_it_is(watch):
    _, watched = watch(FakeExchange(breaks=True))

    def work():
        raise RuntimeError("out of memory")
        yield HERE

    with pytest.raises(RuntimeError, match=r"^out of memory$"):
        next(watched.watched(work()))


def test_work_that_ends_ends(watch):
    _, watched = watch(FakeExchange(breaks=True))

    assert list(watched.watched(iter([HERE, HERE]))) == [HERE, HERE]


def test_what_a_rank_printed_is_part_of_what_its_trial_prints(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(rank_processes, "_COMMAND", "import os; os.write(2, b'NCCL WARN peer lost')")
    place = Place(
        run="",
        settings={},
        seed=0,
        threads=1,
        gpus=0,
        rank=1,
        ranks=2,
        meeting="",
        leader=0,
        state_bytes=0,
    )
    member = Member(place, tmp_path)

    member.close()
    member.end()

    assert capfd.readouterr().err == "rank 1 printed:\nNCCL WARN peer lost\n"
