"""Whatever happens to an index at a real S3 server; there and on a disk also when the kernel kills its writer."""

import signal
import subprocess
import sys
import uuid
from pathlib import Path

import index_killed
import pytest
from index_contract import ALL, IDS, SPECS, IndexContract, few_are_many, shown
from many_rows import row_of, segments, write, write_marked

from orchestrator.index.check import check_index
from orchestrator.ledger import Ledger
from trainables.record.storage import open_storage


class TestAtAServer(IndexContract):
    @pytest.fixture(autouse=True)
    def marked(self, monkeypatch):
        monkeypatch.setattr("index_contract.write", write_marked)

    @pytest.fixture
    def storage(self, another):
        return another()

    @pytest.fixture
    def another(self, s3_uri):
        return lambda: open_storage(s3_uri(uuid.uuid4().hex))


@pytest.mark.parametrize(
    ("where", "moment", "left"),
    [
        ("disk", "link 0 before", 2),  # the segment is written, and has no name
        ("disk", "create 1 after", 3),  # it is there
        ("s3", "create 2 after", 4),  # so is what all are put together to
        ("disk", "delete 1 after", 3),  # and of these one is gone
    ],
)
def test_whoever_is_killed_while_he_writes_an_index_loses_doubles_and_spoils_no_row(
    where, moment, left, tmp_path, request, monkeypatch
):
    few_are_many(monkeypatch)
    uri = request.getfixturevalue("s3_uri")(uuid.uuid4().hex) if where == "s3" else str(tmp_path / "runs")
    storage = open_storage(uri)
    for spec in SPECS:
        write(storage, row_of(spec))
    for specs in (SPECS[:2], SPECS[2:3]):
        Ledger(storage).index([spec.trial_id for spec in specs])
    ran = subprocess.run([sys.executable, index_killed.__file__, uri, *moment.split()], capture_output=True, text=True)

    assert (ran.returncode, ran.stdout) == (-signal.SIGKILL, ""), ran.stderr
    assert len(segments(storage)) == left
    assert shown(storage) == ALL
    Ledger(storage).index(IDS)
    assert check_index(storage).wrong == []
    assert len(segments(storage)) == 1
    assert shown(storage) == ALL
    assert where == "s3" or [path.name for path in Path(uri, "index").iterdir()] == segments(storage)
