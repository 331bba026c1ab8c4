"""`sharptune bundle`: what is sent gives the same tables elsewhere; what strangers send does no harm."""

import gzip
import io
import json
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from command_line import CHAINS, planned, rows
from fakes import ChainRun

from orchestrator.upkeep import archive

SHORT = CHAINS.replace("epochs: 3", "epochs: 1")


@pytest.fixture
def heavy(chains, run, monkeypatch):
    """A storage whose trials have weights, run here."""
    outcome = ChainRun.outcome

    def with_weights(self):
        found = outcome(self)
        found.files["weights-last.safetensors"] = b"w" * 5000
        return found

    monkeypatch.setattr(ChainRun, "outcome", with_weights)
    chains.write_text(SHORT)
    assert run().code == 0


def elsewhere(sharptune, bundle: str) -> None:
    """Leave nothing but the bundle, and merge it."""
    shutil.rmtree("runs")
    Path("chains.yaml").unlink()
    assert sharptune("merge", bundle).code == 0


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tgz"])
def test_tables_are_the_same_elsewhere_byte_for_byte(heavy, sharptune, ending):
    forms = [["--format", form] for form in ("text", "latex", "csv", "json", "markdown")] + [["--explain"]]
    before = [sharptune("table", "chains.yaml", *form).out for form in forms]
    found = rows()

    result = sharptune("bundle", "chains.yaml", f"b.{ending}")
    text = Path("chains.yaml").read_text()
    elsewhere(sharptune, f"b.{ending}")
    Path("chains.yaml").write_text(text)

    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"b.{ending}: 6 trials, 44 files, ")
    assert "; 6 files left out (--with-weights takes them). To open it: sharptune merge b" in result.out
    assert [sharptune("table", "chains.yaml", *form).out for form in forms] == before
    assert rows() == found


def test_it_holds_the_experiment_its_tables_and_what_made_them(heavy, sharptune):
    sharptune("bundle", "chains.yaml", "b.zip")
    with zipfile.ZipFile("b.zip") as bundle:
        names = set(bundle.namelist())
        assert bundle.read("chains.yaml").decode() == SHORT
        assert json.loads(bundle.read("bundle.json"))["experiment"] == "chains"
        assert bundle.read("tables/widths.txt").decode() == sharptune("table", "chains.yaml").out

    assert {f"tables/widths.{ending}" for ending in ("txt", "md", "tex", "html", "csv", "json")} <= names
    assert not {name for name in names if "safetensors" in name or "claims" in name}


def test_weights_that_were_left_out_are_not_missing_and_come_back(heavy, sharptune):
    sharptune("bundle", "chains.yaml", "light.zip")
    sharptune("bundle", "chains.yaml", "heavy.tar.gz", "--with-weights")
    elsewhere(sharptune, "light.zip")

    light = sharptune("verify")
    assert light.code == 0
    assert "; 6 files not here (left out of the bundle); nothing is wrong\n" in light.out
    assert sharptune("merge", "light.zip").out.endswith(": 6 same\n")
    assert sharptune("merge", "heavy.tar.gz").out.count("  completed: weights-last.") == 6

    whole = sharptune("verify")
    assert "left out" not in whole.out
    assert "6 trials: 6 rows, 18 files" in whole.out


def test_what_is_lost_beside_what_was_left_out_is_missing_all_the_same(heavy, sharptune):
    sharptune("bundle", "chains.yaml", "light.zip")
    elsewhere(sharptune, "light.zip")
    next(Path("runs/trials").glob("*/predictions.*")).unlink()

    assert [wrong["what"] for wrong in sharptune("verify", "--json").json["wrong"]] == ["it is missing"]


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_equal_records_make_equal_bundles(heavy, sharptune, monkeypatch, ending):
    sharptune("bundle", "chains.yaml", f"a.{ending}")
    monkeypatch.setattr("gzip.time.time", lambda: 1e9)
    sharptune("bundle", "chains.yaml", f"b.{ending}")

    assert Path(f"a.{ending}").read_bytes() == Path(f"b.{ending}").read_bytes()


def test_files_that_the_experiment_names_come_too(tmp_path, monkeypatch):
    from orchestrator.upkeep.bundle import named_files

    (tmp_path / "cells").mkdir()
    (tmp_path / "cells/mine.json").write_text("{}")
    (tmp_path / "search.log").write_text("x")
    (tmp_path / "images").mkdir()
    document = {
        "stages": {
            "a": {
                "config": {"genotype": "cells/mine.json", "dataset": "images"},
                "grid": {"genotype": ["search.log:12"]},
            },
            "b": {"config": {"genotype": "DARTS_V2", "space": "../nowhere.yaml", "dataset": "/etc"}},
        }
    }

    assert named_files(document, tmp_path) == (
        {"cells/mine.json": b"{}", "search.log": b"x"},
        ["images", "/etc"],
    )


