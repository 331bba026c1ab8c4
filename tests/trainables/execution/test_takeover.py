"""An attempt that is taken over, at whichever moment, spoils nothing: on disk."""

import itertools

import pytest
from takeover_contract import TakeoverContract


class TestTakeoversInAFolder(TakeoverContract):
    @pytest.fixture
    def new_uri(self, tmp_path):
        numbers = itertools.count()
        return lambda: str(tmp_path / str(next(numbers)))
