"""Which trials have to be done for each cell of an experiment's tables."""

import pytest
from plans import chain, plan

from orchestrator.tables.wanted import wanted


def named(text: str) -> dict[str, list[str]]:
    """Return the cells of an experiment, with the labels of their trials."""
    planned = plan(text)
    labels = {trial.trial_id: f"{trial.stage} {trial.label}" for trial in planned.trials}
    return {cell.name: [labels[trial] for trial in cell.trials] for cell in wanted(planned)}


def test_a_cell_wants_the_seeds_of_its_line_in_each_setting_that_stands_beside_another():
    tables = (
        "tables:\n"
        "  - {name: t, stage: train, rows: [weighting], columns: [p, test_error], filter: {weighting: scalar}}\n"
        "  - {name: again, stage: train, rows: [weighting, p], columns: [test_error]}\n"
        "  - {name: searches, stage: search, rows: [weighting], columns: [params]}\n"
    )

    cells = named(chain() + tables)

    assert [*cells] == [
        "t: weighting=scalar, p=1",
        "t: weighting=scalar, p=2",
        "again: weighting=max_w, p=1",
        "again: weighting=max_w, p=2",
        "searches: weighting=scalar",
        "searches: weighting=max_w",
    ]
    assert [len(trials) for trials in cells.values()] == [6, 6, 6, 6, 3, 3]
    assert [label for label in cells["t: weighting=scalar, p=1"] if "p=2" in label] == []
    assert len(set(cells["t: weighting=scalar, p=1"])) == 6


def test_a_line_that_is_written_out_wants_its_own_trials():
    lines = (
        "tables:\n"
        "  - name: t\n"
        "    stage: train\n"
        "    lines: [{label: ours, filter: {weighting: max_w, p: 1}}, {label: searched, stage: search,\n"
        "      filter: {weighting: scalar}}]\n"
        "    columns: [params]\n"
    )

    cells = named(chain() + lines)

    assert {name: len(trials) for name, trials in cells.items()} == {"t: ours": 6, "t: searched": 3}


def test_lines_of_one_name_are_told_apart_by_what_they_are_of():
    lines = (
        "tables:\n"
        "  - name: t\n"
        "    stage: train\n"
        "    lines:\n"
        "      - {label: ours, block: one, filter: {weighting: scalar, p: 1}}\n"
        "      - {label: ours, block: two, filter: {weighting: scalar, p: 2}}\n"
        "    columns: [params]\n"
    )

    cells = wanted(plan(chain() + lines))

    told = [f"t: ours, stage=train, weighting=scalar, p={p}" for p in (1, 2)]
    assert [cell.name for cell in cells] == told


def test_where_nobody_asks_for_a_table_axes_of_one_name_are_told_apart_by_their_stages():
    cells = wanted(plan(chain().replace("weighting: [scalar, max_w]", "p: [1, 2]")))

    assert [cell.name for cell in cells] == [
        f"train: train.p={own}, search.p={above}" for above in (1, 2) for own in (1, 2)
    ]


@pytest.mark.parametrize("needs", ["search", "{stage: search, best: search_val_error, over: seed}"])
def test_where_nobody_asks_for_a_table_seeds_make_up_a_cell(needs):
    cells = named(chain(needs))

    assert {trials[0].partition(" ")[0] for trials in cells.values()} == {"train"}
    assert all(len({label.partition("p=")[2][0] for label in trials}) == 1 for trials in cells.values())
    assert sorted(cells)[:1][0].startswith("train: ")
