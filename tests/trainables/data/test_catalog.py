"""What is known of datasets, and where the cache is."""

import subprocess
import sys
from pathlib import Path

import pytest

from trainables.data.catalog import DATASETS, DatasetInfo, cache_root


@pytest.mark.parametrize("module", ["catalog", "datasets"])
def test_importing_it_loads_nothing_heavy(module: str):
    code = (
        f"import sys, trainables.data.{module}; "
        "print(sorted({'torch', 'ray', 'pyarrow', 'numpy', 'PIL', 'pandas'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_descriptions_agree_with_themselves():
    for name, info in DATASETS.items():
        assert info.name == name
        assert len(info.class_names) == len(info.train_counts) == len(info.test_counts) == info.classes
        known = info.stored == "arrays" and info.sha256
        assert sum(info.train_first_half_counts) == (info.train_images // 2 if known else 0)
        assert DatasetInfo.from_json(info.to_json()) == info

    assert (DATASETS["cifar10"].train_images, DATASETS["cifar10"].test_images) == (50_000, 10_000)
    assert (DATASETS["cifar10-mini"].train_images, DATASETS["cifar10-mini"].test_images) == (2_000, 1_000)


def test_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "here"))
    assert cache_root() == tmp_path / "here"

    monkeypatch.delenv("SHARPTUNE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "sharptune"
