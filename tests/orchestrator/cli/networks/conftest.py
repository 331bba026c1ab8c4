"""What tests of commands on architectures share."""

import pytest

from orchestrator.cli.main import invoke


@pytest.fixture
def genotype(capsys, tmp_path, monkeypatch):
    """Returns a function that runs `sharptune genotype` in a folder of its own and returns (code, out, err)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)

    def call(*arguments):
        code = invoke(["genotype", *arguments])
        return (code, *capsys.readouterr())

    return call
