"""Each kind of figure holds what a plain computation from plan and rows says, and names the trials behind it."""

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
from figure_rows import epochs_of, rows_of
from hypothesis import given
from hypothesis import strategies as st
from plans import plan

from orchestrator.figures.alphas import edges_of
from orchestrator.figures.curves import time_between_improvements
from orchestrator.figures.figure import Figure
from orchestrator.figures.kinds import KINDS, build, default_figures
from orchestrator.figures.pareto import Point, with_front
from orchestrator.paper.published import load_published
from orchestrator.planning.plan import Plan
from orchestrator.tables.table import build as build_table
from trainables.architecture.spaces import look_up_space
from trainables.trial import TrialRow

TEXT = """\
experiment: chain
stages:
  search:
    trainable: search
    config: {dataset: cifar10-mini, space: darts_ssc, epochs: 30}
    grid: {weighting: [scalar, max_w], seed: [0]}
  train:
    trainable: train
    needs: search
    config: {genotype: "${search.genotype}", channels: 8}
    grid: {p: [1, 2], seed: [0, 1, 2]}
tables:
  - {name: errors, stage: train, rows: [weighting, p], columns: [params, test_error_best], paper: table2}
"""


@pytest.fixture(scope="module")
def chain() -> Plan:
    return plan(TEXT)


@pytest.fixture(scope="module")
def rows(chain: Plan) -> dict[str, TrialRow]:
    return rows_of(chain)


def drawn(chain: Plan, rows: dict[str, TrialRow], kind: str) -> tuple[Figure, ...]:
    (spec,) = default_figures(chain, kind)
    return build(chain, rows, spec, epochs_of)


def test_curves_of_several_stages_stand_side_by_side_each_with_its_own_lines(chain, rows):
    (figure,) = drawn(chain, rows, "curves")
    search, train = figure.panels

    assert (search.title, train.title) == ("search: search val error (%)", "train: test error (%)")
    assert [curve.label for curve in search.curves] == ["scalar", "max_w"]
    assert [curve.label for curve in train.curves] == ["scalar p=1", "scalar p=2", "max_w p=1", "max_w p=2"]
    assert [len(curve.singles) for curve in train.curves] == [3, 3, 3, 3]
    first = train.curves[0]
    values = [
        [single.values[9] for single in first.singles],
        [epochs_of(rows[t])[9]["test_error"] for t in first.trials],
    ]
    assert values[0] == values[1]
    assert sorted(values[0]) == [first.low[9], first.median[9], first.high[9]]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30))
def test_time_between_improvements_is_that_of_counting_epoch_by_epoch(values):
    found = time_between_improvements(dict(enumerate(values, start=1)))

    better = [e for e in range(1, len(values) + 1) if values[e - 1] < min(values[: e - 1], default=math.inf)]
    expected = {}
    for epoch in range(1, len(values) + 1):
        last = max(each for each in better if each <= epoch)
        following = min((each for each in better if each > epoch), default=len(values))
        if following > last:
            expected[epoch] = pytest.approx(100 * (following - last) / len(values))
    assert found == expected


def test_weights_of_an_edge_are_the_softmax_of_its_alphas_and_each_change_of_the_lead_is_marked(chain, rows):
    first, second = drawn(chain, rows, "alphas")
    search = chain.trials[0]
    primitives = look_up_space("darts_ssc").primitives

    assert (first.name, second.name) == tuple(f"alphas-{trial.trial_id}" for trial in chain.trials[:2])
    assert [panel.title for panel in first.panels[:3]] == ["normal k−2→0", "normal k−1→0", "normal k−2→1"]
    assert len(first.panels) == 28
    epochs = epochs_of(rows[search.trial_id])
    for panel, edge in zip(first.panels, [("alphas_normal", e) for e in range(14)], strict=False):
        leaders = []
        for place, epoch in enumerate(epochs):
            alphas = epoch[edge[0]][edge[1]]
            total = sum(map(math.exp, alphas))
            shown = [weight.values[place] for weight in panel.weights]
            assert shown == pytest.approx([math.exp(alpha) / total for alpha in alphas])
            leaders.append(max(zip(alphas[1:], primitives[1:], strict=True))[1])
        flips = [(e, leaders[e - 2], leaders[e - 1]) for e in range(2, 31) if leaders[e - 1] != leaders[e - 2]]
        assert [(flip.epoch, flip.before, flip.after) for flip in panel.flips] == flips
        assert panel.chosen == leaders[-1]
    assert any(panel.flips for panel in first.panels)


