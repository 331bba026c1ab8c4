"""The experiments that come with the package: each plans, says what it is, and has a small twin of the same shape."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from figure_rows import epochs_of, rows_of

from orchestrator.document.experiment import Experiment, load_experiment, packaged
from orchestrator.document.spec import ColumnSpec, Line, TableSpec
from orchestrator.figures.curves import build_figure
from orchestrator.figures.files import draw_figure
from orchestrator.figures.kinds import KINDS, build, default_figures
from orchestrator.paper.published import load_published
from orchestrator.planning.plan import Plan, expand
from trainables.catalog import CATALOG
from trainables.data.catalog import EMBEDDED
from trainables.optimization.schedules import SCHEDULE

NAMES = sorted(packaged())
TWINS = [name for name in NAMES if f"{name}_toy" in NAMES]
SMALL = {"quickstart", "cifar10_short", "weighting_bias", "nas_bench_201_small"}
"""Small themselves, or run by a benchmark of their own."""
TWINLESS = {"figure5"}
"""It draws learning rates, and needs no run."""
HEADER_WORDS = ("Reproduces:", "Protocol:", "Cost:")
TABLES = ("table2", "table3", "table4")


@cache
def experiment_of(name: str) -> Experiment:
    return load_experiment(name)


@cache
def plan_of(name: str) -> Plan:
    return expand(experiment_of(name), CATALOG)


@cache
def header_of(name: str) -> str:
    text = packaged()[name].read_text()
    return " ".join(line.removeprefix("#").strip() for line in text[: text.index("experiment:")].splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_plans_and_is_called_as_its_file(name):
    plan = plan_of(name)

    assert plan.experiment == name
    assert plan.trials
    assert plan.tables or plan.figures


def test_every_experiment_of_the_paper_has_a_twin_that_is_small():
    assert {name for name in NAMES if not name.endswith("_toy")} == {*TWINS, *TWINLESS, *SMALL}


@pytest.mark.parametrize("name", [*TWINS, *sorted(TWINLESS)])
def test_headers_say_what_comes_out_how_at_what_cost_and_where_the_data_is(name):
    header = header_of(name)

    assert [word for word in HEADER_WORDS if word not in header] == []
    assert "GPU" in header
    assert "sharptune data fetch" in header


@pytest.mark.parametrize("name", TWINS)
def test_headers_of_twins_say_whose_they_are_and_what_they_cost(name):
    assert f"{name}.yaml in miniature" in header_of(f"{name}_toy")
    assert "Cost:" in header_of(f"{name}_toy")


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_needs_no_gpu_and_no_download_and_is_tiny(name):
    trials = plan_of(f"{name}_toy").trials

    assert trials
    for trial in trials:
        config = trial.values[trial.stage]

        assert trial.resources.gpus == 0
        assert trial.resources.cpus == 1
        assert config["dataset"] in EMBEDDED
        if "epochs" in config and config.get("strategy") != "random":
            assert config["train_images"] <= 300
            assert config["epochs"] <= 4


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_has_the_same_stages_and_axes(name):
    full, toy = experiment_of(name).stages, experiment_of(f"{name}_toy").stages

    assert list(toy) == list(full)
    for stage in full:
        assert toy[stage].trainable == full[stage].trainable
        assert toy[stage].needs == full[stage].needs
        assert [axis_of(*each) for each in toy[stage].grid.items()] == [
            axis_of(*each) for each in full[stage].grid.items()
        ]


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_has_the_same_tables_and_figures(name):
    full, toy = experiment_of(name), experiment_of(f"{name}_toy")

    assert [shape_of(table) for table in toy.tables.values()] == [shape_of(table) for table in full.tables.values()]
    assert [
        (figure.name, figure.stage, figure.lines, [(panel.metric, panel.log) for panel in figure.panels])
        for figure in toy.figures.values()
    ] == [
        (figure.name, figure.stage, figure.lines, [(panel.metric, panel.log) for panel in figure.panels])
        for figure in full.figures.values()
    ]


def axis_of(name: str, values: Sequence[Any]) -> tuple[str, Any]:
    """Return an axis without what may be smaller in a twin: seeds, and the settings behind labels."""
    if name == "seed":
        return name, None
    return name, [value.get("label") if isinstance(value, Mapping) else value for value in values]


def shape_of(table: TableSpec) -> dict[str, Any]:
    return {
        "name": table.name,
        "stage": table.stage,
        "rows": table.rows,
        "columns": [column_of(column) for column in table.columns],
        "lines": [
            (line.label, line.stage, line.filter, line.paper, bool(line.block), line.bold) for line in table.lines
        ],
        "heading": table.heading,
        "details": table.details,
        "filter": table.filter,
        "baseline": table.baseline,
        "compare": table.compare,
        "bold": table.bold,
    }


def column_of(column: ColumnSpec) -> tuple[str, str | None]:
    """Return what a column shows; where a cluster counts the days of GPUs, a small machine counts those of CPUs."""
    return column.metric.replace("gpu_days", "cpu_days"), column.statistic


def lines_of(name: str) -> list[tuple[str, Line]]:
    """Return (published table, line) for every line of an experiment's tables that stands beside a published row."""
    tables = experiment_of(name).tables.values()
    return [(table.paper, line) for table in tables for line in table.lines if table.paper and line.paper]


