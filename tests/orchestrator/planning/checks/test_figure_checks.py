"""Mistakes in figures are found when an experiment is planned, at their line, with what is allowed there."""

import pytest
from plans import chain, mistakes, plan

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.plan import expand
from trainables.catalog import CATALOG

TABLES = "tables:\n  - {name: errors, stage: train, rows: [weighting, p], columns: [test_error_best]}\n"


def with_figure(figure: str) -> str:
    return f"{chain()}{TABLES}figures:\n  - {figure}\n"


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ("{name: f, kind: gant, stage: train}", "unknown kind 'gant'"),
        ("{name: f, kind: alpha, stage: search}", "did you mean 'alphas'?"),
        ("{name: f, kind: alphas}", "is missing"),
        ("{name: f, stage: train}", "is missing"),
        (
            "{name: f, kind: timeline, panels: [test_error]}",
            "is no key of a figure of kind 'timeline', which takes name,",
        ),
        ("{name: f, kind: timeline, filter: {p: 1}}", "chooses trials of a stage: give the figure the key stage"),
        ("{name: f, kind: timeline, stage: tran}", "unknown stage 'tran'; did you mean 'train'?"),
        ("{name: f, kind: alphas, stage: train}", "stage 'train' moves no alphas; these do: search"),
        ("{name: f, kind: cells, stage: search, filter: {weighting: maxw}}", "unknown weighting 'maxw'"),
        (
            "{name: f, kind: pareto, stage: train}",
            "a point would mix weighting = 'scalar', 'max_w'; put weighting into lines",
        ),
        (
            "{name: f, kind: pareto, stage: train, lines: [weighting, p], metric: validation_error}",
            "of the figure has this: ",
        ),
        (
            "{name: f, kind: pareto, stage: train, lines: [weighting, p], metric: test_eror}",
            "unknown metric 'test_eror'",
        ),
        ("{name: f, kind: pareto, stage: train, lines: [weighting, p], sizes: [parms]}", "did you mean 'params'?"),
        (
            "{name: f, kind: pareto, stage: train, lines: [weighting, p], paper: table9}",
            "unknown published table 'table9'",
        ),
        ("{name: f, kind: dots, table: error}", "unknown table 'error'; did you mean 'errors'?"),
        ("{name: f, kind: dots, table: errors, columns: [params]}", "unknown column 'params'; known: test_error_best"),
        (
            "{name: f, stage: search, lines: [weighting], panels: [{metric: pools, show: time_between_improvements}]}",
            "pools is no error and no loss: nothing says which value is better",
        ),
        (
            "{name: f, stage: train, lines: [weighting, p], panels: [{metric: pools, stage: search, lines: [wght]}]}",
            "unknown key 'wght'",
        ),
        ("{name: f, stage: train, panels: [{metric: search_val_error, stage: search}]}", "a line would mix weighting"),
    ],
)
def test_a_mistake_in_a_figure_is_one_sentence(figure, message):
    assert any(message in each for each in mistakes(with_figure(figure)))


def test_a_mistake_in_a_figure_has_its_line():
    text = with_figure("{name: f, kind: dots, table: error}")
    with pytest.raises(SpecError) as caught:
        expand(parse_experiment(text), CATALOG)

    (problem,) = caught.value.problems
    assert text.splitlines()[problem.line - 1].strip().startswith("- {name: f")


def test_panels_take_stage_lines_and_filter_of_their_own():
    search = "{metric: search_val_error, stage: search, lines: [weighting], filter: {}}"
    figure = f"{{name: f, stage: train, lines: [weighting, p], filter: {{p: 1}}, panels: [test_error, {search}]}}"
    (spec,) = plan(with_figure(figure)).figures
    train, search = spec.panels

    assert (train.stage, train.lines, train.filter) == ("train", ["weighting", "p"], {"p": 1})
    assert (search.stage, search.lines, search.filter) == ("search", ["weighting"], {})
