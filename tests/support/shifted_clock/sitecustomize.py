"""Makes the wall clock of a Python process go wrong by SHIFTED_CLOCK seconds; the monotonic one is nobody's.

Python imports it as it starts, where this folder is on PYTHONPATH.
"""

import os
import time

SHIFT = float(os.environ["SHIFTED_CLOCK"])


def shifted(now=time.time) -> float:
    return now() + SHIFT


time.time = shifted
