"""Images of many sizes from the folder to the measured file: trained, killed, resumed, exported and evaluated."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import write_shards
from PIL import Image

from orchestrator.cli.main import invoke

COMMAND = (sys.executable, "-c", "import sys; from orchestrator.cli.main import main; sys.exit(main())")
EXPERIMENT = """\
experiment: files
stages:
  train:
    trainable: train
    config:
      genotype: SHARPSEPCONV_DARTS
      dataset: images
      network: imagenet
      image_size: 64
      channels: 4
      layers: 3
      epochs: 2
      warmup_epochs: 0
      batch_size: 4
      auxiliary: false
      autoaugment: true
      cutout: 16
    grid: {seed: [0]}
    checkpoint_minutes: 0.000001
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """20 training and 8 test images of two classes, each of its own size, of which one in each split is damaged."""
    place, noise = tmp_path_factory.mktemp("images") / "images", np.random.default_rng(0)
    for split, each in (("train", 10), ("test", 4)):
        for label, (name, suffix) in enumerate((("cat", "jpg"), ("dog", "png"))):
            (place / split / name).mkdir(parents=True)
            for number in range(each):
                pixels = noise.integers(0, 256, (50 + 7 * number, 90 - 5 * number + label, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / split / name / f"{name}-{number}.{suffix}")
    for path in (place / "train" / "dog" / "dog-3.png", place / "test" / "cat" / "cat-2.jpg"):
        path.write_bytes(path.read_bytes()[:300])
    return place


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with the experiment, where the images that it names will be; one thread."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("trainables.record.provenance.cpu_count", lambda: 1)
    (tmp_path / "files.yaml").write_text(EXPERIMENT)
    before = torch.get_num_threads()
    yield tmp_path
    torch.set_num_threads(before)


def essence(storage: Path) -> dict:
    """What must be identical of the one trial: id, config, state, metrics, artifacts, files."""
    (path,) = storage.glob("trials/*/row.json")
    row = json.loads(path.read_text())
    files = {name: file["sha256"] for name, file in row["files"].items()}
    return {key: row[key] for key in ("trial_id", "config", "state", "metrics", "artifacts")} | {"files": files}


RUN = ("run", "files.yaml", "--runner", "local")


@pytest.mark.parametrize("layout", ["one folder for each class", "Parquet shards"])
def test_a_training_killed_amid_an_epoch_goes_on_to_the_same_row_which_its_export_confirms(
    layout, folder, place, capsys
):
    if layout == "Parquet shards":
        write_shards(folder, place / "images")
    else:
        (place / "images").symlink_to(folder)

    def call(*arguments: str) -> str:
        capsys.readouterr()
        code = invoke(arguments)
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    call(*RUN, "--storage", "undisturbed")
    expected = essence(place / "undisturbed")

    killed = subprocess.Popen([*COMMAND, *RUN], stdout=subprocess.DEVNULL)
    seen: set[Path] = set()
    while len(seen) < 3 and killed.poll() is None:  # the third is begun when two are there
        seen.update(place.glob("runs/trials/*/checkpoints/*"))
        time.sleep(0.002)  # a step takes longer, and to look without a rest takes a processor from who takes it
    killed.kill()
    killed.wait()
    assert not list(place.glob("runs/trials/*/row.json"))
    call(*RUN)

    assert essence(place / "runs") == expected
    assert expected["metrics"]["corrupt_images"] == 2
    assert "resumes after" in next(place.glob("runs/trials/*/log.txt")).read_text()

    call("export", expected["trial_id"], "--weights", "last", "--output", "net.safetensors")
    evaluated = json.loads(call("evaluate", "net.safetensors", "--dataset", "images", "--json"))
    low, high = evaluated["top1_interval"]
    assert evaluated["images"] == 7
    assert low <= evaluated["top1_error"] == expected["metrics"]["test_error"] <= high
