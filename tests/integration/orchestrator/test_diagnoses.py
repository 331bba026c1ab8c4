"""A search, its diagnosis and their table: from the YAML to the columns, also when the diagnosis is stopped midway."""

import json
from pathlib import Path

import pytest
from scipy.stats import kendalltau

from orchestrator.cli.main import invoke
from orchestrator.ledger import Ledger
from trainables.architecture.nas_bench_201 import benchmark
from trainables.architecture.nas_bench_201.cell import NasBench201Cell
from trainables.diagnosis.diagnosis import DiagnoseRun
from trainables.record.storage import open_storage

EXPERIMENT = """\
experiment: diagnosed
stages:
  search:
    trainable: search
    config:
      {space: {kind: nas_bench_201, cells_per_stage: 1, primitives: [skip_connect, nor_conv_3x3]},
       dataset: cifar10-mini, train_images: 40, epochs: 1, warmup_epochs: 0, batch_size: 10, channels: 2}
    resources: {cpus: 1}
  diagnose:
    trainable: diagnose
    needs: search
    config: {weights: "${search.weights}", hessian_images: 4, batch_size: 10, cells: 6, cell_images: 20}
    checkpoint_minutes: 0.001
    resources: {cpus: 1}
tables:
  - name: diagnosed
    stage: diagnose
    columns: [hessian_eigenvalue, kendall_tau, kendall_tau_params, kendall_tau_addmult, search.discretisation_gap]
    lines: [{label: scalar, filter: {weighting: scalar}}]
"""
STEPS = 12 + 6
"""One for each alpha, one for each cell."""


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARPTUNE_STORAGE", raising=False)
    Path("e.yaml").write_text(EXPERIMENT)


def run(storage: str) -> int:
    return invoke(["run", "e.yaml", "--runner", "local", "--storage", storage])


def rows(storage: str):
    """Return the rows of the search and of the diagnosis."""
    found = Ledger(open_storage(storage)).rows().values()
    return (next(row for row in found if row.spec.trainable == kind) for kind in ("search", "diagnose"))


def test_a_diagnosis_that_dies_goes_on_to_the_same_digits_which_its_table_shows(experiment, monkeypatch, capsys):
    assert run("undisturbed") == 0
    taken, pause = [], DiagnoseRun._pause

    def dying(self):
        taken.append(self._taken)
        if len(taken) == STEPS - 3:
            raise KeyboardInterrupt
        return pause(self)

    monkeypatch.setattr(DiagnoseRun, "_pause", dying)
    assert run("runs") == 130
    assert run("runs") == 0

    assert len(taken) < STEPS + 5, "it began anew"
    (search, diagnosis), (_, wanted) = rows("runs"), rows("undisturbed")
    assert (diagnosis.metrics, diagnosis.artifacts) == (wanted.metrics, wanted.artifacts)
    assert {name: list(keys) for name, keys in diagnosis.parents.items()} == {
        search.trial_id: ["weights-last.safetensors"]
    }
    assert_that_tau_is_of_the_drawn_cells(diagnosis)
    capsys.readouterr()
    assert invoke(["table", "e.yaml", "--storage", "runs", "--format", "json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)["rows"]
    found = {name: cell["median"] for name, cell in line["cells"].items()}
    assert {name: found[name] for name in diagnosis.metrics} == diagnosis.metrics
    assert found["search.discretisation_gap"] == search.metrics["discretisation_gap"]


def assert_that_tau_is_of_the_drawn_cells(diagnosis):
    tried = diagnosis.artifacts["sampled_cells"]
    truth = [known(row["cell"]) for row in tried]
    assert [row["benchmark_cifar10"] for row in tried] == truth
    assert len({row["cell"] for row in tried}) == 6
    for metric, name in (("kendall_tau_params", "params"), ("kendall_tau", "one_shot_accuracy")):
        tau = kendalltau([row[name] for row in tried], truth).statistic
        assert diagnosis.metrics.get(metric, tau) == pytest.approx(tau, nan_ok=True)
    assert {"kendall_tau_params", "kendall_tau_addmult"} <= set(diagnosis.metrics)


def known(cell: str) -> float:
    return benchmark.benchmark().entry(NasBench201Cell.from_string(cell), "cifar10").accuracy