def test_alphas_of_a_path_are_drawn_layer_by_layer():
    paths = plan(
        TEXT.replace("space: darts_ssc", "space: multichannel")
        .replace(", channels: 8", ", network: multichannel, auxiliary: false, drop_path: 0")
        .replace(", paper: table2", "")
    )
    figure = drawn(paths, rows_of(paths), "alphas")[0]

    assert [panel.title for panel in figure.panels][:3] == ["block 0 layer 0", "block 0 layer 1", "block 1 layer 0"]
    assert all(sum(weight.values[0] for weight in panel.weights) == pytest.approx(1) for panel in figure.panels)
    assert [len(panel.weights) for panel in figure.panels] == [32] * 8


def test_alphas_of_nas_bench_201_are_drawn_edge_by_edge_and_none_may_lead():
    row = SimpleNamespace(config={"space": {"kind": "nas_bench_201", "primitives": ["none", "skip_connect"]}})
    none_leads, skip_leads = [[1.0, 0.0]] * 6, [[0.0, 1.0]] * 6

    panels = edges_of(row, [{"epoch": 1, "alphas": skip_leads}, {"epoch": 2, "alphas": none_leads}])

    assert [panel.title for panel in panels] == [f"node {edge}" for edge in ("0→1", "0→2", "1→2", "0→3", "1→3", "2→3")]
    assert {panel.words() for panel in panels} == {"none in the end; the lead changed at epoch 2: skip_connect to none"}
    assert edges_of(row, [{"epoch": 1, "alphas": none_leads[:5]}]) == []


def test_a_search_without_alphas_in_its_epochs_is_left_out_and_said(chain, rows):
    (spec,) = default_figures(chain, "alphas")
    figure, *others = build(
        chain, rows, spec, lambda row: [{"epoch": 1, "alphas_normal": [["x"]], "alphas_reduce": None}]
    )

    assert (figure.panels, others) == ((), [])
    assert len(figure.notes) == 2
    assert "has no alphas in its epochs" in figure.notes[0]


def test_architectures_found_twice_are_drawn_once_with_all_who_found_them(chain, rows):
    one, *others = drawn(chain, rows, "cells")

    assert others == []
    assert one.name == "cells"
    assert one.panels[0].trials == tuple(trial.trial_id for trial in chain.trials[:2])
    assert one.panels[0].to_json()["genotype"] == rows[chain.trials[0].trial_id].artifacts["genotype"]
    assert "normal cell" in one.description()


points = st.builds(
    lambda size, error: Point(label="", size=size, error=error, low=error, high=error, smallest=size, largest=size),
    st.integers(0, 5).map(float),
    st.integers(0, 5).map(float),
)


@given(st.lists(points, max_size=8))
def test_the_front_is_what_no_other_point_beats(given_points):
    def beaten(point: Point) -> bool:
        no_worse = [o for o in given_points if o.size <= point.size and o.error <= point.error]
        return any(o.size < point.size or o.error < point.error for o in no_worse)

    accuracies = [replace(point, error=100 - point.error) for point in given_points]

    assert [point.front for point in with_front(given_points)] == [not beaten(point) for point in given_points]
    assert [point.front for point in with_front(accuracies, rising=True)] == [not beaten(p) for p in given_points]


