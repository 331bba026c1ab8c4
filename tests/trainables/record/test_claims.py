"""A trial belongs to one process at a time, and to nobody that is gone."""

import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from trainables.errors import ClaimLost
from trainables.record.beats import AtWork, Beat, BeatWatcher, beat_path
from trainables.record.claims import STALE_SECONDS, Busy, Claim, ClaimFolder, Process
from trainables.record.local_storage import LocalStorage, _mark
from trainables.record.storage import open_storage


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def claims(tmp_path, clock):
    return ClaimFolder(open_storage(tmp_path), "trials/t", BeatWatcher(clock))


def acquire(claims, driver="a") -> Claim:
    claim = claims.acquire(driver=driver, driver_process=Process.current())
    assert isinstance(claim, Claim)
    return claim


def foreign(claims, tmp_path) -> None:
    """Rewrite the claim in force as another machine's."""
    elsewhere = Process(host="elsewhere", boot="other", pid=1, started="1")
    claim = dataclasses.replace(acquire(claims), driver_process=elsewhere, worker_process=elsewhere)
    (tmp_path / f"trials/t/claims/{claim.number:04d}.json").write_text(claim.to_json())


def dead_process() -> Process:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        started = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
        process = dataclasses.replace(Process.current(), pid=child.pid, started=started)
        assert process.alive()
        child.communicate(b"\n")
    return process


def tell(root, count, *trials) -> None:
    """Write what driver "a" tells, of trials at work."""
    moment = "2026-01-01T00:00:00+00:00"
    at_work = {trial: AtWork(since=moment) for trial in trials}
    beat = Beat(count=count, process=Process.current(), since=moment, now=moment, trials=at_work)
    open_storage(root).write(beat_path("a"), beat.to_json().encode())


def test_a_process_knows_itself_and_is_not_mistaken_for_one_with_its_number():
    here = Process.current()

    assert here.alive() is True
    assert dataclasses.replace(here, started="1").alive() is False
    assert dataclasses.replace(here, host="elsewhere").alive() is None
    assert dataclasses.replace(here, boot="another").alive() is None


def test_a_live_claim_keeps_others_out(claims):
    claim = acquire(claims)

    assert claims.acquire(driver="b", driver_process=Process.current()) == Busy(claim=claim)
    assert claims.live() == claim
    claims.check(claim)


def test_a_released_claim_is_free_at_once(claims):
    claims.release(acquire(claims))

    assert claims.live() is None
    assert acquire(claims, "b").number == 2


def test_the_same_driver_takes_over_at_once_and_the_old_attempt_notices(claims):
    first = acquire(claims)

    second = acquire(claims)

    assert second.number == 2
    with pytest.raises(ClaimLost, match="taken over by attempt 2"):
        claims.check(first)


def test_a_claim_whose_processes_here_are_gone_is_stale(claims, tmp_path):
    gone = dead_process()
    claim = dataclasses.replace(acquire(claims), driver_process=gone, worker_process=gone)
    (tmp_path / "trials/t/claims/0001.json").write_text(claim.to_json())

    assert claims.live() is None
    assert acquire(claims, "b").number == 2


@pytest.mark.parametrize("trials", [None, ["other"], ["t"]])
def test_the_claim_of_a_worker_that_is_gone_holds_only_while_its_driver_has_the_trial_at_work(claims, tmp_path, trials):
    """As after a run that was interrupted in a process that lives on, as notebooks do."""
    claim = dataclasses.replace(acquire(claims), worker_process=dead_process())
    (tmp_path / "trials/t/claims/0001.json").write_text(claim.to_json())
    if trials is not None:
        tell(tmp_path, 1, *trials)

    assert claims.live() == (claim if trials == ["t"] else None)


def test_a_worker_that_outlives_its_driver_still_counts(claims, tmp_path):
    claim = dataclasses.replace(acquire(claims), driver_process=dead_process())
    (tmp_path / "trials/t/claims/0001.json").write_text(claim.to_json())

    assert claims.live() == claim


@pytest.mark.parametrize("told", [None, b"{}", b"what it last told"])
def test_a_claim_is_stale_when_its_drivers_beat_rests_by_our_own_clock(claims, tmp_path, clock, told):
    """Of another machine, also where the driver's file is missing: as of one that has ended without giving it back."""
    foreign(claims, tmp_path)
    if told is not None:
        open_storage(tmp_path).write(beat_path("a"), told)
    assert claims.live() is not None
    clock.now = STALE_SECONDS - 1
    assert claims.live() is not None

    clock.now = STALE_SECONDS

    assert claims.live() is None


def test_a_worker_here_whose_driver_elsewhere_is_silent_is_taken_over_and_notices(claims, tmp_path, clock):
    """So is one whose driver sleeps, as a suspended process does, while its workers go on."""
    elsewhere = Process(host="elsewhere", boot="other", pid=1, started="1")
    claim = dataclasses.replace(acquire(claims), driver_process=elsewhere)
    (tmp_path / "trials/t/claims/0001.json").write_text(claim.to_json())
    assert claim.worker_process.alive()
    assert isinstance(claims.acquire(driver="b", driver_process=Process.current()), Busy)

    clock.now = STALE_SECONDS

    assert acquire(claims, "b").number == 2
    with pytest.raises(ClaimLost, match="taken over by attempt 2"):
        claims.check(claim)


def test_a_driver_that_goes_on_without_the_trial_keeps_no_claim_on_it(claims, tmp_path, clock):
    """As where its worker could not write that it gave the claim back."""
    foreign(claims, tmp_path)

    live = []
    for count in range(10):
        clock.now += STALE_SECONDS / 4
        tell(tmp_path, count, *(["t", "other"] if count < 4 else ["other"]))
        live.append(claims.live() is not None)

    assert live == [True] * 8 + [False] * 2


