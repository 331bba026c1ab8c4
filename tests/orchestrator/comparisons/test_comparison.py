"""Which runs are set against which: by seed, and counting what was drawn independently."""

from dataclasses import replace

import pytest
from packaged_tables import made_up
from plans import plan
from table_worlds import FakeTable, make_world

from orchestrator.comparisons.comparison import compare
from orchestrator.comparisons.permutation import runs_to_settle
from orchestrator.comparisons.words import conclusions, grid, paragraph, sentences
from orchestrator.document.spec import ColumnSpec, Line, TableSpec
from orchestrator.errors import TableError
from orchestrator.tables.table import build


def compared(world, **asked):
    table = build(world.plan, world.rows, FakeTable(columns=["test_error_best"], **asked))
    return compare(world.plan, table)


def joined(first, second):
    plan = replace(first.plan, trials=(*first.plan.trials, *second.plan.trials))
    return replace(first, plan=plan, rows={**first.rows, **second.rows})


def only(found):
    (one,) = found.comparisons
    return one


def test_three_searches_of_three_trainings_are_three_runs_and_each_is_the_mean_of_its_trainings():
    world = make_world(search_seeds=(0, 1, 2), ps=(1,))
    one = only(compared(world, rows=["weighting"]))

    assert (one.first.label, one.second.label) == ("scalar", "max_w")
    assert (one.first.stage, one.first.measured, one.seeds) == ("search", "train", ("0", "1", "2"))
    assert list(one.first.runs.values()) == pytest.approx([6.15, 6.16, 6.17])
    assert [len(trials) for trials in one.first.trials.values()] == [3, 3, 3]
    assert one.verdict.n == (3, 3)
    assert one.verdict.difference == pytest.approx(-1)


def test_it_is_said_how_much_searches_vary_and_how_much_trainings_of_one_search():
    said = sentences(compared(make_world(search_seeds=(0, 40), ps=(1,)), rows=["weighting"]))[1]

    assert "each the mean of 3 trainings (standard deviations: 0.28 % between searches, 0.05 % within one)" in said


def test_one_training_of_each_search_is_no_mean():
    said = sentences(compared(make_world(search_seeds=(0, 1), ps=(1,), seeds=(0,)), rows=["weighting"]))[1]

    assert said.endswith(" %, of one training each")


DIAGNOSED = """\
experiment: x
stages:
  s:
    trainable: search
    config: {dataset: cifar10-mini, space: nas_bench_201}
    grid: {weighting: [scalar, max_w], seed: [0, 1]}
  d: {trainable: diagnose, needs: s, config: {weights: "${s.weights}"}, grid: {seed: [0, 1]}}
"""


def test_trials_are_called_after_their_kind_whatever_their_stage_is_called():
    world = plan(DIAGNOSED)
    table = FakeTable(stage="d", rows=("weighting",), columns=("kendall_tau",))
    said = "\n".join(sentences(compare(world, build(world, made_up(world), table))))

    assert "scalar: 2 searches" in said
    assert "each the mean of 2 diagnoses" in said


def test_a_mean_of_whole_numbers_keeps_its_decimal_and_is_not_rounded_to_one_of_them():
    world = plan(DIAGNOSED)
    skips = {("scalar", 0): 3, ("scalar", 1): 0, ("max_w", 0): 0, ("max_w", 1): 0}
    rows = made_up(world)
    for trial in world.of_stage("s"):
        row, found = rows[trial.trial_id], skips[trial.spec.config.get("weighting", "scalar"), trial.spec.seed]
        rows[trial.trial_id] = replace(row, metrics={**row.metrics, "skips": found})
    table = build(world, rows, FakeTable(stage="s", rows=("weighting",), columns=("skips",)))
    found = compare(world, table)
    said = sentences(found)

    assert said[1].endswith("2 searches, mean 1.5")
    assert said[2].endswith("2 searches, mean 0.0")
    assert said[3].startswith("max_w against scalar: −1.5 (mean of 2 pairs, by seed)")
    assert [entry.text for entry in grid(found).lines[0]][1] == "−1.5"
    assert "max_w was 1.5 below scalar" in paragraph(found)


def test_where_one_search_was_made_its_trainings_are_the_runs_and_it_is_said_that_nothing_holds_for_others():
    found = compared(make_world(ps=(1,)), rows=["weighting"])

    assert only(found).first.stage == "train"
    assert only(found).first.fixed == ("search",)
    assert any("says nothing of other searches" in line for line in sentences(found))


def test_a_run_of_which_a_training_failed_is_left_out_of_both_arms_and_that_is_said():
    world = make_world(search_seeds=(0, 1, 2), ps=(1,))
    world.fail(world.find("train", search_weighting="max_w", search_seed=1, seed=2))
    found = compared(world, rows=["weighting"])

    assert only(found).seeds == ("0", "2")
    assert only(found).second.missing == ("1",)
    assert any("seed 1 left out, of which not all is done" in line for line in sentences(found))


