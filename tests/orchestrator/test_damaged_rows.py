"""Whatever a `row.json` holds, looking at it is a row or a sentence."""

import copy
import hashlib
import json
from collections.abc import Iterator

import pytest
from few import few
from hypothesis import given
from hypothesis import strategies as st
from jobs import finish, folder_of, make_job

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from orchestrator.rows import load_rows
from trainables.record.storage import open_storage
from trainables.trial import TrialRow, canonical_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(job, its row.json as a path, what stands in it) of a trial that is done, and has a parent."""
    root = tmp_path_factory.mktemp("done")
    parent = make_job(root, epochs=1, steps=1)
    finish(parent)
    job = make_job(root, parents=(parent.spec.trial_id,), link={"parent": 0, "key": "genotype"}, epochs=1, steps=1)
    finish(job)
    path = root / folder_of(job).path / "row.json"
    return job, path, json.loads(path.read_bytes())


def sealed(data) -> bytes:
    body = {key: value for key, value in data.items() if key != "sha256"}
    return json.dumps({**body, "sha256": hashlib.sha256(canonical_json(body).encode()).hexdigest()}).encode()


def places(data, path=()) -> Iterator[tuple]:
    """Yield the path of every value."""
    if path:
        yield path
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        yield from places(data[key], (*path, key))


def changed(data, path, value):
    """Return the same with another value at a path."""
    data = copy.deepcopy(data)
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return data


def look(job, path, content) -> tuple[TrialRow | None, list[str]]:
    """Look at a row in all the ways there are; return it, and what is said."""
    before = path.read_bytes()
    path.write_bytes(content)
    said = []
    try:
        ledger = Ledger(open_storage(job.storage), said.append)
        row = ledger.row(job.spec.trial_id)
        (state,) = ledger.states([job.spec]).values()
        assert (state.row is None) == (row is None)
        assert len(load_rows(ledger.storage)) == (1 if row is None else 2)
        assert invoke(["status", "--storage", job.storage]) in (0, 1)
        assert invoke(["status", "--storage", job.storage, "--json"]) in (0, 1)
    finally:
        path.write_bytes(before)
    return row, said


@few(30)
@given(data=st.data())
def test_a_row_of_any_content_is_a_row_or_a_sentence(done, data):
    job, path, good = done
    place = data.draw(st.sampled_from(sorted(places(good), key=str)))
    content = sealed(changed(good, place, data.draw(JSON)))

    row, said = look(job, path, content)

    assert isinstance(row, TrialRow) or len(said) == 1


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("metrics",), [1, 2]),
        (("metrics", "error"), "3"),
        (("metrics", "error"), [3]),
        (("metrics", "error"), True),
        (("spec",), "spec"),
        (("spec", "parents"), [["a"]]),
        (("spec", "seed"), "0"),
        (("config",), []),
        (("state",), "finished"),
        (("error",), 3),
        (("artifacts",), None),
        (("parents",), {"a": ["b"]}),
        (("files", "predictions.npz"), "here"),
        (("files", "predictions.npz", "path"), "../../elsewhere"),
        (("timing", "cpu_days"), "1"),
        (("provenance",), []),
        (("provenance", "ancestors"), {"a": [1]}),
        (("provenance", "gpus"), 1),
        (("provenance", "versions"), 3),
    ],
)
def test_a_sealed_row_with_something_of_the_wrong_kind_is_not_trusted(done, place, value):
    job, path, good = done

    row, (sentence,) = look(job, path, sealed(changed(good, place, value)))

    assert row is None
    assert sentence.startswith(f"trial {job.spec.trial_id}: row.json is not trusted: it ")
    assert sentence.endswith("; the trial runs again")


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 100_000, b"", b"3", b"null", b'"row"', b"\xff\xfe", b"[]"]
)
def test_a_row_that_is_no_row_is_not_trusted(done, content):
    job, path, _ = done

    row, said = look(job, path, content)

    assert (row, len(said)) == (None, 1)


def test_a_row_that_is_as_it_was_is_the_row(done):
    job, path, good = done

    row, said = look(job, path, sealed(good))

    assert row is not None
    assert (row.trial_id, said) == (job.spec.trial_id, [])
