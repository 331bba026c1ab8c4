"""The real thing on a real cluster: code, storage and a dataset of one's own reach a node that has never seen them."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from parquet_files import write_parquet

from trainables.data.datasets import open_dataset
from trainables.data.parquet_folder import Images

pytestmark = [pytest.mark.ray, pytest.mark.xdist_group("nodes")]

EXPERIMENT = """
experiment: shipped
stages:
  search:
    trainable: search
    config: {space: darts, dataset: pictures, train_images: 40, epochs: 1, warmup_epochs: 0, batch_size: 10,
             channels: 2, layers: 3}
    grid: {seed: [0]}
  train:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}", epochs: 1, warmup_epochs: 0, batch_size: 10, channels: 2, layers: 3,
             auxiliary: false}
    grid: {seed: [0]}
tables:
  - {name: errors, stage: train, rows: [seed], columns: [test_error]}
"""


@pytest.fixture
def pictures(tmp_path):
    """A folder of forty real training and twenty real test images."""
    mini = open_dataset("cifar10-mini")
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, split, count in (("train", mini.train, 4), ("test", mini.test, 2)):
        chosen = np.concatenate([np.flatnonzero(split.labels == label)[:count] for label in range(10)])
        chosen = np.sort(chosen)
        images = Images(images=np.asarray(split.images[chosen]), labels=np.asarray(split.labels[chosen]))
        write_parquet(folder / f"{name}.parquet", images)
    return folder


@pytest.fixture
def far_cluster(tmp_path):
    """A cluster whose only CPUs are on a node with a data cache of its own."""
    from patient_cluster import PatientCluster

    nodes = PatientCluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes.add_node(num_cpus=1, env_vars={"SHARPTUNE_CACHE": str(tmp_path / "far-cache")})
    yield nodes
    nodes.shutdown()


def test_a_node_gets_code_and_data_before_its_first_trial(far_cluster, pictures, tmp_path):
    (tmp_path / "shipped.yaml").write_text(EXPERIMENT)
    command = ["run", "shipped.yaml", "--address", far_cluster.address, "--json"]

    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=dict(os.environ),
        timeout=400,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["counts"]["done"] == 2
    [installed] = list((tmp_path / "far-cache" / "datasets").glob("*/info.json"))
    assert json.loads(installed.read_text())
    assert list((tmp_path / "runs" / "drivers").iterdir()) == []
