"""What a stage of an experiment file may say, and what it is when it says nothing."""

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.document.spec import Resources, plain_name


def test_resources_are_one_cpu_and_no_gpu_by_default():
    experiment = parse_experiment("experiment: x\nstages: {s: {trainable: search}}")

    assert experiment.stages["s"].resources == Resources(gpus=0, cpus=1)


def test_needs_is_a_name_or_a_choice_of_the_best():
    text = "experiment: x\nstages: {{a: {{trainable: t}}, b: {{trainable: t, needs: {}}}}}"
    plain = parse_experiment(text.format("a")).stages["b"].needs
    best = parse_experiment(text.format("{stage: a, over: seed, best: error}")).stages["b"].needs

    assert plain is not None
    assert (plain.stage, plain.over, plain.best) == ("a", None, None)
    assert best is not None
    assert (best.stage, best.over, best.best) == ("a", ["seed"], "error")


@pytest.mark.parametrize("name", ["../x", "a/b", "a.b", "", "-x", "x" * 65, "ä", "a b", ".."])
def test_names_that_could_leave_their_folder_are_no_plain_names(name):
    with pytest.raises(ValueError, match="plain name"):
        plain_name(name)
