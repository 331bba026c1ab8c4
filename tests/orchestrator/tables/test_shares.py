"""Tables of trials that held different shares of a GPU: what was measured of the running says so."""

import dataclasses

import pytest
from drive import planned
from fakes import ChainRun
from running_contract import go
from table_worlds import FakeTable, World, make_world

from orchestrator import load_rows
from orchestrator.cli.explain import explanation
from orchestrator.document.spec import Resources
from orchestrator.ledger import Ledger
from orchestrator.tables.cells import MARKS, Cell
from orchestrator.tables.evidence import Evidence
from orchestrator.tables.formats.catalog import render
from orchestrator.tables.layout import lay_out
from orchestrator.tables.table import Table, build
from trainables.record.storage import open_storage

RUNNING = ("gpu_days", "gpu_days_total", "device_seconds", "wall_seconds", "peak_memory_bytes")


def world_of(*shares) -> World:
    """Return a world of one line whose runs held these shares; None: its row does not say."""
    world = make_world(weightings=("scalar",), ps=(1,), seeds=tuple(range(len(shares))))
    for seed, gpus in enumerate(shares):
        trial = world.find("train", p=1, seed=seed)
        row = world.rows[trial.trial_id]
        said = {} if gpus is None else {"gpus": list(gpus)}
        world.change(trial, timing=dict.fromkeys(RUNNING, 1.5), provenance={**row.provenance, **said})
    return world


def table_of(world: World, *columns: str) -> Table:
    return build(world.plan, world.rows, FakeTable(columns=columns))


def cell_of(world: World, metric: str) -> Cell:
    (row,) = table_of(world, metric).rows
    return row.cells[metric]


@pytest.mark.parametrize("metric", RUNNING)
def test_numbers_of_the_running_say_that_their_runs_held_different_shares(metric):
    assert cell_of(world_of([0.25], [1], [0.25]), metric).marks == ("shares",)


@pytest.mark.parametrize("metric", ["test_error_best", "params"])
def test_results_do_not_since_none_depends_on_it(metric):
    assert cell_of(world_of([0.25], [1], [0.25]), metric).marks == ()


@pytest.mark.parametrize(
    ("shares", "marked"),
    [
        (([0.25], [0.25], [0.25]), False),
        (([0.25], [0.25], [0.25, 1]), True),  # a run that went on with another
        (([0.5, 1], [0.5, 1], [0.5, 1]), True),
        (([], [], []), False),  # on CPUs
        ((None, None, None), False),
        ((None, [], []), False),
        ((None, [1], [1]), True),
        ((None, None, [0.25]), True),
    ],
)
def test_shares_are_told_from_each_other_and_from_what_is_not_known(shares, marked):
    assert cell_of(world_of(*shares), "gpu_days").marks == (("shares",) if marked else ())


def test_the_mark_stands_at_the_number_and_is_explained_below():
    table = table_of(world_of([0.25], [1], [0.25]), "test_error_best", "gpu_days")
    layout = lay_out(table)

    assert layout.footnotes == (("a", MARKS["shares"]),)
    assert [entry.marks for entry in layout.lines[0]][-3:] == ["", "a", ""]  # the error, the days, the runs
    assert f"ᵃ {MARKS['shares']}" in render(table, "text")


@pytest.mark.parametrize(
    ("gpus", "words"),
    [(None, ""), ((), ""), ((0.25,), "0.25 GPU"), ((1,), "1 GPU"), ((2.0,), "2 GPUs"), ((0.25, 1), "0.25, 1 GPU")],
)
def test_a_share_in_words(gpus, words):
    assert Evidence(trial_id="", label="", state="done", gpus=gpus).share == words


def test_walking_back_names_the_share(tmp_path):
    table = table_of(world_of([0.25], None, []), "gpu_days")
    lines = explanation(table, Ledger(open_storage(str(tmp_path)))).splitlines()[-3:]

    assert [line.partition("one GPU")[2] for line in lines] == ["  0.25 GPU", "", ""]


@pytest.mark.parametrize(
    ("alone", "asked", "held"), [(False, 0.25, 0.25), (True, 0.25, 1), (False, 2, 2), (True, 2, 2)]
)
def test_a_trial_is_charged_for_what_its_stage_asks_for_but_alone_for_whole_gpus(
    tmp_path, monkeypatch, alone, asked, held
):
    """The local runner runs one trial after the other: nobody shares a GPU with it."""
    monkeypatch.setattr(ChainRun, "device", "Fake GPU")
    if not alone:
        monkeypatch.setattr("orchestrator.running.local_runner._alone", lambda job: job)
    trial = dataclasses.replace(planned(0), resources=Resources(gpus=asked))
    go(tmp_path, [trial])

    (row,) = Ledger(open_storage(str(tmp_path))).rows().values()
    assert row.timing["gpu_days"] == pytest.approx(held * row.timing["device_seconds"] / 86_400)
    assert list(load_rows(str(tmp_path))["provenance.gpus"]) == [[held]]


def test_rows_of_before_are_loaded(tmp_path):
    go(tmp_path / "now", [planned(0)])
    now, before = (Ledger(open_storage(str(tmp_path / name))) for name in ("now", "before"))
    (row,) = now.rows().values()
    said = {name: value for name, value in row.provenance.items() if name != "gpus"}
    assert before.folder(row.trial_id).commit_row(dataclasses.replace(row, provenance=said))

    assert list(load_rows(str(tmp_path / "now"))["provenance.gpus"]) == [[]]
    assert list(load_rows(str(tmp_path / "before"))["provenance.gpus"]) == [None]


def test_the_command_names_the_share_beside_the_hardware(sharptune, run, monkeypatch):
    monkeypatch.setattr(ChainRun, "device", "Fake GPU")
    run("--set", "stages.child.resources.gpus=2")
    lines = sharptune("table", "chains.yaml", "--explain").out.splitlines()

    assert sum("  Fake GPU  2 GPUs  " in line for line in lines) == 8
