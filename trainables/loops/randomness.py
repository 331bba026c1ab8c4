"""Randomness that is derived, never carried.

Every random draw comes from a generator of its own, keyed by what it is for. No draw depends on how often anything was
drawn before, so a run that resumes in a fresh process draws what an uninterrupted one would have drawn.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch

from trainables.trial import canonical_json


def key(*, seed: int, trainable: str, purpose: str, epoch: int = 0, step: int = 0, rank: int = 0) -> int:
    """Return the 64-bit key of one draw: the head of a sha256 of exactly these."""
    named = {"seed": seed, "trainable": trainable, "purpose": purpose, "epoch": epoch, "step": step, "rank": rank}
    digest = hashlib.sha256(canonical_json(named).encode()).digest()
    # torch's CPU generator uses the low 32 bits only. In 2,000 epochs on CIFAR-10 a training draws some 8 million times
    # and about 7,000 pairs of those draws, n² / 2³³, share their numbers. That is harmless: mostly two purposes in
    # two distant steps, of shapes that differ, and nothing adds up over them.
    return int.from_bytes(digest[:8], "big")


def generator(
    *, seed: int, trainable: str, purpose: str, epoch: int = 0, step: int = 0, rank: int = 0
) -> torch.Generator:
    """Return the CPU generator for one purpose, epoch and step (from 0 where there is none) of one trial."""
    fresh = torch.Generator()
    fresh.manual_seed(key(seed=seed, trainable=trainable, purpose=purpose, epoch=epoch, step=step, rank=rank))
    return fresh


def draws(*, seed: int, trainable: str, prefix: str = "", epoch: int, step: int) -> Callable[[str], torch.Generator]:
    """Return the function from purpose to generator, for one step; `prefix` keeps two users of a purpose apart."""
    keyed = partial(generator, seed=seed, trainable=trainable, epoch=epoch, step=step)
    return lambda purpose: keyed(purpose=prefix + purpose)


def order(count: int, *, seed: int, trainable: str, purpose: str = "order", epoch: int) -> torch.Tensor:
    """Return the order in which an epoch takes its images: a permutation of 0..count-1, int64."""
    return torch.randperm(count, generator=generator(seed=seed, trainable=trainable, purpose=purpose, epoch=epoch))


@contextmanager
def initialising(*, seed: int, trainable: str) -> Iterator[None]:
    """Make torch's own initialisers draw by key inside the block; the process's generator is put back after it."""
    with torch.random.fork_rng(devices=[]):
        # Not torch.manual_seed: that would also seed the generators of all GPUs, which nobody puts back.
        torch.default_generator.manual_seed(key(seed=seed, trainable=trainable, purpose="initialisation"))
        yield
