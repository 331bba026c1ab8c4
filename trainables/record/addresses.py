"""Addresses of storages: which there are, and that they hold no keys.

An address is printed, stands in jobs that Ray shows, and travels to other machines. So what opens a door comes another
way, from the environment, and an address with keys in it is refused before anything says it.
"""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from trainables.errors import SharptuneError

OBJECT_STORES = ("s3", "gs", "gcs", "az")
PARAMETERS = (
    "account_name",
    "conditional_writes",
    "endpoint_override",
    "force_virtual_addressing",
    "region",
    "scheme",
    "tls_ca_file_path",
    "tls_verify_certificates",
)
"""What may follow the `?`: where and how the store is reached, never who asks."""
INEXCLUSIVE = "conditional_writes=no"
"""What the address of a store says that knows no conditional writes."""
USE = "use a folder, s3://bucket/path, gs://bucket/path or az://container/path"
KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile (AWS_PROFILE) or a role",
    **dict.fromkeys(("gs", "gcs"), "GOOGLE_APPLICATION_CREDENTIALS, gcloud's login or a role"),
    "az": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_KEY, a service principal "
    "(AZURE_CLIENT_ID, ...), AZURE_USE_AZURE_CLI=true or a role",
}


def folder_of(address: str) -> Path | None:
    """Return the folder that an address names, `~` expanded; None where it names an object store.

    Raises: SharptuneError for any other address, and for one with keys in it; none of it is said then.
    """
    if "://" not in address:
        _check_path(address)
        return _expanded(address)
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise SharptuneError(f"the storage is no address that can be read; {USE}") from error
    if parts.scheme in ("", "file"):
        return _expanded(address.removeprefix("file://"))
    if parts.scheme not in OBJECT_STORES:
        raise SharptuneError(f"storage {parts.scheme}://…: unknown scheme {parts.scheme!r}; {USE}")
    _check_object_store(parts.scheme, parts.netloc, parts.query)
    return None


def under(address: str, path: str) -> str:
    """Return the address of a folder in a storage."""
    place, mark, parameters = address.partition("?") if "://" in address else (address, "", "")
    return f"{place.rstrip('/')}/{path}{mark}{parameters}"


def _check_path(path: str) -> None:
    if not path.strip():
        raise SharptuneError(f"the storage has no name; {USE}")
    scheme, colon, _ = path.partition(":")
    if colon and scheme.lower() in OBJECT_STORES:
        raise SharptuneError(f"storage {scheme}:…: write {scheme.lower()}://bucket/path")


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise SharptuneError(f"storage {path!r}: there is no such user here; write ./{path} for a folder") from error


def _check_object_store(scheme: str, host: str, query: str) -> None:
    """Raises: SharptuneError, without any of it, where the address says more than the place."""
    bucket = host.removeprefix("anonymous@") if scheme in ("gs", "gcs") else host
    values = parse_qsl(query, keep_blank_values=True)
    known = all(name in PARAMETERS and "@" not in value for name, value in values)
    if re.fullmatch(r"[\w.-]+", bucket, re.ASCII) and known:
        return
    raise SharptuneError(
        f"storage {scheme}://…: its address is printed and sent to other machines, so it holds {scheme}://bucket/path, "
        f"and after a '?', {', '.join(PARAMETERS)}; keys come from each machine's own environment: {KEYS[scheme]}"
    )
