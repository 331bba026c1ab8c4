"""The address of a storage: folders and object stores, `~`, and no keys."""

from pathlib import Path

import pytest

from trainables.errors import SharptuneError
from trainables.record.addresses import folder_of, under

WITH_SECRETS = [
    "s3://AKIA:geheim@bucket/runs",
    "s3://AKIA:geh/eim+x=@bucket/runs",
    "s3://geheim@bucket",
    "s3://AKIA%3Ageheim%40bucket/runs",
    "s3://bucket/runs?access_key=AKIA&secret_key=geheim",
    "s3://bucket/runs?region=x&session_token=geheim",
    "s3://bucket/runs?geheim",
    "s3://bucket/runs?endpoint_override=http://user:geheim@localhost",
    "gs://user:geheim@bucket/runs",
    "gcs://bucket?geheim=1",
    "az://container/runs?account_key=geheim",
    "az://geheim@container/runs",
    "s3a://AKIA:geheim@bucket/runs",
    "https://user:geheim@host/runs",
    "s3:/AKIA:geheim@bucket/runs",
    "S3:AKIA:geheim@bucket",
    "s3://[geheim",
]


@pytest.mark.parametrize("address", WITH_SECRETS)
def test_an_address_with_keys_is_refused_and_nothing_of_it_is_said(address):
    with pytest.raises(SharptuneError) as caught:
        folder_of(address)

    assert "geheim" not in str(caught.value)
    assert "AKIA" not in str(caught.value)
    assert "geheim" not in str(caught.value.__cause__ or "")


def test_the_sentence_says_where_keys_come_from():
    with pytest.raises(SharptuneError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile"):
        folder_of("s3://AKIA:geheim@bucket/runs")
    with pytest.raises(SharptuneError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        folder_of("gs://u:geheim@bucket/runs")
    with pytest.raises(SharptuneError, match="AZURE_STORAGE_ACCOUNT_KEY"):
        folder_of("az://u:geheim@container/runs")


@pytest.mark.parametrize(
    "address",
    [
        "s3://bucket",
        "s3://bucket.name/runs/user@host",
        "s3://bucket/runs?endpoint_override=127.0.0.1:9000&scheme=http&region=eu-west-1",
        "gs://anonymous@bucket/runs",
        "az://container/runs?account_name=lab",
        "s3://bucket/runs?conditional_writes=no",
    ],
)
def test_where_and_how_a_store_is_reached_is_part_of_its_address(address):
    assert folder_of(address) is None


@pytest.mark.parametrize(
    ("address", "folder"),
    [("runs", "runs"), ("file:///tmp/runs", "/tmp/runs"), ("~/runs", "/home/me/runs"), ("a/~/b", "a/~/b")],
)
def test_anything_else_is_a_folder(address, folder, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")

    assert folder_of(address) == Path(folder)


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("", "has no name"), ("~nobody-here/runs", "no such user"), ("ftp://x/y", "unknown scheme 'ftp'")],
)
def test_what_is_no_address_gets_a_sentence(address, sentence):
    with pytest.raises(SharptuneError, match=sentence):
        folder_of(address)


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("/shared/runs/", "/shared/runs/rehearsals/a"),
        ("runs?", "runs?/rehearsals/a"),
        ("s3://bucket", "s3://bucket/rehearsals/a"),
        ("s3://bucket/runs?region=x&scheme=http", "s3://bucket/runs/rehearsals/a?region=x&scheme=http"),
    ],
)
def test_a_folder_in_a_storage_has_its_address_with_the_storages_parameters(address, folder):
    assert under(address, "rehearsals/a") == folder
