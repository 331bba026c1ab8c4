"""What opens doors stays in the environment: it is in no row, no log, no manifest and no message."""

import json
from pathlib import Path

import fakes
import pytest

from trainables.record.secrets import masked

SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAGEHEIM0123456789",
    "AWS_SECRET_ACCESS_KEY": "geheim/wJalrXUtnFEMI+K7MDENG+bPxRfiCYzz",
    "AWS_SESSION_TOKEN": "geheim-session-0123456789abcdef",
    "RAY_AUTH_TOKEN": "geheim-ray-0123456789abcdef0123456789",
    "WANDB_API_KEY": "geheim-wandb-0123456789abcdef01234567",
    "GOOGLE_CREDENTIALS": '{"private_key": "geheim-google-0123456789"}',
    "DATABASE_PASSWORD": "geheim-password-of-a-user",
}
PROXY = "http://someone:geheim-pw@127.0.0.1:1"
PROFILE = """\
storage: /shared/runs
slurm: {partition: gpu}
kuberay: {image: "me/sharptune:1", workers: 1, worker: {cpus: 1, memory: 1Gi}, mount: /shared, volume_claim: runs}
"""


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, PROXY)


def assert_nothing_of_them(text: str) -> None:
    assert "geheim" not in text.lower()


def test_a_trial_that_fails_over_them_tells_none_of_them(sharptune, run, chains, monkeypatch):
    def quote(self):
        raise ValueError(f"no connection: {PROXY} {json.dumps(SECRETS)} {SECRETS}")

    monkeypatch.setattr(fakes.ChainRun, "_misbehave", quote)
    failed = run()
    trial = next(Path("runs/trials").iterdir()).name
    said = [failed, *(sharptune(*words) for words in (["status"], ["status", "--json"], ["logs", trial]))]
    said += [sharptune("table", "chains.yaml", "--explain"), sharptune("retry", trial), sharptune("status")]

    assert failed.code == 1
    assert "http://***@127.0.0.1:1" in failed.out
    for result in said:
        assert_nothing_of_them(result.out + result.err)
    for path in Path("runs").rglob("*"):
        assert_nothing_of_them(path.read_text(errors="replace") if path.is_file() else path.name)


@pytest.mark.parametrize("launcher", ["slurm", "kuberay", "ray-job"])
def test_no_manifest_has_them(sharptune, chains, launcher):
    Path("cluster.yaml").write_text(PROFILE)

    shown = sharptune("launch", launcher, "chains.yaml")

    assert shown.code == 0, shown.err
    assert_nothing_of_them(shown.out + shown.err)


def test_a_store_that_lets_nobody_in_is_told_without_them(sharptune, monkeypatch):
    monkeypatch.setattr("orchestrator.cli.options.FIRST_SECONDS", 0.0)

    refused = sharptune("status", "--storage", "s3://bucket/runs?endpoint_override=127.0.0.1:1&scheme=http&region=x")

    assert refused.code != 0
    assert_nothing_of_them(refused.out + refused.err)


def test_what_is_no_secret_is_said_as_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("SORT_KEY", "seed")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path))

    text = f"seed 0; s3://bucket/path; http://host:8080/a@b; {tmp_path}; ratio 1:2@3"

    assert masked(text) == text
