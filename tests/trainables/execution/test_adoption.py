"""A trial that is alike another one that is done takes over its row, whole and under its own name."""

import dataclasses

import pytest
from fakes import ChainRun
from jobs import essence, finish, folder_of, make_job

from trainables.execution.likeness import LIKENESSES, likeness_of, note
from trainables.record.storage import LocalStorage, open_storage
from trainables.record.trial_folder import ROW, TrialFolder, seal

LINK = {"parent": 0, "key": "genotype"}


def found_twice(storage, **child):
    """Return the jobs of two children, whose two parents have found the same."""
    parents = [make_job(storage, seed=7, epochs=1, hold=f"{storage}/none-{n}") for n in (1, 2)]
    children = [make_job(storage, parents=(finish(parent).trial_id,), link=LINK, **child) for parent in parents]
    return children[0], children[1]


def row_of(job):
    row = folder_of(job).read_row()
    assert row is not None
    return row


def worked_on(job, monkeypatch):
    """Finish a trial; say whether it was worked on, and not taken over."""
    begun = []
    init = ChainRun.__init__
    monkeypatch.setattr(ChainRun, "__init__", lambda self, *args: begun.append(1) or init(self, *args))
    assert finish(job).state == "done"
    monkeypatch.setattr(ChainRun, "__init__", init)
    return bool(begun)


def test_the_second_of_two_children_of_equal_findings_takes_over_the_row_of_the_first(tmp_path, monkeypatch):
    first, second = found_twice(tmp_path)
    finish(first)

    assert not worked_on(second, monkeypatch)
    one, other = row_of(first), row_of(second)
    assert other.adopted_from == other.computed_by == one.computed_by == first.spec.trial_id
    assert finish(second).adopted_from == first.spec.trial_id
    assert other.trial_id == second.spec.trial_id != one.trial_id
    assert essence(other)[1:] == essence(one)[1:]
    assert list(other.parents) == list(second.spec.parents)
    assert f"takes over the row of {one.trial_id}" in folder_of(second).read_log()


def test_what_is_taken_over_is_what_would_have_been_computed(tmp_path):
    first, second = found_twice(tmp_path)

    finish(first)
    finish(dataclasses.replace(second, adopt=False))
    computed = row_of(second)
    folder_of(second).set_aside(ROW, "failed")
    finish(second)

    assert not computed.adopted_from
    assert row_of(second).adopted_from == first.spec.trial_id
    assert essence(row_of(second)) == essence(computed)
    assert row_of(second).parents == computed.parents


def test_its_seconds_are_its_own_and_its_days_those_of_the_work_counted_once(tmp_path):
    first, second = found_twice(tmp_path)
    finish(first)
    finish(second)
    both = make_job(tmp_path, seed=1, parents=(first.spec.trial_id, second.spec.trial_id), link=LINK)
    finish(both)

    one, other, last = row_of(first), row_of(second), row_of(both)
    assert other.timing["device_seconds"] == 0
    assert other.timing["wall_seconds"] < 5
    assert other.timing["cpu_days"] == one.timing["cpu_days"] > 0
    assert other.timing["cpu_days_total"] == one.timing["cpu_days_total"]
    assert other.provenance["commit"] == one.provenance["commit"]
    parents = [TrialFolder(open_storage(tmp_path), job.spec.parents[0]).read_row() for job in (first, second)]
    before = sum(row.timing["cpu_days"] for row in parents if row is not None)
    assert last.timing["cpu_days_total"] == pytest.approx(
        last.timing["cpu_days"] + one.timing["cpu_days"] + before, rel=1e-12
    )


def test_the_days_of_a_parent_whose_row_it_takes_over_count_once_in_its_sum(tmp_path, monkeypatch):
    """The winner of several trainings is trained once more, by the same settings, among other seeds."""
    outcome = ChainRun.outcome
    monkeypatch.setattr(
        ChainRun, "outcome", lambda self: dataclasses.replace(outcome(self), artifacts={"genotype": self.config.link})
    )
    root = finish(make_job(tmp_path, seed=7, link="x")).trial_id
    winner = make_job(tmp_path, parents=(root,), link=LINK)
    again = make_job(tmp_path, parents=(finish(winner).trial_id,), link=LINK)
    finish(again)

    assert row_of(again).adopted_from == winner.spec.trial_id
    assert row_of(again).timing["cpu_days_total"] == row_of(winner).timing["cpu_days_total"] > 0


def test_either_can_be_deleted_and_the_other_has_all_its_files(tmp_path):
    first, second = found_twice(tmp_path)
    finish(first)
    finish(second)

    for path in [*open_storage(tmp_path).walk(f"trials/{first.spec.trial_id}")]:
        open_storage(tmp_path).delete(path)

    row = row_of(second)
    assert {"predictions.npz", "epochs.parquet"} <= set(row.files)
    assert folder_of(second).damage(row) == ""