def test_points_are_medians_of_their_runs_and_published_ones_are_never_shown_as_measured(chain, rows):
    (figure,) = drawn(chain, rows, "pareto")
    panel = figure.panels[0]
    measured = [point for point in panel.points if not point.published]
    published = {point.label: point for point in panel.points if point.published}

    assert [point.label for point in measured] == ["scalar p=1", "scalar p=2", "max_w p=1", "max_w p=2"]
    for point in measured:
        errors = sorted(rows[trial].metrics["test_error_best"] for trial in point.trials)
        assert [point.low, point.error, point.high] == errors
    table = load_published().table("table2")
    both = [row for row in table.rows if table.number(row, "params") and table.number(row, "test_error_best")]
    assert set(published) == {row.name for row in both}
    assert (published["ENAS"].size, published["ENAS"].error) == (4.6e6, 2.89)
    assert (published["ProgressiveNAS"].low, published["ProgressiveNAS"].high) == pytest.approx((3.32, 3.50))
    assert not any(point.trials for point in published.values())


def test_dots_are_the_runs_of_the_tables_cells(chain, rows):
    (figure,) = drawn(chain, rows, "dots")
    table = build_table(chain, rows, chain.tables[0])
    (panel,) = figure.panels

    assert panel.column == "test_error_best"
    assert [strip.label for strip in panel.strips] == ["scalar p=1", "scalar p=2", "max_w p=1", "max_w p=2"]
    for strip, row in zip(panel.strips, table.rows, strict=True):
        cell = row.cells["test_error_best"]
        assert (strip.median, strip.low, strip.high) == (cell.median, cell.low, cell.high)
        assert strip.values == {one.trial_id: one.value for one in cell.evidence}


def test_what_ran_at_the_same_time_on_a_host_stands_in_lanes_of_its_own(chain, rows):
    (figure,) = drawn(chain, rows, "timeline")
    (panel,) = figure.panels

    assert {span.trial for span in panel.spans} == set(rows)
    for one, other in itertools.combinations(panel.spans, 2):
        if (one.host, one.lane) == (other.host, other.lane):
            assert one.end <= other.start or other.end <= one.start
    assert max(span.lane for span in panel.spans) == 1
    assert min(span.start for span in panel.spans) == 0
    assert {span.attempts for span in panel.spans} == {1, 2}


def test_a_row_that_does_not_say_when_it_ran_is_left_out_of_the_timeline_and_said(chain, rows):
    odd = chain.trials[3].trial_id
    (figure,) = drawn(chain, {**rows, odd: replace(rows[odd], timing={"started": "yesterday"})}, "timeline")

    assert len(figure.panels[0].spans) == len(rows) - 1
    assert odd in figure.notes[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_of_which_nothing_has_run_is_a_figure_that_says_so(chain, kind):
    (figure,) = drawn(chain, {}, kind)

    assert "runs are not in yet" in figure.missing
    assert figure.missing in figure.description().lower()


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_grid_is_a_figure_of_what_there_is_and_says_what_is_missing(chain, rows, kind):
    half = {trial.trial_id: rows[trial.trial_id] for trial in chain.trials[::2]}
    failed = next(trial.trial_id for trial in chain.trials if trial.stage == "train" and trial.trial_id in half)
    half[failed] = replace(half[failed], state="failed", metrics={}, artifacts={}, error="loss is nan")
    figures = drawn(chain, half, kind)

    assert all(figure.panels for figure in figures)
    assert "not in yet" in figures[0].missing
    assert ("1 failed" in figures[0].missing) == (kind in ("curves", "pareto", "dots"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_data_of_a_figure_are_in_its_csv_and_its_json(chain, rows, kind):
    figure = drawn(chain, rows, kind)[0]

    assert len(figure.to_csv().splitlines()) == 1 + sum(len(list(panel.lines())) for panel in figure.panels)
    assert figure.to_json()["kind"] == kind
    assert len(figure.to_json()["panels"]) == len(figure.panels) > 0