def test_what_differs_in_every_pair_is_decided_by_six_searches_and_not_by_five():
    verdicts = {n: only(compared(make_world(search_seeds=range(n), ps=(1,)), rows=["weighting"])) for n in (5, 6)}

    assert (verdicts[5].decided, verdicts[6].decided) == (False, True)
    assert verdicts[5].verdict.p == 0.0625


def test_all_lines_are_compared_with_each_other_and_the_level_is_shared():
    found = compared(make_world(search_seeds=range(6)))

    assert len(found.comparisons) == 6
    assert {one.adjusted for one in found.comparisons} == {6 * 2 / 64}
    assert not any(one.decided for one in found.comparisons)
    assert "among 6 comparisons" in "\n".join(sentences(found))


def test_what_would_settle_a_difference_is_counted_at_the_level_that_all_comparisons_leave_it():
    world = make_world(ps=(1, 2))
    noisy = world.find("train", search_weighting="max_w", p=1, seed=0)
    world.change(noisy, metrics={**world.rows[noisy.trial_id].metrics, "test_error_best": 5.7})
    (first, *_) = [one for one in compared(world).comparisons if one.second.label == "max_w p=1"]
    assert first.needed == runs_to_settle(first.verdict, alpha=0.05 / 6) != runs_to_settle(first.verdict)


def test_a_baseline_is_what_the_others_are_held_against():
    found = compared(make_world(search_seeds=range(6)), baseline={"weighting": "scalar"})

    pairs = [(one.first.label, one.second.label) for one in found.comparisons]
    assert pairs == [("scalar p=1", "max_w p=1"), ("scalar p=2", "max_w p=2")]


def test_settings_side_by_side_are_arms_too():
    table = {"rows": ["weighting"], "columns": ["test_error_best", "p"]}
    world = make_world(search_seeds=range(6), weightings=("scalar",))
    built = build(world.plan, world.rows, FakeTable(**table))

    one = only(compare(world.plan, built))
    assert (one.first.label, one.second.label) == ("scalar p=1", "scalar p=2")
    assert one.verdict.difference == pytest.approx(0.1)


def test_arms_without_a_common_seed_are_not_paired_and_that_is_said():
    world = make_world(search_seeds=range(3), ps=(1,))
    built = build(world.plan, world.rows, FakeTable(columns=["test_error_best"], rows=["weighting", "search.seed"]))
    found = compare(world.plan, built)

    assert {one.first.stage for one in found.comparisons} == {"train"}
    assert {one.unpaired for one in found.comparisons} == {""}  # trainings share their seeds, whatever was searched

    early = make_world(search_seeds=(0, 1), ps=(1,), weightings=("scalar",))
    late = make_world(search_seeds=(7, 8), ps=(1,), weightings=("max_w",))
    found = compared(joined(early, late), rows=["weighting"])
    assert only(found).unpaired == "they have no seed in common"
    assert only(found).verdict.smallest_p == pytest.approx(2 / 6)
    assert "not paired: they have no seed in common" in "\n".join(sentences(found))


def test_an_arm_without_a_search_is_not_paired_with_one_that_was_searched_and_that_is_said():
    world = make_world(search_seeds=range(3), ps=(1,), weightings=("scalar",))
    alone = [replace(trial, ancestors={}, stage="handmade") for trial in world.plan.trials if trial.stage == "train"]
    alone = [replace(trial, coordinates={"handmade.seed": place}) for place, trial in enumerate(alone)]
    alone = [replace(trial, spec=replace(trial.spec, seed=place, parents=())) for place, trial in enumerate(alone)]
    plan = replace(world.plan, stages=("search", "train", "handmade"), trials=(*world.plan.trials, *alone))
    rows = {trial.trial_id: replace(next(iter(world.rows.values())), trial_id=trial.trial_id) for trial in alone}
    metrics = {"test_error_best": 5.0}
    rows = {trial_id: replace(row, metrics=metrics, parents={}) for trial_id, row in rows.items()}
    lines = [Line(label="Scalar", stage="train"), Line(label="Handmade", stage="handmade")]
    spec = TableSpec(name="t", lines=lines, columns=[ColumnSpec(metric="test_error_best")])
    found = compare(plan, build(plan, {**world.rows, **rows}, spec))
    one = only(found)

    assert one.unpaired == "Handmade has no search"
    assert one.verdict.n == (3, 9)
    assert conclusions(found)[0].startswith("Handmade against Scalar: −1.16 % (9 and 3 runs, not paired: ")
    assert "Handmade was 1.16 % below Scalar (9 against 3 runs, not paired, " in paragraph(found)
    assert [entry.text for entry in grid(found).lines[0]][2] == "9, 3"


def test_before_anything_is_done_nothing_is_claimed():
    world = make_world(ps=(1,))
    built = build(world.plan, {}, FakeTable(columns=["test_error_best"], rows=["weighting"]))
    found = compare(world.plan, built)

    assert only(found).verdict is None
    assert any("nothing to compare yet" in line for line in sentences(found))


