"""The command as a process of its own: installed, interrupted, on a terminal, and with the real trainables."""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from importlib import resources
from pathlib import Path

import pytest
from command_line import FAKE_SHARPTUNE, rows

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage

SLOW = ("--set", "stages.root.config.seconds=0.02", "--set", "stages.child.config.seconds=0.02")
COLOURS = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7])[0-9;]*m")


def test_the_installed_command_and_the_module_are_the_same(chains):
    for command in (["sharptune"], [sys.executable, "-m", "orchestrator"]):
        command[0] = str(Path(sys.executable).with_name("sharptune")) if command[0] == "sharptune" else command[0]
        done = subprocess.run([*command, "plan", "nowhere"], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: unknown experiment")


def test_when_all_is_done_neither_ray_nor_torch_is_loaded(run):
    run()
    code = (
        "import sys, fakes, orchestrator.cli.main as c; code = c.invoke(['run', 'chains.yaml'], catalog=fakes.CATALOG);"
        "print(code, {'ray', 'torch'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "0 set()"


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("plan chains.yaml", 141, ""),
        ("plan chains.yaml > /dev/full", 1, "error: what is printed cannot be written (No space left on device)"),
        ("plan chains.yaml >&-", 1, "error: the standard output is closed"),
    ],
)
def test_whatever_becomes_of_the_output_the_end_is_in_order(chains, command, code, said):
    reading, unread = os.pipe()
    os.close(reading)

    done = subprocess.run(
        ["bash", "-c", f"exec {sys.executable} {FAKE_SHARPTUNE} {command}"],
        stdout=unread,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    os.close(unread)

    assert (done.returncode, done.stderr[: len(said)]) == (code, said)
    assert len(done.stderr.splitlines()) == bool(said)
    assert len(rows()) == (6 if "run" in command else 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_goes_on_to_the_same_rows(sharptune, run, number):
    command = [sys.executable, str(FAKE_SHARPTUNE), "run", "chains.yaml", "--runner", "local", *SLOW]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "epoch 1" in line:
            break
    process.send_signal(number)
    out, err = process.communicate(timeout=180)

    assert process.returncode == 130
    assert "The same command goes on from here." in out
    assert "Stopping" in err
    assert "Traceback" not in err

    again = run(*SLOW)
    assert again.code == 0
    assert "resumes after" in again.out
    run("--storage", "undisturbed", *SLOW)
    assert rows("undisturbed") == rows()


def test_a_folder_of_images_is_a_dataset_like_any_other(chains, capsys):
    """What must be on this machine is known by its pixels, not by the path that the file has."""
    images = Path(str(resources.files("trainables.data") / "cifar10_mini"))
    small = "train_images: 20, epochs: 1, warmup_epochs: 0, batch_size: 10, channels: 4, layers: 3"
    chains.write_text(
        f"experiment: own\nstages: {{search: {{trainable: search, config: {{dataset: {images}, {small}}}}}}}\n"
    )

    code = invoke(["run", "chains.yaml", "--runner", "local"])

    assert (code, capsys.readouterr().err) == (0, "")
    (row,) = Ledger(open_storage("runs")).rows().values()
    assert row.config["dataset"] == "cifar10-mini"


def drawn_by(arguments: list[str], cwd: Path, typed: str = "", **environment: str) -> tuple[int, str]:
    """Run a command on a real terminal of its own; return its exit code and all it wrote there.

    Args:
        typed: what a person has typed by then.
    """
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(FAKE_SHARPTUNE), *arguments],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "70", "LINES": "24", **environment},
    )
    os.close(follower)
    os.write(leader, typed.encode())
    written = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other side was closed
            break
        if not part:
            break
        written += part
    os.close(leader)
    return process.wait(timeout=180), written.decode()


@pytest.mark.parametrize("colour", [True, False])
def test_on_a_real_terminal_a_run_draws_and_leaves_its_table(tmp_path, colour):
    tmp_path.joinpath("chains.yaml").write_text(
        "experiment: chains\n"
        "stages: {root: {trainable: chain, config: {seconds: 0.1}, grid: {seed: [0, 1]}}}\n"
        "tables: [{name: all, stage: root, rows: [], columns: [error]}]\n"
    )
    environment = {} if colour else {"NO_COLOR": "1"}

    code, drawn = drawn_by(["run", "chains.yaml", "--runner", "local"], tmp_path, **environment)

    assert code == 0
    assert "━" in drawn
    assert "\x1b[1A" in drawn  # redrawn in place
    assert "epoch 1/3" in drawn
    assert "Ctrl-C stops and keeps everything" in drawn
    assert "\x1b[?25h" in drawn  # the cursor is back
    assert "n=2" in drawn[drawn.rindex("all 2 trials are done") :]
    assert bool(COLOURS.search(drawn)) is colour


@pytest.mark.parametrize(
    ("typed", "elsewhere", "asked", "code"),
    [("n\n", "", True, 130), ("\n", "", True, 130), ("y\n", "", True, 0), ("", "CI", False, 0)],
)
def test_on_a_terminal_a_person_is_asked_before_many_hours(tmp_path, typed, elsewhere, asked, code):
    tmp_path.joinpath("chains.yaml").write_text(
        "experiment: chains\nstages: {root: {trainable: chain, grid: {seed: [0, 1]}}}\n"
    )
    environment = {"CI": "", "SLURM_JOB_ID": "", **({elsewhere: "1"} if elsewhere else {})}

    arguments = ["run", "chains.yaml", "--runner", "local", "--ask-above", "0"]
    ended, drawn = drawn_by(arguments, tmp_path, typed, **environment)

    assert ("Proceed? [y/N]" in drawn) is asked
    assert "still to do: " in drawn
    assert ended == code
    assert ("Nothing was started." in drawn) is (code == 130)
    assert tmp_path.joinpath("runs").exists() is (code == 0)


def test_a_run_whose_terminal_is_gone_saves_and_ends(sharptune, chains):
    """As when the line drops: it is told so by SIGHUP, and to write there is an error from then on."""
    slower = ["--set", "stages.root.config.seconds=0.3"]  # it is drawn four times a second
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(FAKE_SHARPTUNE), "run", "chains.yaml", "--runner", "local", *slower],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm-256color"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(follower)
    written = b""
    while b"epoch 1" not in written:
        written += os.read(leader, 65536)
    os.close(leader)

    assert process.wait(timeout=180) == 130
    assert "resumable" in sharptune("status", "chains.yaml", *slower).out


def test_a_run_goes_on_when_nobody_reads_what_it_says_any_more(chains):
    command = [sys.executable, str(FAKE_SHARPTUNE), "run", "chains.yaml", "--runner", "local", *SLOW]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()  # as `| head -1`
    said = process.stderr.read()
    process.stderr.close()

    assert process.wait(timeout=180) == 0
    assert said == b"note: nobody reads what is printed here any more; the run goes on all the same\n"
    assert len(rows()) == 6
