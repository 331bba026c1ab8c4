"""A storage that strangers wrote into: none of their code runs, nothing beside it is touched, no command crashes.

What a `row.json` may hold is tried in `test_damaged_rows.py`; here is all that stands around it.
"""

import contextlib
import copy
import hashlib
import io
import json
import os
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from command_line import CHAINS
from fakes import CHAIN
from few import few
from hypothesis import given
from hypothesis import strategies as st
from jobs import finish, folder_of, make_job

from orchestrator.cli.main import invoke
from trainables.errors import DamagedFile
from trainables.execution.attempt import execute
from trainables.loops.evaluation import predictions_file
from trainables.loops.predictions import read_predictions
from trainables.loops.states import pack, unpack
from trainables.record.checkpoints import MAGIC
from trainables.record.trial_folder import epochs_parquet, read_epochs
from trainables.trial import TrialSpec, canonical_json

CATALOG = {"chain": replace(CHAIN, curves=("error",))}
WITH_FIGURE = f"{CHAINS}figures:\n  - {{name: errors, stage: child, lines: [width], panels: [{{metric: error}}]}}\n"
DEEP = b"[" * 100_000


class World:
    """A storage whose trials are done, of which one can be harmed and all be restored."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.file = root / "chains.yaml"
        self.file.write_text(WITH_FIGURE)
        self.runs, self.kept = root / "runs", root / "kept"
        assert self.call("run", self.file, "--runner", "local")[0] == 0
        shutil.copytree(self.runs, self.kept)
        rows = [path for path in self.runs.glob("trials/*/row.json") if json.loads(path.read_text())["parents"]]
        self.folder = sorted(rows)[0].parent
        self.row = json.loads((self.folder / "row.json").read_text())

    def call(self, *words) -> tuple[int, str]:
        """Return a command's exit code and all that it says; whatever it raises, this raises."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            words = [*map(str, words), "--storage", str(self.runs)]
            return invoke(words, catalog=CATALOG), said.getvalue()

    def look(self) -> str:
        """Call all that reads of trials; return what they say."""
        trial, chains = self.folder.name, self.file
        return "".join(
            self.call(*words)[1]
            for words in [
                ("status",),
                ("status", "--json"),
                ("table", chains),
                ("figure", chains, "--json"),
                ("logs", trial),
                ("genotype", "show", trial),
                ("export", trial, "-o", self.root / "x.safetensors"),
                ("evaluate", trial),
                ("retry", trial),
            ]
        )

    def run(self) -> tuple[int, str]:
        return self.call("run", self.file, "--runner", "local")

    def restore(self) -> None:
        shutil.rmtree(self.runs)
        shutil.copytree(self.kept, self.runs)

    def take_row(self) -> None:
        """Make the trial one that is not done, and that nobody holds."""
        (self.folder / "row.json").unlink()
        shutil.rmtree(self.folder / "claims")
        (self.folder / "claims").mkdir()

    def seal(self, **changes) -> None:
        row = {**copy.deepcopy(self.row), **changes}
        row.pop("sha256")
        digest = hashlib.sha256(canonical_json(row).encode()).hexdigest()
        (self.folder / "row.json").write_text(json.dumps({**row, "sha256": digest}))

    def put(self, name: str, content: bytes) -> None:
        """Let a file beside the row be another one, as the row has it."""
        files = copy.deepcopy(self.row["files"])
        files[name]["sha256"] = hashlib.sha256(content).hexdigest()
        (self.folder / files[name]["path"]).write_bytes(content)
        self.seal(files=files)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return World(tmp_path_factory.mktemp("strangers"))


@pytest.fixture
def world(whole, monkeypatch):
    monkeypatch.chdir(whole.root)
    yield whole
    whole.restore()


@pytest.fixture
def done(world):
    """What the trial's row must hold again, however it was harmed."""

    def check() -> None:
        row = json.loads((world.folder / "row.json").read_text())
        assert {name: row[name] for name in ("state", "metrics", "artifacts")} == {
            name: world.row[name] for name in ("state", "metrics", "artifacts")
        }

    return check


PROCESS = {"host": "elsewhere", "boot": "x", "pid": 1, "started": "1"}
CLAIM = {"number": 1, "token": "0123abcd", "driver": "d", "driver_process": PROCESS, "worker_process": PROCESS}
_TEXTS = ("", "a\0b", "\ud800", "x" * 5000, "../../x", "/etc/passwd", "\x1b[2J\n")
_OTHERS = (None, True, -1, 10**400, float("nan"), float("inf"), [], {}, {"__class__": "os.system"})
ODD = st.sampled_from((*_TEXTS, *_OTHERS))
PLACES = ("epoch", "step", "history", "length", "sha256", "spec", "wall_seconds", "segments", "started")


