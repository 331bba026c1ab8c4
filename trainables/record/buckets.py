"""Opens the bucket that an address names: where it is, how it is reached, and with whose keys."""

import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from trainables.record.object_errors import no_keys

if TYPE_CHECKING:
    from obstore.store import ClientConfig

PATIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(minutes=30)}
QUICK: "ClientConfig" = {**PATIENT, "read_timeout": timedelta(seconds=20)}
"""How soon an answer begins, and goes on. The clock runs while the request is sent, so this is not for large files."""
NO_RETRIES = {"max_retries": 0}
"""Who waits is `trainables.record.patience`: it knows what a second try may find of the first."""
KEYS_KEPT = timedelta(minutes=5)
"""How long keys are used before they are asked for again: boto3 renews those that end within ten minutes."""
AMAZON = "https://s3.amazonaws.com"
YES, NO = ("true", "1", "yes"), ("false", "0", "no")


def open_bucket(address: str) -> tuple[ObjectStore, ObjectStore]:
    """Return the store of s3://, gs:// or az:// twice: one that must answer soon, and one to send large files with.

    Paths in it are those below the address's own path. Raises: OSError, ValueError; obstore's own errors; boto3's where
    it cannot find keys.
    """
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query))
    bucket = parts.netloc.removeprefix("anonymous@")
    if parts.scheme == "s3":
        kind, settings = S3Store, _s3(bucket, asked)
    elif parts.scheme == "az":
        kind, settings = AzureStore, _given(account_name=asked.get("account_name"), endpoint=_url(asked))
    else:
        kind, settings = GCSStore, _given(base_url=_url(asked), skip_signature=bucket != parts.netloc or None)
    settings |= {"prefix": unquote(parts.path).strip("/"), "retry_config": NO_RETRIES}
    how = _client(asked)
    quick, patient = (kind(bucket, client_options={**client, **how}, **settings) for client in (QUICK, PATIENT))
    return quick, patient


def says(asked: Mapping[str, str], name: str, otherwise: bool) -> bool:
    """Return a parameter of an address that is yes or no. Raises: ValueError."""
    value = asked.get(name, "").lower()
    if value and value not in (*YES, *NO):
        raise ValueError(f"{name}={value}: it is true or false")
    return value in YES if value else otherwise


def _client(asked: Mapping[str, str]) -> "ClientConfig":
    authority = asked.get("tls_ca_file_path")
    options: Any = _given(
        allow_http=asked.get("scheme") == "http" or None,
        allow_invalid_certificates=not says(asked, "tls_verify_certificates", True) or None,
        root_certificate=Path(authority).read_bytes() if authority else None,
    )
    return options


def _s3(bucket: str, asked: Mapping[str, str]) -> dict[str, Any]:
    endpoint = _url(asked)
    elsewhere = endpoint or any(os.environ.get(f"AWS_ENDPOINT{end}") for end in ("", "_URL", "_URL_S3"))
    return _given(
        endpoint=endpoint,
        region=asked.get("region") or (None if elsewhere else region_of(bucket)),
        virtual_hosted_style_request=says(asked, "force_virtual_addressing", False) or None,
        credential_provider=_keys(),
        disable_bulk_delete=True,  # which not every server knows, and one file is no bulk
    )


def _keys() -> Any:
    """Return who gives keys for Amazon's S3; None where they stand in the environment, or none are wanted.

    boto3 finds them where people expect it: profile, SSO, web identity, another role, a process, the machine's role.
    """
    plain = all(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    if plain or os.environ.get("AWS_SKIP_SIGNATURE", "").lower() in YES:
        return None
    import boto3  # takes long to load
    from obstore.auth.boto3 import Boto3CredentialProvider

    session = boto3.Session()
    if (keys := session.get_credentials()) is None:
        raise no_keys("s3")
    keys.get_frozen_credentials()  # what is wrong with them is known now
    return Boto3CredentialProvider(session, ttl=KEYS_KEPT)


def region_of(bucket: str) -> str | None:
    """Ask Amazon in which region a bucket is; None where it does not say, and the environment's counts."""
    request = urllib.request.Request(f"{AMAZON}/{bucket}", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:  # it says so to those who may not enter, too
        headers = error.headers
    except OSError:
        return None
    return headers.get("x-amz-bucket-region")


def _url(asked: Mapping[str, str]) -> str | None:
    """Return the URL of the server that an address names, if it names one."""
    host = asked.get("endpoint_override")
    if host is None or "://" in host:
        return host
    return f"{asked.get('scheme', 'https')}://{host}"


def _given(**settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
