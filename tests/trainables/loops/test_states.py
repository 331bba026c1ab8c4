"""States as bytes: they come back as they were, and nothing else is taken for one."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainables.errors import DamagedFile
from trainables.loops.states import pack, unpack

CPU = torch.device("cpu")


def test_states_come_back_as_they_were():
    state = {"tensor": torch.arange(3), "rows": [{"epoch": 1, "rate": 0.1}], "nothing": None}
    back = unpack(pack(state), CPU)

    assert torch.equal(back.pop("tensor"), state.pop("tensor"))
    assert back == state


class Unwelcome:
    """Something whose unpickling would run code."""

    def __reduce__(self):
        return print, ("run",)


@pytest.mark.parametrize("value", [Unwelcome(), [1, 2]], ids=["code", "no-state"])
def test_a_state_that_is_none_is_refused_and_not_run(value, capsys):
    with pytest.raises(DamagedFile):
        unpack(pack(value), CPU)

    assert capsys.readouterr().out == ""


@given(st.binary(max_size=200))
def test_garbage_is_damaged_whatever_it_is(data):
    with pytest.raises(DamagedFile):
        unpack(data, CPU)
