"""Figures of real plans: what is drawn, from which trials, and before anything has run."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.figures.curves import ALIKE, Figure, build_figure
from orchestrator.figures.files import draw_figure
from orchestrator.planning.plan import Plan, expand
from trainables.architecture.genotype import ARCHITECTURES, describe
from trainables.catalog import CATALOG
from trainables.optimization.schedules import cosine_power
from trainables.trial import TrialRow

EXPERIMENT = """\
experiment: powers
stages:
  train:
    trainable: train
    config: {genotype: DARTS_V2, dataset: cifar10-mini, epochs: 4, warmup_epochs: 1}
    grid: {p: [1, 2], seed: [0, 1, 2]}
figures:
  - name: powers
    title: Powers
    stage: train
    lines: [p]
    panels: [test_error, {metric: learning_rate, log: true, title: rate}]
"""


FOUND_TWICE = """\
experiment: found_twice
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini}
    grid: {seed: [0, 1, 2]}
  train:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}"}
    grid: {seed: [0]}
figures:
  - {name: errors, stage: train, panels: [test_error]}
"""


def plan_of(text: str = EXPERIMENT) -> Plan:
    return expand(parse_experiment(text, file="e.yaml"), CATALOG)


def rows_of(plan: Plan) -> dict[str, TrialRow]:
    return {
        trial.trial_id: TrialRow(
            trial_id=trial.trial_id, spec=trial.spec, config={}, state="done", metrics={}, artifacts={}
        )
        for trial in plan.trials
    }


def epochs_of(row: TrialRow) -> list[dict]:
    p = row.spec.config.get("p", 2)
    return [{"epoch": epoch, "test_error": 90 - 10 * epoch + p + row.spec.seed**2} for epoch in (1, 2, 3, 4)]


def figure_of(plan: Plan, rows: dict[str, TrialRow], epochs=epochs_of) -> Figure:
    (spec,) = plan.figures
    return build_figure(plan, rows, spec, epochs)


def test_a_line_is_the_median_of_its_seeds_and_a_band_their_range():
    plan = plan_of()
    errors, _ = figure_of(plan, rows_of(plan)).panels

    assert [curve.label for curve in errors.curves] == ["p=1", "p=2"]
    first = errors.curves[0]
    assert (first.epochs, first.median) == ((1, 2, 3, 4), (82, 72, 62, 52))
    assert (first.low[0], first.high[0]) == (81, 85)
    assert first.trials == tuple(trial.trial_id for trial in plan.trials[:3])


@pytest.mark.parametrize("adopted", [True, False])
def test_trials_that_are_alike_count_once_in_a_line_whether_each_worked_or_not(adopted):
    """Two of three searches found the same, and each was trained."""
    plan = plan_of(FOUND_TWICE)
    rows, trained = rows_of(plan), [*plan.of_stage("train")]
    for trial, name in zip(trained, ("DARTS_V2", "DARTS_V1", "DARTS_V2"), strict=True):
        config = {**trial.spec.config, "genotype": describe(ARCHITECTURES[name], "ssc")}
        twin = {"adopted_from": trained[0].trial_id} if adopted and trial is trained[2] else {}
        rows[trial.trial_id] = replace(rows[trial.trial_id], config=config, metrics={"test_error": 5}, provenance=twin)
    errors = {each.trial_id: error for each, error in zip(trained, (1, 9, 1), strict=True)}

    figure = figure_of(plan, rows, lambda row: [{"epoch": 1, "test_error": errors[row.trial_id]}])

    (curve,) = figure.panels[0].curves
    assert (curve.median, curve.trials, curve.expected) == ((5,), (trained[0].trial_id, trained[1].trial_id), 3)
    assert figure.notes == (ALIKE,)


def test_learning_rates_are_drawn_before_anything_has_run():
    errors, rates = figure_of(plan_of(), {}).panels

    assert [(curve.epochs, curve.trials, curve.expected) for curve in errors.curves] == [((), (), 3)] * 2
    expected = tuple(
        cosine_power(epoch, epochs=4, learning_rate=0.025, learning_rate_min=1e-8, p=2, warmup_epochs=1)
        for epoch in (1, 2, 3, 4)
    )
    assert rates.curves[1].median == rates.curves[1].low == expected


def test_a_failed_trial_is_left_out_and_counted():
    plan = plan_of()
    rows = rows_of(plan)
    failed = plan.trials[0].trial_id
    rows[failed] = TrialRow(
        trial_id=failed, spec=plan.trials[0].spec, config={}, state="failed", metrics={}, artifacts={}, error="no"
    )

    figure = figure_of(plan, rows)

    assert len(figure.panels[0].curves[0].trials) == 2
    assert b"p=1 (n=2/3)" in draw_figure(figure, "svg")


def test_a_run_without_the_curve_is_left_out_and_said_and_the_rest_is_drawn():
    plan = plan_of()
    odd = plan.trials[0]
    figure = figure_of(plan, rows_of(plan), lambda row: [] if row.trial_id == odd.trial_id else epochs_of(row))

    assert [len(curve.trials) for curve in figure.panels[0].curves] == [2, 3]
    assert figure.notes == (f"trial {odd.trial_id} ({odd.label}) has no test_error, and is left out of its panel",)


def test_a_curve_begins_where_its_numbers_do():
    plan = plan_of()
    late = figure_of(plan, rows_of(plan), lambda row: [{"epoch": 1, "test_error": None}, *epochs_of(row)[1:]])

    assert late.panels[0].curves[0].epochs == (2, 3, 4)
    assert not late.notes


SEARCHES = """\
experiment: drift
stages:
  search: {trainable: search, config: {dataset: cifar10-mini, space: darts}, grid: {seed: [0, 1]}}
