"""The exceptions a trial can raise.

SharptuneError              one clear sentence for a person; never shown with a traceback at the command line
├── TrialFailure            this trial cannot succeed as specified (a loss that is not a number, ...): a failed row
├── ClaimLost               another process owns this trial now; this one must not write any more
├── DamagedFile             a checkpoint, row or claim that cannot be trusted
├── StorageError            a storage that does not answer, however often it is asked; an OSError too
├── DataError               a dataset that is missing, incomplete or not what it says it is
├── InvalidGenotype         a genotype that describes no architecture
├── InvalidSpace            a search space that cannot be searched
└── UnknownName             a name that is in no table, with a suggestion

StorageRefusal              an OSError, and no trial's fault: an object store says no, to these keys or to what is asked
RankLost                    an OSError, for it is the machine's fault: one of a trial's processes died
"""

import difflib
import reprlib
from collections.abc import Iterable
from typing import Any

LONGEST_SHOWN = 200
"""Characters of a name that a sentence quotes."""


class SharptuneError(Exception):
    """Base of everything this project raises for a person to read."""


class TrialFailure(SharptuneError):
    """This trial cannot succeed as specified; running it again would end the same way."""


class ClaimLost(SharptuneError):
    """Another process owns the trial now."""


class DamagedFile(SharptuneError):
    """A file of the record fails its checks."""


class StorageError(SharptuneError, OSError):
    """A storage does not answer: nobody's mistake, and no failure of the trial that needs it."""


class DataError(SharptuneError):
    """A dataset is missing, incomplete, or its pixels are not the ones promised."""


class InvalidGenotype(SharptuneError):
    """A genotype that describes no architecture."""


class InvalidSpace(SharptuneError):
    """A search space that cannot be searched."""


class UnknownName(SharptuneError):
    """A name that no table knows."""


class StorageRefusal(OSError):
    """An object store says no, for good: to these keys, for want of a bucket, or because it does not know how."""


class RankLost(OSError):
    """A process of the trial died, which is the machine's fault: the trial goes on from its last checkpoint."""


def shown(value: Any) -> str:
    """Return a value as it is quoted in a sentence: its beginning, if there is too much of it."""
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 12


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownName:
    """Return the error for a name that is not in `known`, with the closest known name as a suggestion.

    >>> str(unknown_name("weighting", "maxw", ["scalar", "max_w"]))
    "unknown weighting 'maxw'; did you mean 'max_w'? known: max_w, scalar"
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ";"
    read = repr(name) if len(repr(name)) <= LONGEST_SHOWN else f"{repr(name)[:LONGEST_SHOWN]}…"
    return UnknownName(f"unknown {kind} {read}" + (f"{hint} known: {', '.join(names)}" if names else "; there is none"))
