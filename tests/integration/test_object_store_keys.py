"""Where the keys of an object store come from, and what is said when they are none, wrong or too old."""

import errno
import json
import sys
import time
import uuid
from unittest.mock import Mock

import pytest
from jobs import finish, make_job, never

from trainables.errors import SharptuneError, StorageError, StorageRefusal
from trainables.execution.attempt import execute
from trainables.record.patience import Patience
from trainables.record.storage import open_storage

SECRET = "geheim-geheim-geheim"
KEYS = f"aws_access_key_id = AKIAPROFILE\naws_secret_access_key = {SECRET}\n"


@pytest.fixture
def no_keys(s3_server, tmp_path, monkeypatch):
    """Take the keys out of the environment, and let none be found outside this folder; returns it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def used(uri) -> bytes:
    """Return what a storage has of what was written to it."""
    storage = open_storage(uri)
    storage.write("here", b"yes")
    return storage.read("here")


@pytest.fixture
def uri(s3_uri):
    return s3_uri(uuid.uuid4().hex)


def test_a_profile_is_used(no_keys, uri, monkeypatch):
    (no_keys / "AWS_SHARED_CREDENTIALS_FILE").write_text(f"[lab]\n{KEYS}")
    monkeypatch.setenv("AWS_PROFILE", "lab")

    assert used(uri) == b"yes"


def test_a_program_that_gives_out_keys_is_asked(no_keys, uri):
    program = no_keys / "keys.py"
    keys = {"Version": 1, "AccessKeyId": "AKIAPROGRAM", "SecretAccessKey": SECRET}
    program.write_text(f"print({json.dumps(json.dumps(keys))})")
    (no_keys / "AWS_CONFIG_FILE").write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")

    assert used(uri) == b"yes"


def test_a_role_is_taken_on(no_keys, uri, s3_server, monkeypatch):
    (no_keys / "AWS_SHARED_CREDENTIALS_FILE").write_text(f"[base]\n{KEYS}")
    role = "role_arn = arn:aws:iam::123456789012:role/trainer\nsource_profile = base\n"
    (no_keys / "AWS_CONFIG_FILE").write_text(f"[profile lab]\n{role}")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{s3_server.port}")
    s3_server.requests.clear()

    assert used(uri) == b"yes"

    assert s3_server.requests[0] == "POST /"  # to the service that gives out a role's keys


def test_a_server_of_keys_that_does_not_answer_is_waited_for(no_keys, uri, monkeypatch):
    (no_keys / "AWS_SHARED_CREDENTIALS_FILE").write_text(f"[base]\n{KEYS}")
    role = "role_arn = arn:aws:iam::123456789012:role/trainer\nsource_profile = base\n"
    (no_keys / "AWS_CONFIG_FILE").write_text(f"[profile lab]\n{role}")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")

    with pytest.raises(StorageError, match="does not answer now: no keys are given out: Could not connect"):
        open_storage(uri, patience=Patience(seconds=0))


@pytest.mark.parametrize(
    ("profile", "sentence"),
    [(None, "there are no keys for it on this machine"), ("nobody", r"profile \(nobody\) could not be found")],
)
def test_a_machine_without_keys_hears_where_they_come_from(no_keys, uri, monkeypatch, profile, sentence):
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)

    with pytest.raises(SharptuneError, match=f"cannot be opened: .*{sentence}.*keys come from AWS_ACCESS_KEY_ID"):
        open_storage(uri)


def test_an_sso_session_that_was_never_begun_is_a_sentence(no_keys, uri, monkeypatch):
    session = (
        "sso_start_url = https://lab.example\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = trainer\n"
    )
    (no_keys / "AWS_CONFIG_FILE").write_text(f"[profile lab]\n{session}")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setenv("HOME", str(no_keys))

    with pytest.raises(SharptuneError, match="SSO"):
        open_storage(uri)


def test_a_container_at_azure_wants_an_account(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)

    with pytest.raises(SharptuneError, match="Account must be specified"):
        open_storage("az://container/runs")


ANSWERS = {
    "403 Forbidden": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    "400 Bad Request": ("ExpiredToken", "The provided token has expired."),
}


@pytest.mark.parametrize("status", ANSWERS)
def test_wrong_and_expired_keys_are_said_at_once(answering, monkeypatch, status):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONG")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    code, message = ANSWERS[status]
    port = answering(status, f"<Error><Code>{code}</Code><Message>{message}</Message><A>AKIAWRONG</A></Error>")
    storage = open_storage(f"s3://bucket/runs?endpoint_override=127.0.0.1:{port}&scheme=http")
    since = time.monotonic()

    with pytest.raises(StorageRefusal) as caught:
        storage.names("trials")

    begin = f"it answers {status}: {code}: {message.rstrip('.')}; keys come from AWS_ACCESS_KEY_ID"
    assert caught.value.strerror.startswith(begin)
    assert "AKIAWRONG" not in str(caught.value)
    assert time.monotonic() - since < 45  # it is patient with others for a minute


def test_a_trial_whose_node_has_no_keys_or_has_them_no_more_has_not_failed(no_keys, uri, monkeypatch):
    job = make_job(uri, epochs=3, steps=1)
    assert finish(job).state == "halted"

    (no_keys / "AWS_SHARED_CREDENTIALS_FILE").write_text(f"[default]\n{KEYS}")
    progress = execute(job, should_stop=never)
    next(each for each in progress if each.epoch == 1)
    with pytest.MonkeyPatch.context() as patch:
        refusal = StorageRefusal(errno.EACCES, "it answers 403 Forbidden: ExpiredToken")
        patch.setattr("trainables.record.object_store.obstore.put", Mock(side_effect=refusal))
        *_, last = progress

    assert (last.state, last.note) == ("halted", f"storage {uri}: it answers 403 Forbidden: ExpiredToken")
    assert finish(job).state == "done"