figures:
  - {name: drift, stage: search, panels: [skips]}
"""


def test_the_words_of_a_picture_keep_the_half_of_a_median_of_whole_numbers():
    plan = plan_of(SEARCHES)

    def epochs(row: TrialRow) -> list[dict]:
        return [{"epoch": epoch, "skips": row.spec.seed * (epoch + 2)} for epoch in (1, 2)]

    (skips,) = figure_of(plan, rows_of(plan), epochs).panels

    assert skips.words() == "1.5 at epoch 1, 2.0 at epoch 2, median of 2 runs"


def test_the_same_figure_is_the_same_file_with_its_words_in_it():
    plan = plan_of()
    figure = figure_of(plan, rows_of(plan))

    drawn = draw_figure(figure, "svg")

    assert drawn == draw_figure(figure, "svg")
    words = "".join(ET.fromstring(drawn).itertext())
    assert all(part in words for part in ("Powers", "test error (%)", "rate", "p=1 (n=3)", "epoch"))
    assert json.loads(json.dumps(figure.to_json()))["panels"][1]["log"] is True


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("panels: [test_error,", "panels: [test_eror,", "unknown curve 'test_eror'; did you mean 'test_error'?"),
        ("stage: train\n    lines", "stage: tran\n    lines", "unknown stage 'tran'; did you mean 'train'?"),
        ("    lines: [p]\n", "", "a line would mix p = 1, 2; put p into lines, or fix it by filter"),
        ("lines: [p]", "lines: [q]", "unknown key 'q'"),
        ("[test_error,", "[validation_error,", "a training measures 'validation_error' only where images are held out"),
        ("lines: [p]", "lines: [p]\n    filter: {p: 3}", "matches no trial of the plan"),
    ],
)
def test_mistakes_are_found_at_plan_time(old, new, message):
    assert EXPERIMENT.count(old) == 1
    with pytest.raises(SpecError) as caught:
        plan_of(EXPERIMENT.replace(old, new))

    assert message in str(caught.value.problems[0])