def test_what_cannot_be_trusted_is_not_sent(heavy, sharptune):
    path = next(Path("runs/trials").glob("*/predictions.*"))
    path.write_bytes(b"spoilt")

    result = sharptune("bundle", "chains.yaml", "b.zip")

    assert result.code == 2
    assert "is not the file its row was written with; sharptune verify says what to do" in result.err
    assert not [each for each in Path().iterdir() if "b.zip" in each.name]


def test_trials_without_a_row_are_counted(heavy, sharptune):
    Path("runs/trials", planned(Path("chains.yaml"))[-1].trial_id, "row.json").unlink()

    assert "5 trials" in sharptune("bundle", "chains.yaml", "b.zip").out
    assert sharptune("bundle", "chains.yaml", "c.zip", "--json").json["without_row"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["chains.yaml", "b.rar"], "must end in .zip or .tar.gz"),
        (["chains.yaml", "taken.zip"], "taken.zip is there already"),
        (["-", "b.zip"], "write it to one"),
        (["chains.yaml", "b.zip", "--storage", "empty"], "there is nothing to send"),
        (["chains.yaml", "b.zip", "--storage", "nowhere"], "there is no storage"),
    ],
)
def test_a_mistake_is_a_sentence(chains, sharptune, arguments, sentence):
    Path("taken.zip").write_bytes(b"mine")
    Path("empty").mkdir()

    result = sharptune("bundle", *arguments)

    assert result.code == 2
    assert sentence in result.err
    assert Path("taken.zip").read_bytes() == b"mine"
    assert not Path("b.zip").exists()


def zipped(*members: tuple[str, bytes], mode: int = 0o100644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            opened.writestr(info, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as opened:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, link
            opened.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


ROW = "trials/0123456789ab/row.json"
STRANGE = {
    "up.zip": zipped(("trials/../../outside", b"x")),
    "up.tar.gz": tarred(("trials/../../outside", b"x")),
    "absolute.zip": zipped(("/tmp/outside", b"x")),
    "absolute.tar.gz": tarred(("/tmp/outside", b"x")),
    "backslash.zip": zipped(("trials\\..\\..\\outside", b"x")),
    "hidden.zip": zipped(("trials/.tmp-x", b"x")),
    "escape.zip": zipped(("trials/\x1b[2J", b"x")),
    "link.zip": zipped((ROW, b"/etc/passwd"), mode=stat.S_IFLNK | 0o777),
    "link.tar.gz": tarred((ROW, b""), kind=tarfile.SYMTYPE, link="/etc/passwd"),
    "hard.tar.gz": tarred((ROW, b""), kind=tarfile.LNKTYPE, link="/etc/passwd"),
    "device.tar.gz": tarred((ROW, b""), kind=tarfile.CHRTYPE),
    "twice.tar.gz": tarred((ROW, b"1"), (ROW, b"2")),
    "case.tar.gz": tarred((ROW, b"1"), (ROW.upper().replace("TRIALS", "trials"), b"2")),
    "bomb.zip": zipped((ROW, bytes(3_000_000))),
    "bomb.tar.gz": tarred((ROW, bytes(3_000_000))),
    "pieces.tar.gz": tarred(*((f"trials/{number}", bytes(30_000)) for number in range(100))),
    "cut.zip": zipped((ROW, b"x" * 100))[:-30],
    "cut.tar.gz": tarred((ROW, bytes(range(256)) * 40))[:-90],
    "garbage.zip": b"garbage",
    "garbage.tar.gz": b"garbage",
    "empty.tgz": gzip.compress(b"garbage"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strangers_archive_is_refused_in_a_sentence_and_nothing_is_written(chains, sharptune, monkeypatch, name):
    monkeypatch.setattr(archive, "ALWAYS_BYTES", 1_000_000)
    monkeypatch.setattr(archive, "MOST_TIMES", 10)
    place = chains.parent / "a/b/c"
    place.mkdir(parents=True)
    monkeypatch.chdir(place)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    Path(name).write_bytes(STRANGE[name])

    result = sharptune("merge", name)

    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {name}: it")
    assert result.err.count("\n") == 1
    assert "\x1b" not in result.err
    assert not list(chains.parent.rglob("outside"))
    assert not Path("/tmp/outside").exists()
    assert {path.name for path in place.iterdir()} <= {name, "runs"}
    assert not Path("runs/trials").exists()


def test_beside_trials_nothing_of_an_archive_is_taken(chains, sharptune):
    Path("b.zip").write_bytes(zipped(("drivers/x.stop", b""), ("trials/readme", b"no trial")))

    assert sharptune("merge", "b.zip").code == 0
    assert not Path("runs/drivers/x.stop").exists()