@pytest.mark.parametrize(
    ("asked", "metric", "sentence"),
    [
        ({"rows": []}, None, "two lines"),
        ({}, "test_eror", "has no column 'test_eror'; it has test_error_best"),
        ({"columns": ["params"]}, None, "no column of errors; name one: params"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(asked, metric, sentence):
    world = make_world(ps=(1,), weightings=("scalar",)) if "rows" in asked else make_world()
    built = build(world.plan, world.rows, FakeTable(**{"columns": ["test_error_best"], **asked}))

    with pytest.raises(TableError, match=sentence):
        compare(world.plan, built, metric)


def test_runs_that_only_one_of_two_paired_arms_has_are_left_out_and_named():
    early = make_world(search_seeds=(0, 1, 2), ps=(1,), weightings=("scalar",))
    late = make_world(search_seeds=(1, 2, 3, 4), ps=(1,), weightings=("max_w",))
    found = compared(joined(early, late), rows=["weighting"])

    assert (only(found).seeds, only(found).single) == (("1", "2"), ("0", "3", "4"))
    assert "seeds 0, 3, 4 in one of them only, left out" in "\n".join(sentences(found))


def test_six_pairs_among_two_comparisons_can_be_decided_once_the_other_one_is():
    """Holm's method: the smaller of two is doubled, the larger is not."""
    world = make_world(search_seeds=range(6), ps=(1, 2))
    noisy = world.find("train", search_weighting="scalar", p=2, search_seed=0, seed=0)
    world.change(noisy, metrics={**world.rows[noisy.trial_id].metrics, "test_error_best": 0.0})
    both = compared(world, rows=["weighting", "p"], baseline={"weighting": "scalar"}).comparisons

    assert [one.decided for one in both] == [False, False]
    assert [one.best_adjusted for one in both] == [2 * 2 / 64, 2 * 2 / 64]
    assert [one.fewest for one in both] == [7, 7]
    three = compared(make_world(search_seeds=range(6), ps=(1,)), rows=["weighting"])
    assert (only(three).best_adjusted, only(three).fewest) == (2 / 64, 6)


def pooled(table):
    """Return a table of which each two lines are one, as a table that pools over a setting has them."""

    def merged(first, second):
        cells = {
            name: replace(cell, evidence=(*cell.evidence, *second.cells[name].evidence))
            for name, cell in first.cells.items()
        }
        return replace(first, cells=cells)

    rows = table.rows
    return replace(table, rows=tuple(merged(*rows[place : place + 2]) for place in range(0, len(rows), 2)))


def test_a_line_that_pools_over_a_setting_of_searches_has_a_run_for_each_of_its_values_and_seeds():
    world = make_world(search_seeds=(0, 1, 2, 3), ps=(1,))
    for trial in world.plan.trials:
        seed = trial.coordinates["search.seed"]
        trial.coordinates.update({"search.space": "ab"[seed // 2], "search.seed": seed % 2})
    built = build(world.plan, world.rows, FakeTable(columns=["test_error_best"], rows=["weighting", "space"]))
    one = only(compare(world.plan, pooled(built)))

    assert one.seeds == ("space=a 0", "space=a 1", "space=b 0", "space=b 1")
    assert one.verdict.n == (4, 4)
    assert one.first.runs_per_seed == 2


def test_an_arm_that_was_drawn_at_random_gives_the_others_a_relative_improvement():
    """Source: arXiv:1912.12522, 100·(Acc − Acc of random)/Acc of random; here 94.85 and 93.85 % right."""
    world = make_world(search_seeds=range(2), ps=(1,))
    for trial in world.plan.trials:
        trial.config["strategy"] = "random" if trial.coordinates["search.weighting"] == "scalar" else "gradient"
    found = compared(world, rows=["weighting"])

    assert only(found).relative_improvement == pytest.approx(100 * (94.845 - 93.845) / 93.845)
    assert any("relative improvement +1.07 % over the random scalar" in line for line in sentences(found))
    assert only(compared(make_world(ps=(1,)), rows=["weighting"])).relative_improvement is None


@pytest.mark.parametrize(("metric", "said"), [("benchmark_cifar10", True), ("benchmark_regret_cifar10", False)])
def test_of_accuracies_the_relative_improvement_is_of_these_and_of_regrets_there_is_none(metric, said):
    world = make_world(search_seeds=range(2), ps=(1,))
    for trial in world.plan.of_stage("train"):
        drawn = trial.coordinates["search.weighting"] == "scalar"
        trial.config["strategy"] = "random" if drawn else "gradient"
        world.change(trial, metrics={metric: 80.0 if drawn else 90.0})
    table = build(world.plan, world.rows, FakeTable(columns=[metric], rows=["weighting"]))
    words = sentences(compare(world.plan, table))

    assert any("relative improvement +12.50 % over the random scalar" in line for line in words) == said
    assert any("relative improvement" in line for line in words) == said


def test_lines_that_share_trials_are_not_compared_with_each_other():
    world = make_world(search_seeds=range(3), ps=(1,))
    lines = [Line(label=label, stage="train", filter={"weighting": "max_w"}) for label in ("Max-W", "the same")]
    spec = TableSpec(name="t", lines=lines, columns=[ColumnSpec(metric="test_error_best")])

    with pytest.raises(TableError, match="nothing to compare"):
        compare(world.plan, build(world.plan, world.rows, spec))
