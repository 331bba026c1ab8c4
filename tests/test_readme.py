"""What README and the tutorial show is true: experiments, tables, mistakes, ids of trials."""

import json
import re

import pytest
from doc_pages import blocks, pages

from orchestrator.cli.main import invoke
from orchestrator.document.experiment import load_experiment
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG

EXAMPLES = {"README.md": 4 + 4 * 2 * 3, "docs/tutorial/own_experiment.md": 4 + 4 * 2 * 3}
"""Pages with an experiment -> how many trials it has."""
TABLE = "Test error by weighting and annealing power, cifar10-mini"
PAGES_WITH_TABLE = ("README.md", "docs/tutorial/first_run.md")
BROKEN = {
    27: "      weighting: [scalar, maxw]",
    33: "    needs: serch",
    46: "      p: [0.5, 1]",
}
"""Lines of the file in which the tutorial shows the mistakes."""


@pytest.mark.parametrize(("page", "trials"), EXAMPLES.items())
def test_the_example_experiment_plans_as_it_stands_there(page, trials, tmp_path, capsys):
    [example] = [block.text for block in blocks("yaml") if block.page == page]
    (tmp_path / "my_ablation.yaml").write_text(example)

    code = invoke(["plan", str(tmp_path / "my_ablation.yaml"), "--storage", str(tmp_path / "runs"), "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out)["counts"]["new"] == trials


def shape(table: str) -> tuple[list[str], list[list[str]], str]:
    """Return a printed table's titles without units, the first two words of each line, and its note."""
    title, _, head, _, *lines = table.strip().split("\n")[:9]
    heads = [re.sub(r" \((%|k|M|B)\)$", "", each) for each in re.split(r"  +", head)]
    return [title, *heads], [line.split()[:2] for line in lines[:4]], table.strip().split("\n")[9]


@pytest.mark.parametrize("page", PAGES_WITH_TABLE)
def test_its_table_is_the_one_that_the_quickstart_asks_for(page, tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    [shown] = re.findall(rf"^({TABLE}\n.*?)^```", pages()[page], re.DOTALL | re.MULTILINE)

    assert invoke(["table", "quickstart", "--storage", str(tmp_path / "runs")]) == 0
    assert shape(shown) == shape(capsys.readouterr().out)


def test_both_pages_show_the_same_numbers():
    tables = {re.search(rf"^{TABLE}\n.*?^```", pages()[page], re.DOTALL | re.MULTILINE)[0] for page in PAGES_WITH_TABLE}

    assert len(tables) == 1


def test_the_mistakes_of_the_tutorial_are_said_in_these_words(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    [block] = [block for block in blocks("console") if "sharptune plan broken.yaml" in block.text]
    start = [
        "experiment: broken",
        "stages:",
        "  search:",
        "    trainable: search",
        "    config: {dataset: cifar10-mini}",
    ]
    lines = dict(enumerate(start, start=1)) | BROKEN
    lines |= {26: "    grid:", 31: "  train:", 32: "    trainable: train", 45: "    grid:"}
    lines |= {34: '    config: {genotype: "${search.genotype}"}'}
    (tmp_path / "broken.yaml").write_text("".join(f"{lines.get(number, '')}\n" for number in range(1, 47)))

    assert invoke(["plan", "broken.yaml"]) == 2
    assert capsys.readouterr().err == block.text.partition("\n")[2]


def test_the_trials_in_the_pages_are_those_that_the_quickstart_plans():
    trials = {trial.trial_id: trial.label for trial in expand(load_experiment("quickstart"), CATALOG).trials}
    text = "\n".join(pages()[page] for page in pages() if re.match(r"README|docs/(tutorial|how-to)/", page))
    shown = re.findall(r"(?<!commit )\b([0-9a-f]{12})\b", text)
    labelled = re.findall(r"(?:search|train) (weighting=\S+ (?:p=\S+ )?seed=\d) +\[([0-9a-f]{6})\]", text)

    assert len(shown) > 5
    assert set(shown) <= set(trials)
    assert len(labelled) > 5
    for label, short in labelled:
        assert [known for trial, known in trials.items() if trial.startswith(short)] == [label]
    others = "\n".join(pages()[page] for page in pages() if page != "docs/triage.md")  # which has a storage of its own
    for short in re.findall(r"sharptune (?:logs|retry|stop|genotype draw) ([0-9a-f]{6})\b", others):
        assert sum(trial.startswith(short) for trial in trials) == 1
