"""`sharptune export rows` into an object store."""

import io

import pyarrow.parquet as pq

from trainables.record.storage import open_storage


def test_rows_are_exported_into_an_object_store(sharptune, run, s3_uri):
    assert run().code == 0

    done = sharptune("export", "rows", "chains.yaml", "--epochs", "-o", s3_uri("exports/rows.parquet"))

    assert done.code == 0
    there = open_storage(s3_uri("exports"))
    lines = {name: pq.read_table(io.BytesIO(there.read(name))).num_rows for name in there.names("")}
    assert lines == {"rows.parquet": 6, "rows-epochs.parquet": 18}