@few(25)
@given(place=st.sampled_from([*CLAIM, "pid", "host"]), value=ODD)
def test_a_claim_with_anything_in_it_holds_or_is_said_to_be_damaged(whole, place, value):
    whole.take_row()
    claim = copy.deepcopy(CLAIM)
    (claim if place in CLAIM else claim["worker_process"])[place] = value
    (whole.folder / "claims" / "0001.json").write_text(json.dumps(claim))

    code, said = whole.call("status")
    whole.restore()

    assert code == 0
    assert "1 running" in said or "claim 0001.json is damaged and not trusted" in said


@pytest.mark.parametrize("name", ["9" * 240 + ".json", "٣.json", "-1.json", "0001.json\n", "..json", "0000.json"])
def test_a_claim_of_any_name_keeps_nobody_waiting(world, done, name):
    world.take_row()
    (world.folder / "claims" / name).write_text(json.dumps(CLAIM))

    assert world.run()[0] == 0
    done()


@pytest.fixture(scope="module")
def resumable(tmp_path_factory):
    """A trial that was stopped after an epoch: its job, and the checkpoint's header and payload."""
    job = make_job(tmp_path_factory.mktemp("resumable"), epochs=2, steps=1)
    attempt = execute(job, should_stop=iter([False, False, True]).__next__)
    assert [progress.state for progress in attempt][-1] == "stopped"
    [path] = Path(job.storage, folder_of(job).path, "checkpoints").iterdir()
    _, line, payload = path.read_bytes().split(b"\n", 2)
    return job, path, json.loads(line.partition(b" ")[2]), payload


@few(40)
@given(place=st.sampled_from(PLACES), value=ODD | st.sampled_from((..., [1], [{}], [{"device": 1}])))
def test_a_checkpoint_with_anything_in_its_header_is_passed_over_or_gone_on_from(resumable, place, value):
    job, path, whole_header, payload = resumable
    header = copy.deepcopy(whole_header)
    inner = header["history"] if place in header["history"] else header
    inner[place] = value
    if value is ...:
        del inner[place]
    line = json.dumps(header).encode()
    content = path.read_bytes()
    path.write_bytes(MAGIC + hashlib.sha256(line).hexdigest().encode() + b" " + line + b"\n" + payload)

    last = finish(job)

    for left in path.parent.parent.rglob("*.*"):
        left.unlink()
    path.write_bytes(content)
    assert (last.state, last.note) == ("done", "")


@pytest.mark.parametrize("content", [b"", DEEP, b'{"a":' * 100_000, b"\xff", b"null", b"[]", b'{"config": NaN}'])
def test_a_spec_of_any_content_is_a_trial_that_nobody_knows(world, done, content):
    world.take_row()
    (world.folder / "spec.json").write_bytes(content)

    assert "5 done" in world.look()
    assert world.run()[0] == 0
    done()


@pytest.mark.parametrize("version", [10**9, -1, True, "1"])
def test_a_trial_of_any_version_is_soon_looked_at(world, version):
    spec = TrialSpec(trainable="chain\x1b[2J\n", version=version, config={"a\0": "\ud800"}, seed=10**4000)
    folder = world.runs / "trials" / spec.trial_id
    folder.mkdir()
    asked_by = {"label": [], "experiment": "\ud800\n\x1b[2J"}
    (folder / "spec.json").write_text(json.dumps({**spec.to_json(), "asked_by": asked_by}))

    code, said = world.call("status")

    assert code == 0
    assert "\x1b" not in said


@pytest.mark.parametrize("what", ["row.json", "spec.json", "log.txt", "claims/0001.json"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link to itself", "link to nowhere", "device"])
def test_what_is_no_file_is_neither_waited_for_nor_read(world, done, what, kind):
    world.take_row()
    path = world.folder / what
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "link to itself": path.name}.get(kind, "nowhere"))

    world.look()
    code, said = world.run()

    assert code == 0, said
    done()


def test_a_log_that_is_a_link_is_not_written_through(world, done):
    precious = world.root / "precious"
    precious.write_text("mine")
    world.take_row()
    (world.folder / "log.txt").unlink()
    (world.folder / "log.txt").symlink_to(precious)

    assert world.run()[0] == 0
    done()
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("what", ["checkpoints", "claims", ""])
def test_a_folder_that_is_a_link_out_of_the_storage_is_said_and_nothing_there_is_touched(world, what):
    elsewhere = world.root / f"elsewhere-{what}"
    elsewhere.mkdir()
    (elsewhere / "000001-0000000-0001.0123abcd").write_text("mine")
    world.take_row()
    folder = world.folder / what
    shutil.rmtree(folder)
    folder.symlink_to(elsewhere)

    code, said = world.run()

    assert code in (1, 2)
    assert " is a link that leads out of the storage" in said
    assert [path.name for path in elsewhere.iterdir()] == ["000001-0000000-0001.0123abcd"]


