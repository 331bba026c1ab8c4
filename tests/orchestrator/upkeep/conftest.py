"""Small storages that are run once, for each test to spoil a copy."""

import shutil
from collections.abc import Callable
from pathlib import Path

import fakes
import pytest
from command_line import CHAINS

from orchestrator.cli.main import invoke


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Callable[..., Path]:
    """Run an experiment's text once; return the folder of its file, `chains.yaml`, and its storage, `runs`."""
    places: dict[str, Path] = {}

    def made(text: str) -> Path:
        if text not in places:
            places[text] = root = tmp_path_factory.mktemp("made")
            (root / "chains.yaml").write_text(text)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(root)
                patch.setattr("os.fsync", lambda descriptor: None)
                invoke(["run", "chains.yaml", "--runner", "local"], catalog=fakes.CATALOG)
        return places[text]

    return made


@pytest.fixture
def copied(made, chains, monkeypatch) -> Callable[..., Path]:
    """Copy the storage of an experiment, run before, to a name in this test's working directory; return its trials."""

    def copied(text: str = CHAINS, storage: str = "runs") -> Path:
        shutil.copytree(made(text) / "runs", storage, dirs_exist_ok=True)
        chains.write_text(text)
        return Path(storage, "trials").absolute()

    return copied
