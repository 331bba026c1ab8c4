"""`sharptune logs`: what happened in a trial, and what its process printed, of the right attempt."""

import itertools

import pytest

from orchestrator.cli.record import logs
from orchestrator.ledger import Ledger
from trainables.record.outputs import shortened
from trainables.record.storage import open_storage
from trainables.trial import TrialRow, TrialSpec

SPEC = TrialSpec(trainable="chain", version=1, config={}, seed=0, parents=())
TRIAL = SPEC.trial_id
FAILED = TrialRow(
    trial_id=TRIAL,
    spec=SPEC,
    config={},
    state="failed",
    metrics={},
    artifacts={},
    error="its process died",
    timing={},
    provenance={},
)


@pytest.fixture
def folder(chains):
    """The folder of a trial whose process was killed twice."""
    folder = Ledger(open_storage("runs")).folder(TRIAL)
    folder.storage.append(f"{folder.path}/log.txt", b"attempt 1 starts\nattempt 2 resumes\n")
    return folder


def printed(folder, attempt, data: bytes) -> str:
    """Add to what an attempt printed; return the file's name."""
    name = f"output.{attempt:04d}.0123abcd.txt"
    folder.storage.append(f"{folder.path}/{name}", data)
    return name


def test_the_log_is_followed_by_what_the_last_attempt_printed(sharptune, folder):
    printed(folder, 1, b"first\n")
    name = printed(folder, 2, b"CUDA error: an illegal memory access\nAborted")

    assert sharptune("logs", TRIAL[:4]).out == (
        "attempt 1 starts\nattempt 2 resumes\n"
        f"\n==> what attempt 2 printed ({name}) <==\n"
        "CUDA error: an illegal memory access\nAborted\n"
    )


def test_any_attempt_can_be_asked_for_and_one_without_output_is_one_sentence(sharptune, folder):
    printed(folder, 1, b"first\n")
    printed(folder, 3, b"third\n")

    one, two = (sharptune("logs", TRIAL, "--attempt", number) for number in ("1", "2"))

    assert one.out.endswith(") <==\nfirst\n")
    assert (two.code, two.out) == (2, "")
    assert two.err == f"error: of attempt 2 of trial {TRIAL} no output is kept; there is of attempt 1, 3\n"


def test_an_attempt_that_has_not_printed_yet_hides_none_that_has(sharptune, folder):
    printed(folder, 1, b"last words\n")
    printed(folder, 2, b"")

    assert sharptune("logs", TRIAL).out.endswith(") <==\nlast words\n")


def test_json_has_the_log_and_all_outputs(sharptune, folder):
    first, second = printed(folder, 1, b"a\xff\x1b[2J\n"), printed(folder, 2, shortened(b"x" * 1_000_003))

    found = sharptune("logs", TRIAL, "--json").json

    assert found["id"] == TRIAL
    assert found["log"] == ["attempt 1 starts", "attempt 2 resumes"]
    assert found["outputs"] == [
        {"attempt": 1, "file": first, "bytes_left_out": 0, "text": "a\\xff\x1b[2J\n"},
        {"attempt": 2, "file": second, "bytes_left_out": 3, "text": "x" * 1_000_000},
    ]
    assert sharptune("logs", TRIAL, "--json", "--attempt", "2").json["outputs"] == found["outputs"][1:]
    assert sharptune("logs", TRIAL, "--json", "--follow").code == 2


def test_hostile_bytes_are_spelled_out_and_what_was_written_over_stands_in_lines_of_its_own(sharptune, folder):
    printed(folder, 1, b"\x1b]0;owned\x07\xff\xfe 10%\r20%\r\n\xe2\x82")

    assert sharptune("logs", TRIAL).out.splitlines()[-3:] == [r"\x1b]0;owned\x07\xff\xfe 10%", "20%", r"\xe2\x82"]


def test_the_line_for_what_is_not_kept_stands_first(sharptune, folder):
    folder.storage.write(f"{folder.path}/output.0001.0123abcd.txt", shortened(b"y" * 1_000_000 + b"end\n"))

    lines = sharptune("logs", TRIAL).out.splitlines()

    assert lines[-2] == "[4 bytes before this line are not kept]"
    assert lines[-1].endswith("yyyend")


def test_follow_prints_both_as_they_grow_across_attempts_until_there_is_a_row(sharptune, folder, monkeypatch):
    """Also what is torn in the middle of a character, and what is shortened meanwhile."""
    moments = [
        lambda: printed(folder, 1, "±".encode()[1:] + b"\n"),
        lambda: folder.storage.append(f"{folder.path}/log.txt", b"attempt 2 starts\n"),
        lambda: printed(folder, 2, b"again\n"),
        lambda: folder.storage.write(
            f"{folder.path}/output.0002.0123abcd.txt", b"[100 bytes before this line are not kept]\nend"
        ),
        lambda: folder.commit_row(FAILED),
        lambda: printed(folder, 2, b" of all"),
    ]
    steps = itertools.chain(moments, itertools.repeat(lambda: None))
    monkeypatch.setattr(logs.time, "sleep", lambda seconds: next(steps)())
    printed(folder, 1, b"first " + "±".encode()[:1])

    assert sharptune("logs", TRIAL, "--follow").out == (
        "attempt 1 starts\nattempt 2 resumes\n"
        "\n==> what attempt 1 printed (output.0001.0123abcd.txt) <==\nfirst ±\n"
        "\n==> the log goes on (log.txt) <==\nattempt 2 starts\n"
        "\n==> what attempt 2 printed (output.0002.0123abcd.txt) <==\nagain\n"
        "[94 bytes before this line are not kept]\nend of all\n"
    )
