"""`make` installs as a whole or says why not. Nothing is installed: a Python of its own only notes what it is told."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = """\
#!/bin/sh
echo "$@" >> {here}/told
case "$*" in
  "-m venv"*)
    case "$*" in *--clear*) rm -rf .venv/* .venv/.[!.]*; esac
    mkdir -p .venv/bin
    case "$*" in *--without-pip*) ;; *) cp {here}/python .venv/bin/python; esac ;;
  "-m pip install"*)
    echo half > .venv/half
    test -d "$TMPDIR" && echo "temporary in $TMPDIR, cache ${{PIP_NO_CACHE_DIR:-kept}}" >> {here}/told
    test ! -e {here}/full ;;
  "-m pip"*) ;;
  *) PYTHONPATH={here} exec {real} "$@" ;;
esac
"""
DISK = "import shutil, types\nshutil.disk_usage = lambda path: types.SimpleNamespace(free={free})\n"


@pytest.fixture
def make(tmp_path):
    """Install in a folder of its own, on a disk that has so many GB left; return exit code, and what was said."""
    here, clone = tmp_path / "here", tmp_path / "a clone"
    here.mkdir()
    clone.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, clone)
    (here / "python").write_text(PYTHON.format(here=here, real=sys.executable))
    (here / "python").chmod(0o755)

    def install(*, free: float) -> tuple[int, str]:
        (here / "told").write_text("")
        (here / "sitecustomize.py").write_text(DISK.format(free=free * 1e9))
        done = subprocess.run(
            ["make", f"PYTHON={here}/python", ".venv/.ready"],
            cwd=clone,
            env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},  # of `make test`
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.returncode, done.stdout + done.stderr

    return install


@pytest.fixture
def venv(tmp_path) -> Path:
    return tmp_path / "a clone" / ".venv"


@pytest.fixture
def told(tmp_path):
    """What the Python was told last, in one text."""
    return (tmp_path / "here" / "told").read_text


def test_a_disk_that_is_too_full_is_told_before_anything_is_installed(make, venv, told):
    code, said = make(free=3.21)

    assert code != 0
    assert said.startswith(f"sharptune needs about 10 GB in {venv}, 3.2 GB are free; nothing was installed\n")
    assert "Traceback" not in said
    assert not venv.exists()
    assert "pip install" not in told()


@pytest.mark.parametrize(("free", "cache"), [(12.9, "1"), (13.1, "kept")])
def test_what_is_unpacked_and_what_is_temporary_are_on_one_disk_and_the_cache_only_where_there_is_room(
    make, venv, told, free, cache
):
    assert make(free=free)[0] == 0
    assert f"temporary in {venv}/tmp, cache {cache}\n" in told()
    assert sorted(path.name for path in venv.iterdir()) == [".ready", "bin", "half"]
    assert make(free=0) == (0, "make: '.venv/.ready' is up to date.\n")


def test_an_installation_that_was_cut_off_is_made_anew(make, venv, tmp_path, told):
    (tmp_path / "here" / "full").touch()
    assert make(free=20)[0] != 0
    (venv / "half").rename(venv / "of the first time")
    assert make(free=5)[1].startswith("sharptune needs about 10 GB")
    (tmp_path / "here" / "full").unlink()

    assert make(free=20)[0] == 0
    assert sorted(path.name for path in venv.iterdir()) == [".ready", "bin", "half"]
    assert "-m venv .venv" in told()


def test_what_is_whole_is_only_brought_up_to_date_however_full_the_disk_is(make, venv, told):
    assert make(free=20)[0] == 0
    (venv / "of the user").touch()
    os.utime(venv / ".ready", (0, 0))  # as where constraints.txt is newer

    assert make(free=1)[0] == 0
    assert (venv / "of the user").exists()
    assert "-m venv" not in told()
    assert "-m pip install" in told()
