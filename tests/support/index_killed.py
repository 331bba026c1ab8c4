"""A process that lets an index grow until it is killed, as the kernel kills: nothing of it runs any more.

    python index_killed.py STORAGE KIND NUMBER WHEN

It dies before or after so many of the storage's operations of a kind. KIND `link` is the moment at which a file is
written on a disk, and does not have its name yet.
"""

import os
import signal
import sys

from index_contract import IDS
from meddling import MeddledStorage

from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(uri: str, kind: str, number: int, when: str) -> None:
    def meddle(*at):
        if at == (kind, number, when):
            die()

    if kind == "link":
        os.link = lambda *paths: die()
    Ledger(MeddledStorage(open_storage(uri), meddle)).index(IDS)
    print("it was not killed")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
