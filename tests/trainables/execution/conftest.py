"""What the tests of execution share: files that are not forced to the disk, which takes most of their time."""

import os

import pytest


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
