"""What the README shows is true: its experiment plans, its commands exist, its numbers come out."""

import json
import re
from pathlib import Path

import pytest

from orchestrator.cli import cli, invoke

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
