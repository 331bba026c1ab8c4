"""The built wheel in an environment of its own: the command works from anywhere, without the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("orchestrator", "trainables", "experiments", "tests", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """The source archive, built offline from a copy, so that the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("archive")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / "source")
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=folder / "source")
    return next(folder.glob("sharptune-*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(archive) -> Path:
    """The wheel, built from the source archive, as whoever has no wheel builds it."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-build-isolation", "--no-deps", "--wheel-dir", str(archive.parent), str(archive)]
    subprocess.run(command, check=True, capture_output=True)
    return next(archive.parent.glob("sharptune-*.whl"))


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A Python that has `sharptune` from the wheel, and a working directory far from the checkout."""

    bin: Path
    site: Path
    elsewhere: Path

    def run(self, program: str, *arguments: str) -> str:
        """Return what one of its programs prints."""
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        done = subprocess.run(
            [self.bin / program, *arguments],
            cwd=self.elsewhere,
            env={**environment, "SHARPTUNE_CACHE": str(self.elsewhere / "cache")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Installed:
    """The wheel in an environment that has the dependencies, but not the checkout."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)]
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}  # the checkout may stand there
    subprocess.run(pip, check=True, capture_output=True, env=bare)
    # A path file adds a folder, but does not read the path files in it: the editable install there stays unseen.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(bin=home / "bin", site=site, elsewhere=tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def sharptune(installed):
    return partial(installed.run, "sharptune")


def test_the_wheel_has_every_file_of_the_packages_and_none_of_the_tests(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(ROOT).as_posix()
        for package in ("orchestrator", "trainables", "experiments")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert names == here
    assert {".py", ".yaml", ".parquet", ".j2"} <= {Path(name).suffix for name in names}
    assert wheel.stat().st_size < 9 * 2**20


def test_its_version_is_the_one_that_stands_in_pyproject_and_its_license_came_along(wheel, sharptune):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert sharptune("--version") == f"sharptune, version {version}\n"
    assert wheel.name.startswith(f"sharptune-{version}-")
    assert f"sharptune-{version}.dist-info/licenses/LICENSE" in zipfile.ZipFile(wheel).namelist()


def test_the_changelog_begins_with_this_version_or_with_what_is_to_come_in_it():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first, *before = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert first == "Unreleased" or re.fullmatch(re.escape(version) + r" \(\d{4}-\d\d-\d\d\)", first)
    assert version not in [name.partition(" ")[0] for name in before]


def test_what_runs_is_the_wheel_and_not_the_checkout(installed):
    code = "import experiments as e, orchestrator as o, trainables as t; print(e.__file__, o.__file__, t.__file__)"

    files = installed.run("python", "-c", code).split()

    assert len(files) == 3
    assert all(Path(file).is_relative_to(installed.site) for file in files)


def test_a_packaged_experiment_is_planned_and_tabulated(sharptune):
    plan = json.loads(sharptune("plan", "quickstart", "--json"))

    assert plan["counts"]["new"] == len(plan["trials"]) == 14
    assert "max_w" in sharptune("table", "quickstart", "--storage", ".")


def test_the_published_numbers_and_genotypes_came_along(sharptune):
    cost = json.loads(sharptune("cost", "SHARP_DARTS", "--json"))

    assert cost["params"] > 1_000_000


def test_the_embedded_data_came_along(sharptune):
    sharptune("data", "fetch", "cifar10-mini")

    shown = {entry["name"]: entry["present"] for entry in json.loads(sharptune("data", "show", "--json"))}
    assert [name for name, present in shown.items() if present] == ["cifar10-mini"]


def test_a_trial_runs_from_the_wheel(sharptune):
    small = ["train_images=20", "test_images=10", "epochs=1", "batch_size=10", "channels=4", "layers=3"]
    overrides = [word for part in small for word in ("--set", f"stages.train.config.{part}")]
    overrides += [w for part in small if "test" not in part for w in ("--set", f"stages.search.config.{part}")]
    overrides += ["--set", "stages.search.grid.weighting=[scalar]", "--set", "stages.train.grid.p=[1]"]

    out = sharptune("run", "quickstart", "--runner", "local", *overrides, "--set", "stages.train.grid.seed=[0]")

    assert "all 2 trials are done" in out
