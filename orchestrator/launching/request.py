"""What is to be run on a cluster, the same for every launcher."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A `sharptune run`, to be made on a cluster."""

    experiment: str
    """Its name."""
    given: str
    """The experiment as it is named there: a file that every node sees, or the name of a packaged one."""
    storage: str
    overrides: tuple[str, ...] = ()
    gpus: float = 0
    """The most that one of its trials asks for."""
    cpus: float = 1
    """Likewise."""
    memory: int = 0
    """Likewise, in bytes."""

    @property
    def name(self) -> str:
        """What the scheduler shows."""
        return f"sharptune-{self.experiment}"

    @property
    def words(self) -> list[str]:
        """The command, after `sharptune`."""
        sets = [word for override in self.overrides for word in ("--set", override)]
        return ["run", self.given, "--storage", self.storage, *sets]

    def on(self, address: str) -> list[str]:
        """Return the command as its words, on the cluster at an address."""
        return [*self.words, "--address", address]


def shell_words(words: Sequence[str]) -> str:
    """Return words as a shell reads them back, whatever is in them."""
    return shlex.join(words)
