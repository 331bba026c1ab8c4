"""Makes each Python process of a node see the storage as BROKEN_NODE says: `unmounted`, or `full`.

Python imports it as it starts, where this folder is on PYTHONPATH.
"""

import errno
import os
import pathlib

if os.environ["BROKEN_NODE"] == "unmounted":
    pathlib.Path.exists = lambda self, exists=pathlib.Path.exists: "drivers" not in self.parts and exists(self)
else:

    def full(self, mode="r", *args, opened=pathlib.Path.open, **kwargs):
        if self.parent.name == "checkpoints" and "r" not in mode:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(self, mode, *args, **kwargs)

    pathlib.Path.open = full
