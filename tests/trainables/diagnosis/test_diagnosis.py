"""Diagnoses of a tiny supernet on a few real images."""

from functools import partial

import numpy as np
import pytest
import torch
from stand_ins import SmallSupernet
from torch.nn import functional as F

from trainables.config import DiagnoseConfig, SearchConfig
from trainables.diagnosis.diagnosis import DiagnoseRun, start
from trainables.diagnosis.eigenvalues import ask
from trainables.errors import DamagedFile, TrialFailure
from trainables.loops.states import weights_file

SETTINGS = {
    "dataset": "cifar10-mini",
    "train_images": 40,
    "space": ["none", "skip_connect"],
}
"""Of the search; its half has 20 images."""
CONFIG = DiagnoseConfig(weights={"file": "w", "sha256": "0"}, hessian_images=6, batch_size=4, **SETTINGS)
"""Two batches of three images."""
ALPHAS = 2 * 14 * 2


@pytest.fixture
def weights(monkeypatch):
    monkeypatch.setattr("trainables.diagnosis.diagnosis.build_supernet", SmallSupernet)
    network = SmallSupernet(SearchConfig(**SETTINGS), 10)
    for alphas in network.alpha_parameters():
        torch.nn.init.normal_(alphas)
    return weights_file(network.state_dict())


@pytest.fixture
def build(mini, one_thread, weights):
    return partial(DiagnoseRun, CONFIG, seed=0, dataset=mini, weights=weights, device=torch.device("cpu"))


def test_the_eigenvalue_is_that_of_the_mean_loss_of_the_images(build, mini):
    run = build()
    pauses = list(run.steps())

    assert [pause.step for pause in pauses] == [*range(1, 2 * ALPHAS + 1), 2 * ALPHAS]
    assert {pause.steps for pause in pauses} == {2 * ALPHAS}
    assert pauses[-1].metrics == run.outcome().metrics == {"hessian_eigenvalue": pytest.approx(naive(run), rel=1e-4)}
    assert run.outcome().epochs == [{"epoch": 1, **run.outcome().metrics}]


def naive(run):
    """Return the largest eigenvalue of the Hessian that torch makes of the whole loss at once."""
    network = run.network.double().train()
    alphas = network.alpha_parameters()
    losses = []
    for rows_B in run._hessian_rows:
        images_BHWC, labels_B = run._images.batch(rows_B)
        x_BCHW = run._normalise(images_BHWC).double()
        losses.append(F.cross_entropy(network(x_BCHW), labels_B, reduction="sum"))
    gradient = torch.autograd.grad(sum(losses) / 6, alphas, create_graph=True)
    flat_A = torch.cat([part.flatten() for part in gradient])
    rows = [torch.autograd.grad(each, alphas, retain_graph=True, materialize_grads=True) for each in flat_A]
    hessian_AA = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
    return float(np.linalg.eigvalsh(hessian_AA.numpy())[-1])


def test_lanczos_finds_the_same_for_more_alphas(build, monkeypatch):
    exact = build()
    list(exact.steps())
    monkeypatch.setattr("trainables.diagnosis.diagnosis.ask", partial(ask, exact=0))
    found = build()
    pauses = list(found.steps())

    wanted = exact.outcome().metrics["hessian_eigenvalue"]
    assert found.outcome().metrics["hessian_eigenvalue"] == pytest.approx(wanted, rel=1e-3)
    assert len(pauses) < 2 * ALPHAS + 1


def test_a_diagnosis_stopped_at_any_pause_equals_an_uninterrupted_one(build, resumes):
    runs = resumes(build)
    pauses, uninterrupted = runs.uninterrupted()

    for position in (0, 33, len(pauses) - 2, len(pauses) - 1):
        assert runs.stopped_at(position) == uninterrupted, pauses[position]


def test_a_state_of_another_trial_is_refused_and_leaves_the_run_as_it_was(build):
    run, other, undisturbed = build(), build(seed=1), build()
    next(run.steps())
    next(other.steps())

    with pytest.raises(DamagedFile):
        run.load(other.state())

    assert len(list(run.steps())) == len(list(undisturbed.steps())) - 1
    assert run.outcome() == undisturbed.outcome()


def test_diagnoses_of_one_seed_look_at_the_same_images_and_others_at_others(build):
    first, second, other = build(), build(), build(seed=1)

    assert torch.equal(torch.cat([*first._hessian_rows]), torch.cat([*second._hessian_rows]))
    assert not torch.equal(torch.cat([*first._hessian_rows]), torch.cat([*other._hessian_rows]))


def test_weights_of_something_else_are_refused(mini, one_thread, weights):
    with pytest.raises(TrialFailure, match=r"^weights: they are not those of the search's supernet"):
        start(CONFIG, seed=0, threads=1, files={"weights": weights_file({"a": torch.zeros(2)})})
    with pytest.raises(TrialFailure, match=r"^weights: must be those that a search leaves"):
        start(CONFIG, seed=0, threads=1)


def test_second_derivatives_that_are_no_numbers_fail_the_trial(build):
    run = build()
    with torch.no_grad():
        run.network.classifier.bias.fill_(float("nan"))

    with pytest.raises(TrialFailure, match=r"^hessian_eigenvalue: the second derivatives of the loss are no numbers$"):
        list(run.steps())