def test_a_driver_that_ends_without_giving_its_claim_back_keeps_it_no_longer_than_one_that_is_silent(
    claims, tmp_path, clock
):
    storage = open_storage(tmp_path)
    foreign(claims, tmp_path)
    storage.write(beat_path("a"), b"1")
    assert claims.live() is not None
    clock.now = 50.0
    storage.delete(beat_path("a"))
    assert claims.live() is not None

    clock.now += STALE_SECONDS

    assert claims.live() is None


def test_a_claim_that_the_driver_found_stale_is_taken_over_by_a_worker_that_has_only_just_come(claims, tmp_path):
    foreign(claims, tmp_path)
    fresh = ClaimFolder(open_storage(tmp_path), "trials/t", BeatWatcher())

    assert isinstance(fresh.acquire(driver="b", driver_process=Process.current()), Busy)
    taken = fresh.acquire(driver="b", driver_process=Process.current(), stale=1)

    assert isinstance(taken, Claim)
    assert taken.number == 2
    assert isinstance(fresh.acquire(driver="c", driver_process=Process.current(), stale=1), Busy)


def test_a_beat_that_moves_keeps_the_claims_of_its_driver_alive(claims, tmp_path, clock):
    foreign(claims, tmp_path)
    claim = claims.live()
    assert claim is not None
    for beat in range(5):
        clock.now += STALE_SECONDS - 1
        open_storage(tmp_path).write(beat_path(claim.driver), str(beat).encode())
        assert claims.live() is not None


@pytest.mark.parametrize("content", [b"", b"{", b'{"number": 1}', b"\x00" * 50, b"[]", b'"x"', b"[" * 100_000])
def test_a_garbled_claim_is_said_and_not_trusted(claims, tmp_path, content):
    acquire(claims)
    (tmp_path / "trials/t/claims/0001.json").write_bytes(content)

    assert acquire(claims, "b").number == 2
    assert claims.problems == ["claim 0001.json is damaged and not trusted; the next attempt takes over"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("number", "1"),
        ("token", 1),
        ("driver", None),
        ("driver", "../../elsewhere"),
        ("driver", ""),
        ("worker_process", {"host": [], "boot": "", "pid": 1, "started": ""}),
    ]
    + [("driver_process", {"host": "", "boot": "", "pid": pid, "started": ""}) for pid in ("1", "\0", -1, 10**400)],
)
def test_a_claim_with_something_of_the_wrong_kind_is_not_trusted(claims, tmp_path, field, value):
    good = json.loads(acquire(claims).to_json())
    (tmp_path / "trials/t/claims/0001.json").write_text(json.dumps({**good, field: value}))

    assert claims.live() is None
    assert acquire(claims, "b").number == 2
    assert claims.problems == ["claim 0001.json is damaged and not trusted; the next attempt takes over"]


def _race(root, barrier, wins):
    claims = ClaimFolder(open_storage(root), "trials/t", BeatWatcher())
    barrier.wait()
    claim = claims.acquire(driver=str(os.getpid()), driver_process=Process.current())
    wins.put(isinstance(claim, Claim))
    barrier.wait()


def test_of_many_processes_that_claim_at_once_one_wins(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, wins = context.Barrier(8), context.Queue()
    processes = [context.Process(target=_race, args=(tmp_path, barrier, wins)) for _ in range(8)]
    for process in processes:
        process.start()
    won = [wins.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()

    assert sum(won) == 1


def _race_and_tidy(root, barrier, ends):
    """Claim each of many trials at the same moment as others do, and tidy up as its owner does what is won."""
    storage = open_storage(root)
    for number in range(100):
        claims = ClaimFolder(storage, f"trials/{number}", BeatWatcher())
        barrier.wait()
        try:
            claim = claims.acquire(driver=str(os.getpid()), driver_process=Process.current())
            if isinstance(claim, Claim):
                storage.tidy(f"trials/{number}")
            ends.put(type(claim).__name__)
        except Exception as error:
            ends.put(repr(error))
    barrier.wait()  # the claim of one that has ended is anyone's


def test_a_winner_that_tidies_up_leaves_alone_what_its_rivals_are_writing(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, ends = context.Barrier(4), context.Queue()
    processes = [context.Process(target=_race_and_tidy, args=(tmp_path, barrier, ends)) for _ in range(4)]
    for process in processes:
        process.start()
    found = Counter(ends.get(timeout=60) for _ in range(400))
    for process in processes:
        process.join()

    assert found == {"Claim": 100, "Busy": 300}


def test_only_what_a_dead_process_was_writing_is_tidied_away(tmp_path):
    storage = LocalStorage(tmp_path)
    gone, elsewhere = dead_process(), Process(host="elsewhere", boot="other", pid=1, started="1")
    for process in (gone, elsewhere, Process.current()):
        (tmp_path / f".tmp-{_mark(process)}-0123").touch()
    (tmp_path / ".tmp-0123456789abcdef").touch()  # as earlier versions wrote them
    for process in (elsewhere, Process.current()):
        old = tmp_path / f".tmp-{_mark(process)}-4567"
        old.touch()
        os.utime(old, (0, 0))

    storage.tidy("")

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {
        f".tmp-{_mark(elsewhere)}-0123",
        f".tmp-{_mark(Process.current())}-0123",
        f".tmp-{_mark(Process.current())}-4567",
        ".tmp-0123456789abcdef",
    }
    assert storage.names("") == []