def test_the_hint_alone_is_not_believed(tmp_path, monkeypatch):
    """It may name a trial that is not done, not alike, damaged, or deleted; or hold anything at all."""
    first, second = found_twice(tmp_path)
    finish(first)
    other = make_job(tmp_path, seed=3, link="else")
    finish(other)
    storage, row = open_storage(tmp_path), row_of(first)
    likeness = likeness_of(first.trainable, first.spec, row.config)
    hint = f"{LIKENESSES}/{likeness}.json"
    place = f"trials/{first.spec.trial_id}/{ROW}"

    def spoilt():
        note(storage, likeness, other.spec.trial_id)
        yield "not alike"
        for content in (b"", b"[]", b'{"trial": "../../etc"}', b'{"trial": 5}', b"\xff", b"[" * 9000):
            storage.write(hint, content)
            yield content
        note(storage, likeness, first.spec.trial_id)
        failed = dataclasses.replace(row, state="failed", metrics={}, error="no")
        for content in (seal(failed), seal(row)[:-9], seal(row).replace(b'"error":', b'"error" :')[:-90]):
            storage.delete(place)
            storage.write(place, content)
            yield content
        storage.delete(place)
        yield "deleted"

    assert [what for what in spoilt() if not worked_and_forgot(second, monkeypatch)] == []


def worked_and_forgot(job, monkeypatch):
    """Finish a trial and delete its row; say whether it was worked on."""
    worked = worked_on(job, monkeypatch)
    open_storage(job.storage).delete(f"trials/{job.spec.trial_id}/{ROW}")
    return worked


def test_a_file_that_the_other_has_lost_is_computed_anew_and_the_next_finds_the_one_that_is_whole(
    tmp_path, monkeypatch
):
    first, second = found_twice(tmp_path)
    finish(first)
    path = row_of(first).files["predictions.npz"]["path"]
    open_storage(tmp_path).delete(f"trials/{first.spec.trial_id}/{path}")

    assert worked_on(second, monkeypatch)
    storage = open_storage(tmp_path)
    storage.delete(f"trials/{first.spec.trial_id}/{ROW}")
    assert not worked_on(first, monkeypatch)
    assert row_of(first).adopted_from == second.spec.trial_id


def test_what_takes_over_a_row_that_was_taken_over_names_the_trial_that_worked(tmp_path):
    first, second = found_twice(tmp_path)
    finish(first)
    finish(second)
    third = make_job(tmp_path, parents=(*first.spec.parents, *second.spec.parents), link=LINK)
    note(open_storage(tmp_path), likeness_of(first.trainable, first.spec, row_of(first).config), second.spec.trial_id)

    finish(third)

    assert row_of(third).adopted_from == first.spec.trial_id


@pytest.mark.parametrize("other", [{"seed": 1}, {"width": 2}, {"version": 2}, {"trainable": "another"}])
def test_another_seed_setting_version_or_kind_is_not_alike(tmp_path, other, monkeypatch):
    first, second = found_twice(tmp_path)
    finish(first)
    spec = dataclasses.replace(second.spec, **{name: other.pop(name) for name in (*other,) if name != "width"})
    spec = dataclasses.replace(spec, config={**spec.config, **other})

    assert worked_on(dataclasses.replace(second, spec=spec), monkeypatch)


def test_a_trial_that_takes_nothing_from_anybody_leaves_and_looks_for_no_hint(tmp_path, monkeypatch):
    monkeypatch.setattr("trainables.execution.adoption.twin_of", None)

    assert finish(make_job(tmp_path)).state == "done"
    assert open_storage(tmp_path).names(LIKENESSES) == []


class Killed(BaseException):
    """In place of a SIGKILL."""


def killed_at(monkeypatch, trial_id, nth, name="write"):
    """Kill whoever writes to a trial's folder, at the nth of its files that a row names, or at the row."""
    do, seen = getattr(LocalStorage, name), []

    def write(self, path, data, **how):
        if path.startswith(f"trials/{trial_id}/") and (path.endswith(ROW) or (name, path.count("/")) == ("write", 2)):
            seen.append(path)
            if len(seen) == nth:
                raise Killed
        return do(self, path, data, **how)

    monkeypatch.setattr(LocalStorage, name, write)


@pytest.mark.parametrize(("name", "nth"), [("write", 1), ("write", 2), ("create", 1)])
def test_killed_while_it_takes_over_it_starts_again_and_leaves_nothing_else(tmp_path, monkeypatch, name, nth):
    first, second = found_twice(tmp_path)
    finish(first)
    with monkeypatch.context() as patch:
        killed_at(patch, second.spec.trial_id, nth, name)
        with pytest.raises(Killed):
            finish(second)
    assert folder_of(second).read_row() is None

    finish(second)

    row = row_of(second)
    assert row.adopted_from == first.spec.trial_id
    assert folder_of(second).damage(row) == ""
    assert folder_of(second).unnamed(row) == []


def test_killed_between_its_row_and_the_hint_it_is_done_and_the_next_one_works_itself(tmp_path, monkeypatch):
    first, second = found_twice(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("trainables.execution.adoption.note", lambda *args, **how: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            finish(first)

    assert row_of(first).state == "done"
    assert worked_on(second, monkeypatch)
    assert essence(row_of(second))[1:] == essence(row_of(first))[1:]
