"""Makes each Python process of a node see the storage as BROKEN_NODE says: `unmounted`, or `full`.

Python imports it as it starts, where this folder is on PYTHONPATH.
"""

import errno
import os
import pathlib

if os.environ["BROKEN_NODE"] == "unmounted":

    def unmounted(self, *args, seen=pathlib.Path.stat, **kwargs):
        if "drivers" in self.parts:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))
        return seen(self, *args, **kwargs)

    pathlib.Path.stat = unmounted
else:

    def full(self, mode="r", *args, opened=pathlib.Path.open, **kwargs):
        if self.parent.name == "checkpoints" and "r" not in mode:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(self, mode, *args, **kwargs)

    pathlib.Path.open = full
