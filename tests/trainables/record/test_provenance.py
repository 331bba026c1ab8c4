"""Which code a number was made by."""

from pathlib import Path

import pytest

from trainables.record import provenance


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package of two files in place of ours."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "provenance.py").write_text("one = 1\n")
    (tmp_path / "inner" / "other.py").write_text("two = 2\n")
    monkeypatch.setattr(provenance, "TRAINABLES", tmp_path)
    return tmp_path


def test_the_digest_is_of_the_files_names_and_contents_as_they_are_now(package):
    first = provenance.code_digest()
    (package / "inner" / "other.py").write_text("two = 3\n")
    edited = provenance.code_digest()
    (package / "inner" / "other.py").rename(package / "inner" / "another.py")
    renamed = provenance.code_digest()
    (package / "notes.txt").write_text("no code")

    assert len({first, edited, renamed}) == 3
    assert provenance.code_digest() == renamed


def test_files_that_were_only_touched_are_the_same_code(package):
    before = provenance.code_digest()
    (package / "provenance.py").write_text("one = 1\n")

    assert provenance.code_digest() == before
