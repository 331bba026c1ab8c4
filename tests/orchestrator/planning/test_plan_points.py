"""The points of a grid: labelled axes, what is left out, what is added."""

import pytest
from plans import chain, mistakes, plan, stage


def test_labelled_axes_set_several_settings_together():
    body = "    grid:\n      size: [{label: small, channels: 4, layers: 3}, {channels: 8}]"
    small, unnamed = plan(stage(body)).trials

    assert (small.label, small.spec.config) == ("small", {"channels": 4, "layers": 3})
    assert (unnamed.label, unnamed.spec.config) == ("channels=8", {"channels": 8})
    assert small.coordinates == {"s.size": "small"}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ('"no\\u00a0break"', "; this one holds U+00A0 (no-break space)"),
        ('"zero\\u200bwidth"', "; this one holds U+200B (zero width space)"),
        ('"two\\nlines"', "; this one holds U+000A (a control character)"),
        ('" "', ""),
        ("1", ""),
    ],
)
def test_a_label_that_people_could_not_write_again_is_refused_by_the_characters_name(label, said):
    found = mistakes(stage(f"    grid:\n      size: [{{label: {label}, channels: 4}}]"))

    assert found == [f"a label must be text on one line, of characters that are seen{said}"]


EXCLUDED = """\
    grid: {{weighting: [scalar, max_w], p: [1, 2, 3], seed: [0, 1]}}
    exclude: [{condition}]
"""


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("{p: 1}", 8),
        ("{p: 1.0}", 8),
        ("{weighting: scalar, p: 1}", 10),
        ("{weighting: scalar, p: 1, seed: 1}", 11),
        ("{s.p: 2, batch_size: 64}", 8),  # a default counts
        ("{p: 1}, {p: 2, seed: 0}", 6),
        ("{weighting: scalar}, {p: 3}", 4),
    ],
)
def test_exclude_drops_the_points_that_match_wholly_typed_and_with_defaults(condition, left):
    assert len(plan(stage(EXCLUDED.format(condition=condition))).trials) == left


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("{weighting: scalar, p: 1}", 24 - 6),
        ("{search.seed: 0}", 24 - 8),
        ("{seed: 0}", 24 - 12),  # bare: the own stage first
        ("{dataset: cifar10-mini, p: 2}", 24 - 12),  # taken over from the parent
    ],
)
def test_exclude_reaches_ancestors_by_bare_and_by_qualified_keys(condition, left):
    made = plan(chain() + f"    exclude: [{condition}]\n")

    assert len(list(made.of_stage("train"))) == left


def test_excluded_points_need_not_fit_together():
    body = "    grid: {epochs: [3, 10], warmup_epochs: [0, 5]}\n    exclude: [{epochs: 3, warmup_epochs: 5}]"

    assert len(plan(stage(body)).trials) == 3


def test_include_adds_whole_points_also_off_the_axes():
    body = "    grid: {weighting: [scalar], seed: [0]}\n    include: [{weighting: max_w, seed: 5, p: 3}]"
    grid, added = plan(stage(body)).trials

    assert (added.spec.config, added.spec.seed) == ({"weighting": "max_w", "p": 3.0}, 5)
    assert grid.coordinates == {"s.weighting": "scalar", "s.seed": 0, "s.p": 2}


def test_include_alone_is_a_list_of_points():
    assert [trial.label for trial in plan(stage("    include: [{p: 1}, {p: 3}]")).trials] == ["p=1", "p=3"]


def test_include_can_be_meant_for_some_parents_only():
    made = plan(chain() + "    include: [{p: 3, seed: 0, weighting: max_w, search.seed: 1}]\n")
    (added,) = [trial for trial in made.of_stage("train") if made.value(trial, "p") == 3]

    assert added.coordinates["search.weighting"] == "max_w"
    assert added.coordinates["search.seed"] == 1


def test_include_names_choices_of_labelled_axes_by_label():
    body = "    grid:\n      size: [{label: a, channels: 4}, {label: b, channels: 8}]\n      p: [1]\n"
    made = plan(stage(body + "    include: [{size: b, p: 3}]"))

    assert made.trials[-1].spec.config == {"channels": 8, "p": 3.0}