@pytest.mark.parametrize("name", ["a\nb", "\udcff", "..x", "A" * 12, "x" * 200])
def test_what_is_called_as_no_trial_is_none(world, name):
    (world.runs / "trials" / name).mkdir()
    (world.runs / "trials" / "0123456789ab").write_text("a file")

    code, said = world.call("status")

    assert code == 0
    assert "6 trials; 6 done" in said
    assert world.call("logs", name)[0] == 2


@pytest.mark.parametrize("path", ["../../../x", "/etc/passwd", "a\0b", "..", ".", "", "a\nb", "\ud800", "x" * 300])
@pytest.mark.parametrize("named", ["by its path", "by its name"])
def test_the_files_of_a_row_are_beside_it(world, path, named):
    told = {"bytes": 1, "sha256": hashlib.sha256(b"").hexdigest()}
    world.seal(files={path: told} if named == "by its name" else {"predictions.npz": {**told, "path": path}})

    assert "row.json is not trusted: it is cut short or garbled (TypeError: its files is" in world.call("status")[1]


@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_a_number_that_no_float_holds_is_none(world, number):
    world.seal(metrics={**world.row["metrics"], "error": number})

    assert "row.json is not trusted" in world.look()


def expanding() -> bytes:
    """Return a small Parquet file of many epochs."""
    buffer = io.BytesIO()
    many = pa.table({"epoch": pa.array(np.zeros(2_000_000, dtype=np.int64)), "error": np.zeros(2_000_000)})
    pq.write_table(many, buffer, compression="zstd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content", [b"", b"PAR1" * 100, b"\xff" * 1000, expanding()], ids=["", "magic", "noise", "bomb"]
)
def test_epochs_of_any_content_are_a_sentence_of_a_figure(world, content):
    world.put("epochs.parquet", content)

    code, said = world.call("figure", world.file, "--json")

    assert code == 2
    assert said.startswith(f"error: trial {world.folder.name}: the epochs ")


def test_texts_among_epochs_are_not_read():
    """A dictionary makes a short file of long texts."""
    assert read_epochs(epochs_parquet([{"epoch": 1, "error": 0.5, "said": "x"}])) == [{"epoch": 1, "error": 0.5}]


class Evil:
    """Runs code where it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


def archive(name: str, content: bytes, compression=zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        file.writestr(name, content)
    return buffer.getvalue()


def test_a_pickle_that_runs_code_runs_none(tmp_path):
    """It is shown to run some where it is trusted."""
    ran = tmp_path / "ran"
    pickle.loads(pickle.dumps(Evil(ran)))
    assert ran.exists()
    ran.unlink()
    state, objects = io.BytesIO(), io.BytesIO()
    torch.save({"trial": Evil(ran)}, state)
    np.save(objects, np.array([Evil(ran)], dtype=object), allow_pickle=True)
    legacy = io.BytesIO()
    torch.save({"trial": Evil(ran)}, legacy, _use_new_zipfile_serialization=False)

    for content in (state.getvalue(), legacy.getvalue(), pickle.dumps(Evil(ran))):
        with pytest.raises(DamagedFile):
            unpack(content, torch.device("cpu"))
    for content in (archive("logits.npy", objects.getvalue()), objects.getvalue(), pickle.dumps(Evil(ran))):
        with pytest.raises(DamagedFile):
            read_predictions(content)
    assert not ran.exists()


@pytest.mark.parametrize("shape", [(2**40,), (2**62,), (-1,)])
def test_what_expands_is_refused_before_it_does(shape):
    zeros = bytes(10_000_000)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": shape})

    for content in (archive("logits.npy", zeros, zipfile.ZIP_DEFLATED), archive("logits.npy", header.getvalue())):
        with pytest.raises(DamagedFile):
            read_predictions(content)
    with pytest.raises(DamagedFile, match="cannot be read"):
        unpack(archive("archive/data.pkl", zeros, zipfile.ZIP_DEFLATED), torch.device("cpu"))


@few(60)
@given(data=st.data())
def test_valid_files_with_bytes_changed_are_damaged_or_what_they_were(data):
    logits, labels = torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)
    read, whole = data.draw(
        st.sampled_from(
            [
                (read_predictions, predictions_file(logits, labels)),
                (read_epochs, epochs_parquet([{"epoch": 1, "error": 0.5}])),
                (lambda content: unpack(content, torch.device("cpu")), pack({"a": logits, "b": [1, "x"]})),
            ]
        )
    )
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))

    assert read(whole)
    for harmed in (bytes(content), bytes(content[:cut])):
        with contextlib.suppress(DamagedFile):
            read(harmed)
