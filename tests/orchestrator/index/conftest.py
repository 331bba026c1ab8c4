"""Here forty rows are many."""

import pytest


@pytest.fixture(autouse=True)
def forty_are_many(monkeypatch):
    monkeypatch.setattr("orchestrator.rows.MANY", 20)