@pytest.mark.parametrize("name", TABLES)
def test_every_published_row_is_made_by_an_experiment_or_only_quoted(name):
    rows = load_published().table(name).rows
    made = [row for row in rows if row.produced_by]

    assert made
    assert [row for row in rows if row.quoted] == [row for row in rows if row not in made]
    for row in made:
        lines = [line for table, line in lines_of(row.produced_by) if (table, line.paper) == (name, row.name)]
        assert any(line.stage for line in lines), row.name


@pytest.mark.parametrize("name", TABLES)
def test_a_papers_table_has_each_published_row_once_and_runs_only_what_is_not_quoted(name):
    (spec,) = [table for table in experiment_of(name).tables.values() if table.name == name]
    published = load_published().table(name)

    assert [line.paper for line in spec.lines] == [row.name for row in published.rows]
    assert {line.paper for line in spec.lines if not line.stage} == {row.name for row in published.rows if row.quoted}
    assert [line.bold for line in spec.lines] == [row.bold for row in published.rows]


def test_experiments_share_the_trials_that_they_have_in_common():
    """Figure 4's runs with p = 2 are Table 2's of the published cells, as are the scalar ones of the ablation of
    weightings, and the annealing powers hold both of its p."""
    names = ("table2", "figure4", "ablation_p", "ablation_weighting")
    ids = {name: {trial.trial_id for trial in plan_of(name).trials} for name in names}

    assert len(ids["figure4"] & ids["table2"]) == 3
    assert ids["figure4"] <= ids["ablation_p"]
    assert len(ids["ablation_weighting"] & ids["table2"]) == 6


@pytest.mark.parametrize("name", ["ablation_grid", "random_control", "table3"])
def test_whatever_searches_as_table_2_shares_its_search_of_sharpsepconvdarts(name):
    (search,) = [
        trial.trial_id
        for trial in plan_of("table2").of_stage("search")
        if trial.values["search"]["space"] == "darts_ssc"
    ]

    assert search in {trial.trial_id for trial in plan_of(name).of_stage("search")}


def test_the_orders_are_compared_as_darts_searches_and_trains():
    """arXiv:1806.09055, section 3 and its released code: cosine annealing without warm-up in both."""
    searches = [trial.effective["search"] for trial in plan_of("ablation_order").of_stage("search")]
    trainings = [trial.effective["train"] for trial in plan_of("ablation_order").of_stage("train")]

    assert len(searches) == 16
    for each in searches:
        assert (each["epochs"], each["batch_size"], each["channels"], each["layers"]) == (50, 64, 16, 8)
        assert (each["p"], each["warmup_epochs"], each["learning_rate"], each["learning_rate_min"]) == (
            1,
            0,
            0.025,
            1e-3,
        )
        assert (each["cutout"], each["autoaugment"]) == (0, False)
    assert len(trainings) == 24
    for each in trainings:
        assert (each["epochs"], each["batch_size"], each["channels"], each["layers"]) == (600, 96, 36, 20)
        assert (each["p"], each["warmup_epochs"], each["learning_rate"], each["learning_rate_min"]) == (1, 0, 0.025, 0)
        assert (each["cutout"], each["autoaugment"], each["drop_path"], each["auxiliary"]) == (16, False, 0.2, True)


def test_table_2_searches_and_trains_as_the_paper_says():
    """Caption of Table 2, section 3.3, and the released logs of the two searches."""
    plan = plan_of("table2")
    searches = [trial.effective["search"] for trial in plan.trials if trial.stage == "search"]
    trainings = [trial for trial in plan.trials if trial.stage != "search"]
    regimens = Counter(
        (trial.effective[trial.stage]["autoaugment"], trial.effective[trial.stage]["epochs"]) for trial in trainings
    )

    assert [(each["space"], each["batch_size"]) for each in searches] == [("darts_ssc", 64), ("sharpdarts", 32)]
    for each in searches:
        assert (each["epochs"], each["p"], each["warmup_epochs"], each["learning_rate_min"]) == (60, 1, 0, 1e-3)
        assert (each["cutout"], each["autoaugment"], each["order"], each["weighting"]) == (0, False, 1, "scalar")
    assert regimens == {(True, 2000): 15, (False, 1000): 27}
    for trial in trainings:
        each = trial.effective[trial.stage]
        assert (each["p"], each["learning_rate"], each["learning_rate_min"], each["cutout"]) == (2, 0.025, 1e-8, 16)
        assert each["operations"] == ("original" if trial.stage == "dagger" else "ssc")


