"""What object stores and their keys fail with, as OSErrors: by their numbers `patience` knows what may pass.

A sentence never holds the request: it may have been signed in its address.
"""

import errno
import html
import re
from urllib.parse import urlsplit

from trainables.errors import StorageRefusal
from trainables.record.addresses import KEYS

_STATUS = re.compile(r"status code: (\d{3}) ?([\w -]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
_CAUSE = re.compile(r'(?:message|error): "([^"]+)"|\b(TimedOut|IncompleteMessage)\b')
_DOOR = re.compile(r"Token|Signature|AccessKey|Credential|Auth|AccessDenied|TimeTooSkewed")
"""In the name of an error that has to do with keys."""
_BUCKET = ("NoSuchBucket", "ContainerNotFound", "specified bucket does not exist")
_NETWORK = re.compile(r"ConnectionError|ConnectTimeout|ReadTimeout|ConnectionClosed|HTTPClientError|ProxyConnection")
"""Errors of boto3 on its way to where keys are given out."""
_WORDS = {"TimedOut": "it did not answer in time", "IncompleteMessage": "it closed the connection"}
_PASSING = (408, 409, 425, 429)
_KEY_SERVERS = ("token request", "169.254.169.254", "metadata")


def translated(error: Exception, uri: str) -> OSError:
    """Return an error of obstore or boto3 as what it means.

    FileNotFoundError; an OSError, EIO, where it may pass; StorageRefusal where it does not: EACCES with the keys, ENXIO
    without a bucket, ENOTSUP for what a store cannot do and EINVAL for what it does not take.
    """
    text = str(error)
    if type(error).__module__.startswith("botocore") or "External AWS credential provider" in text:
        passes = _NETWORK.search(f"{type(error).__name__}: {text}") is not None
        return _without_keys(first_line(error), uri, passes=passes)
    parts = urlsplit(uri)
    if any(sign in text for sign in _BUCKET):
        return StorageRefusal(errno.ENXIO, f"there is no bucket {parts.netloc}")
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, "there is no such object")
    if "Received redirect" in text:
        return StorageRefusal(errno.EINVAL, f"bucket {parts.netloc} is in another region; name it: ?region=...")
    found = _STATUS.search(text)
    if found is None:
        return OSError(errno.EIO, _getting_keys(text) + _cause(text))
    status, answer = int(found[1]), _answer(text, found)
    code = match[1] if (match := _CODE.search(text)) else ""
    if status >= 500 and status != 501:
        return OSError(errno.EIO, answer)
    if status in _PASSING or code in ("RequestTimeout", "SlowDown", "ConditionalRequestConflict"):
        return OSError(errno.EIO, answer)
    if status in (401, 403) or _DOOR.search(code) or _getting_keys(text):
        return StorageRefusal(errno.EACCES, f"{_getting_keys(text)}{answer}; {_where(parts.scheme)}")
    return StorageRefusal(errno.ENOTSUP if status == 501 or code == "NotImplemented" else errno.EINVAL, answer)


def no_keys(scheme: str) -> StorageRefusal:
    """Return the error of a machine that has no keys at all."""
    return StorageRefusal(errno.EACCES, f"there are no keys for it on this machine; {_where(scheme)}")


def first_line(error: Exception) -> str:
    """Return an error in a line, without what is there for those who mend obstore."""
    return " ".join(str(error).partition("\n\nDebug source")[0].split())


def _without_keys(line: str, uri: str, *, passes: bool) -> OSError:
    why = line.partition("credential provider: ")[2] or line
    if passes:
        return OSError(errno.EIO, f"no keys are given out: {why}")
    return StorageRefusal(errno.EACCES, f"{why.rstrip('.:')}; {_where(urlsplit(uri).scheme)}")


def _answer(text: str, status: re.Match[str]) -> str:
    """Return what a server said, in words: never more of it than its own name and sentence for what was wrong."""
    told = [found[1] for pattern in (_CODE, _MESSAGE) if (found := pattern.search(text))]
    words = f": {html.unescape(': '.join(told)).rstrip('.')}" if told else ""
    return f"it answers {status[1]} {status[2].strip()}{words}"


def _cause(text: str) -> str:
    found = _CAUSE.search(text)
    if found is None:
        return "it cannot be reached"
    return found[1] or _WORDS[found[2]]


def _getting_keys(text: str) -> str:
    asked = text.partition("\n\nDebug source")[0]
    return "no keys are given out here: " if any(sign in asked for sign in _KEY_SERVERS) else ""


def _where(scheme: str) -> str:
    return f"keys come from {KEYS[scheme]}"
