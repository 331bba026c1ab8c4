"""The built wheel in an environment of its own: the command works from anywhere, without the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCES = ("orchestrator", "trainables", "experiments", "tests", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built offline from a copy, so that the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / "source")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index"]
    command += ["--no-build-isolation", "--no-deps", "--wheel-dir", str(folder), str(folder / "source")]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("sharptune-*.whl"))


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
    subprocess.run(pip, check=True, capture_output=True)
    # A path file adds a folder, but does not read the path files in it: the editable install there stays unseen.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installed(bin=home / "bin", site=site, elsewhere=tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def sharptune(installed):
    return partial(installed.run, "sharptune")


def test_the_wheel_has_the_data_and_not_the_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()

    assert "experiments/quickstart.yaml" in names
    assert "experiments/paper.yaml" in names
    assert sum(name.endswith(".parquet") for name in names) == 2 + 3  # cifar10-mini and cifar10-jpeg
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {
        "experiments",
        "orchestrator",
        "trainables",
    }
    assert wheel.stat().st_size < 9 * 2**20


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