def test_table_3_transfers_what_table_2_searched_for():
    plan = plan_of("table3")
    (search,) = [trial.trial_id for trial in plan.trials if trial.stage == "search"]
    (found,) = [trial for trial in plan.trials if trial.stage == "found"]

    assert search in {trial.trial_id for trial in plan_of("table2").trials}
    assert found.parents == (search,)
    assert found.values["found"]["dataset"] == "imagenet"


def test_the_schedules_of_figure_4_are_drawn_before_anything_has_run():
    plan = plan_of("figure4")
    figure = build_figure(plan, {}, plan.figures[0], lambda row: [])
    (errors, rates, gaps) = figure.panels

    assert [len(curve.trials) for curve in gaps.curves] == [0, 0]

    assert [len(curve.trials) for curve in errors.curves] == [0, 0]
    assert draw_figure(figure, "svg").count(b"nothing has run yet</text>") == 2
    assert rates.metric == SCHEDULE
    cosine, power = (curve.median for curve in rates.curves)
    assert cosine[5] == power[5] == 0.025
    assert cosine[-1] == pytest.approx(power[-1], abs=1e-6)
    assert all(low < high for low, high in zip(power[6:-1], cosine[6:-1], strict=True))


def test_figure_5_draws_both_schedules_of_table_3_on_two_scales_before_anything_has_run():
    plan = plan_of("figure5")
    figure = build_figure(plan, {}, plan.figures[0], lambda row: [])
    cosine, power = (curve.median for curve in figure.panels[0].curves)

    assert [panel.log for panel in figure.panels] == [False, True]
    assert [curve.median for curve in figure.panels[1].curves] == [cosine, power]
    assert len(cosine) == len(power) == 300
    assert cosine[:11] == power[:11]
    assert cosine[10] == 0.0875 == max(power)
    assert cosine[-1] == pytest.approx(power[-1], rel=0.01) == pytest.approx(0.00075, rel=0.01)
    assert all(low < high for low, high in zip(power[11:-1], cosine[11:-1], strict=True))
    assert {trial.trial_id for trial in plan.trials} & {trial.trial_id for trial in plan_of("table3").trials}


PAGE = Path(__file__).parents[2] / "docs" / "reproduce.md"


def test_the_page_on_reproducing_table_2_counts_the_trials_that_there_are():
    counted = dict(re.findall(r"^\| `(\w+)` +\| +(\d+) \|", PAGE.read_text(), flags=re.MULTILINE))

    assert {stage: int(count) for stage, count in counted.items()} == Counter(
        trial.stage for trial in plan_of("table2").trials
    )


def test_the_page_on_reproducing_table_2_names_only_experiments_that_there_are():
    text = PAGE.read_text()
    named = re.findall(r"^\$ sharptune (?:run|plan|table|status|figure) (\w+)", text, flags=re.MULTILINE)
    named += re.findall(r"^\| `(\w+)` +\|", text[text.index("## Other tables") :], flags=re.MULTILINE)

    assert named
    assert set(named) <= set(NAMES)


@pytest.mark.parametrize("name", [*(f"{name}_toy" for name in TWINS), *sorted({*SMALL, *TWINLESS})])
def test_every_kind_of_figure_that_an_experiment_allows_is_made_of_its_rows(name):
    plan = plan_of(name)
    rows = rows_of(plan)
    specs = [*plan.figures, *(spec for kind in KINDS for spec in default_figures(plan, kind))]
    figures = [figure for spec in specs for figure in build(plan, rows, spec, partial(epochs_of, epochs=4))]

    assert {"timeline", "cells"} <= {figure.kind for figure in figures}
    assert [figure.name for figure in figures if not figure.panels or figure.notes or figure.missing] == []
    assert all(figure.description().endswith(".") for figure in (figures[0], *figures))


@pytest.mark.parametrize("name", ["figure4_toy", "ablation_p_toy", "central_claim_toy"])
def test_figures_that_an_experiment_asks_for_are_drawn(name):
    plan = plan_of(name)
    figures = [each for spec in plan.figures for each in build(plan, rows_of(plan), spec, partial(epochs_of, epochs=4))]

    drawn = [draw_figure(figure, "svg", width="column") for figure in figures]

    assert [b"nothing has run yet" in each for each in drawn] == [False] * len(plan.figures)
