"""The dataset cache when a process is killed in it."""

import os
import shutil
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainables.data import cache as cache_module
from trainables.data.cache import present
from trainables.data.datasets import resolve, verify
from trainables.data.packing import pack, unpack


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "datasets").iterdir() if path.name.startswith("."))


def install_and_die(packed: dict[str, Any], moment: int) -> int:
    """Install in a forked process that kills itself at its `moment`th sync or rename; return its exit status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    calls = 0

    def fatal(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        return call

    os.fsync = fatal(os.fsync)
    cache_module.Path.rename = fatal(cache_module.Path.rename)  # type: ignore[method-assign]
    try:
        unpack(packed)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_kill_at_any_moment_of_an_installation_leaves_nothing_half_done(cache: Path, parquet_folder, damaged: bool):
    identity = resolve(str(parquet_folder[0]), base=Path())
    packed = pack(identity)
    place = cache / "datasets" / identity.replace(":", "-")
    moment, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        moment += 1
        if damaged and place.exists():
            (place / "info.json").write_bytes(b"")
        else:
            shutil.rmtree(place, ignore_errors=True)

        status = install_and_die(packed, moment)

        if present(identity):
            verify(identity)
        unpack(packed)
        verify(identity)
        assert leftovers(cache) == []
    assert status == 0
    assert moment > 8  # five files, their folder, the rename, the folder above
