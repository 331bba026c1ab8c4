"""Secrets of the environment, kept out of what is recorded and what is said.

Keys travel in the environment and nowhere else. But an exception may quote them: that of a proxy its address with the
password in it, that of an object store the key it was shown.
"""

import json
import os
import re
from functools import cache

MASK = "***"
LEAST_CHARACTERS = 16
"""Of a value that is hidden: no shorter one is a key, and words of a sentence might be the same."""
_SECRET = re.compile(r"SECRET|TOKEN|PASSW|CREDENTIAL|KEY", re.IGNORECASE)
"""What the name of a variable holds whose value opens a door."""
_IN_AN_ADDRESS = re.compile(r"(?<=://)[^/\s@:'\"]*:[^/\s@'\"]+(?=@)")
"""User and password in a URL."""


@cache
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def masked(text: str) -> str:
    """Return a text with `***` in place of each secret of this process's environment, and of any URL's password."""
    for name, value in os.environ.items() if len(text) >= LEAST_CHARACTERS else ():
        if len(value) < LEAST_CHARACTERS or not _is_secret(name):
            continue
        for form in (value, json.dumps(value)[1:-1]):
            if form in text and not os.path.exists(value):  # noqa: PTH110  (which any value may be asked of)
                text = text.replace(form, MASK)
    return _IN_AN_ADDRESS.sub(MASK, text)
