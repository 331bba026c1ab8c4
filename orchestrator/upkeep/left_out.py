"""Files that a row names and a bundle left out: they are not here, and not missing. A trial's folder says which."""

import contextlib
import json
from collections.abc import Iterable

from trainables.record.trial_folder import TrialFolder

LEFT_OUT = "left-out.json"


def left_out_of(folder: TrialFolder) -> frozenset[str]:
    """Return the names, as the row has them, of the files that were left out."""
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError, RecursionError):
        names = json.loads(folder.storage.read(f"{folder.path}/{LEFT_OUT}"))
        return frozenset(name for name in names if isinstance(name, str))
    return frozenset()


def left_out_json(names: Iterable[str]) -> bytes:
    """Return what a trial's folder says of them."""
    return (json.dumps(sorted(names), indent=1) + "\n").encode()
