"""What keeps a record in order, on a real S3 server: packed, merged from and to a disk, verified and pruned there."""

import uuid
from pathlib import Path

import pytest
from command_line import CHAINS, planned, rows

from trainables.record.storage import open_storage

SHORT = CHAINS.replace("epochs: 3", "epochs: 1").replace("seed: [0, 1]", "seed: [0]")
ONE = SHORT.replace("width: [1, 2]", "width: [1]")
"""A root and its child."""


@pytest.fixture
def bucket(s3_uri):
    return s3_uri(uuid.uuid4().hex)


def test_a_record_goes_there_and_back_and_is_verified_and_pruned_there(chains, sharptune, run, bucket):
    chains.write_text(ONE.replace("    grid: {width", "    keep_checkpoints: true\n    grid: {width"))
    assert run().code == 0
    child = planned(chains)[-1].trial_id
    there = open_storage(bucket)

    assert sharptune("merge", "runs", "--storage", bucket).out.endswith(": 2 taken\n")
    assert rows(bucket) == rows("runs")
    assert sharptune("verify", "--storage", bucket).code == 0
    assert sharptune("merge", bucket, "--storage", "back").out.endswith(": 2 taken\n")
    assert rows("back") == rows("runs")

    (name,) = [name for name in there.names(f"trials/{child}") if name.startswith("predictions.")]
    there.write(f"trials/{child}/{name}", b"spoilt")
    there.write(f"trials/{child}/checkpoints/refused-000001-0000000-0001.0123abcd", b"123")
    wrong = sharptune("verify", "--storage", bucket, "--json").json["wrong"]
    assert [(each["trial"], each["file"]) for each in wrong] == [(child, name)]
    assert sharptune("merge", "runs", "--storage", bucket).out.count("  completed: predictions.") == 1
    assert sharptune("verify", "--storage", bucket).code == 0

    assert "1 refused checkpoint, 3 B\n" in sharptune("prune", "--storage", bucket, "--yes").out
    Path("one.yaml").write_text(ONE.replace("width: [1]", "width: [2]"))
    assert sharptune("prune", "one.yaml", "--storage", bucket, "--yes").code == 0
    assert {path.split("/")[1] for path in there.walk("trials")} == {planned(chains)[0].trial_id}
    assert sharptune("verify", "--storage", bucket).code == 0
