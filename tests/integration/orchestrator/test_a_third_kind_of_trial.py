"""A kind of trial is one entry of the catalog: forests are planned, run, interrupted, resumed and tabulated with it."""

import os
import re
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import forest
import pytest

from orchestrator.cli.main import invoke
from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.ledger import Ledger
from orchestrator.planning.plan import Plan, expand
from orchestrator.tables.table import build
from trainables.record.storage import open_storage

FORESTS = """\
experiment: forests
stages:
  plant:
    trainable: forest
    config: {dataset: cifar10-mini, trees: 3}
    grid: {depth: [2, 4], drawn: [100, 200], seed: [0, 1, 2]}
  grow:
    trainable: forest
    needs: {stage: plant, best: test_error, over: [depth, drawn, seed]}
    config: {grown_from: "${plant.forest}", trees: 2}
tables:
  - name: depths
    stage: plant
    rows: [depth, drawn]
    columns: [test_error]
  - name: sizes
    stage: plant
    columns: [trees]
    lines: [{label: shallow, filter: {depth: 2, drawn: 100}}]
"""
SHARPTUNE = Path(forest.__file__).with_name("forest_sharptune.py")


def planned(text: str = FORESTS) -> Plan:
    return expand(parse_experiment(text, file="forests.yaml"), forest.CATALOG)


def refused(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        planned(text)
    return list(map(str, caught.value.problems))


def test_its_grid_is_planned_and_its_cost_is_its_own():
    plan = planned()
    *plants, _ = plan.trials
    cost = {trial.label: trial.expected_cost for trial in plants}

    assert len(plants) == 2 * 2 * 3
    assert len({trial.trial_id for trial in plan.trials}) == 13
    assert (cost["depth=2 drawn=100 seed=0"], cost["depth=4 drawn=200 seed=2"]) == (600, 2400)


def test_its_check_refuses_settings_that_do_not_go_together_with_file_and_line():
    (problem,) = refused(FORESTS.replace("[2, 4]", "[2, 7]"))

    sentence = "read 7; a tree of 128 leaves cannot be grown from 100 images"
    assert problem == f"forests.yaml:6: stages.plant.grid.depth[1]: {sentence}"


def test_its_children_take_over_what_it_says_they_inherit():
    *_, child = planned().trials

    assert child.spec.config["dataset"] == "cifar10-mini"
    (problem,) = refused(FORESTS.replace("trees: 2}", "trees: 2, dataset: cifar10}"))
    place = "forests.yaml:10: stages.grow.config.dataset: read 'cifar10'; "
    assert problem.startswith(place + "conflicts with 'cifar10-mini', which its parent in stage 'plant' has")


def test_its_metrics_have_their_columns_before_anything_has_run():
    plan = planned()
    (line,) = build(plan, {}, plan.tables[1]).rows

    assert (line.cells["trees"].n, line.cells["trees"].expected) == (0, 3)


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """The experiment's file, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    Path("forests.yaml").write_text(FORESTS)


def run(*options: str, killed: str = "killed") -> subprocess.CompletedProcess:
    """Run the experiment in a process of its own; one of its processes dies, unless one has died already."""
    command = [sys.executable, str(SHARPTUNE), "run", "forests.yaml", *options]
    environment = {**os.environ, "FOREST_KILLED": str(Path(killed).absolute())}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def rows(storage: str) -> dict:
    """What must be identical between two ways of getting there."""
    found = Ledger(open_storage(storage)).rows()
    return {key: (row.config, row.state, row.metrics, row.artifacts, row.parents) for key, row in found.items()}


def undisturbed(capsys) -> str:
    """Run the experiment here, where nothing dies; return the storage."""
    assert invoke(["run", "forests.yaml", "--runner", "local", "--storage", "undisturbed"], catalog=forest.CATALOG) == 0
    capsys.readouterr()
    return "undisturbed"


def resumed() -> list[str]:
    """Return the logs of trials whose first process died after its first tree."""
    logs = [path.read_text() for path in Path("runs").glob("trials/*/log.txt")]
    return [log for log in logs if "attempt 2 resumes after epoch 1" in log and log.count("epoch 1: ") == 1]


def test_a_killed_run_goes_on_from_its_last_tree_to_the_same_forests_and_their_table(experiment, capsys):
    killed = run("--runner", "local")
    again = run("--runner", "local")

    assert (killed.returncode, again.returncode, again.stderr) == (-signal.SIGKILL, 0, "")
    assert len(resumed()) == 1
    assert rows("runs") == rows(undisturbed(capsys))

    assert invoke(["table", "forests.yaml", "depths"], catalog=forest.CATALOG) == 0
    numbers = re.findall(r"\d+\.\d+±\d+\.\d+", capsys.readouterr().out)
    errors = [rows("runs")[trial.trial_id][2]["test_error"] for trial in planned().of_stage("plant")]
    cells = [errors[first : first + 3] for first in range(0, 12, 3)]
    assert numbers == [f"{statistics.median(cell):.2f}±{(max(cell) - min(cell)) / 2:.2f}" for cell in cells]


def test_a_forest_is_grown_on_from_the_best_and_knows_more_than_chance(experiment, capsys):
    found = rows(undisturbed(capsys))
    *plants, child = planned().trials
    best = min(plants, key=lambda trial: found[trial.trial_id][2]["test_error"])
    config, _, metrics, artifacts, parents = found[child.trial_id]

    assert best.trial_id in parents
    assert config["grown_from"] == found[best.trial_id][3]["forest"] == artifacts["forest"][:3]
    assert metrics["trees"] == 5
    assert metrics["test_error"] < 85


@pytest.mark.slow
@pytest.mark.ray
def test_a_killed_worker_of_ray_starts_once_more_and_nothing_else_changes(experiment, capsys):
    done = run()

    assert (done.returncode, done.stderr) == (0, "")
    assert "its process died" in done.stdout
    assert resumed()
    assert rows("runs") == rows(undisturbed(capsys))
