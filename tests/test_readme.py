"""What the README shows is true: its experiment plans, its commands exist, its numbers come out."""

import json
import re
from pathlib import Path

import pytest

from orchestrator.cli.main import cli, invoke
from orchestrator.document.experiment import load_experiment
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_example_experiment_plans_as_it_stands_there(tmp_path, capsys):
    [example] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "my_ablation.yaml").write_text(example)

    code = invoke(["plan", str(tmp_path / "my_ablation.yaml"), "--storage", str(tmp_path / "runs"), "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out)["counts"]["new"] == 4 + 4 * 2 * 3


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^\$ sharptune (\w+)", README, re.MULTILINE))))
def test_every_command_in_it_exists(command):
    assert command in cli.commands


def test_the_sizes_in_it_are_those_that_are_counted(capsys):
    assert invoke(["cost", "DARTS_V2"]) == 0
    assert capsys.readouterr().out.strip() in README


def test_the_trials_in_it_are_those_that_the_quickstart_plans():
    trials = {trial.trial_id: trial.label for trial in expand(load_experiment("quickstart"), CATALOG).trials}
    shown = re.findall(r"(?<!commit )\b([0-9a-f]{12})\b", README)
    labelled = re.findall(r"(?:search|train) (weighting=\S+ (?:p=\S+ )?seed=\d) +\[([0-9a-f]{6})\]", README)

    assert len(shown) > 5
    assert set(shown) <= set(trials)
    assert len(labelled) > 5
    for label, short in labelled:
        assert [known for trial, known in trials.items() if trial.startswith(short)] == [label]
    for short in re.findall(r"sharptune (?:logs|retry|genotype draw) ([0-9a-f]{6})\b", README):
        assert sum(trial.startswith(short) for trial in trials) == 1
