"""What a plan refuses about spaces, architectures and networks, and what trials leave to their children."""

import json
import re

import pytest

from orchestrator.document.experiment import parse_experiment
from orchestrator.errors import SpecError
from orchestrator.planning.plan import Plan, expand
from trainables.architecture.published import PUBLISHED
from trainables.architecture.published_paths import PUBLISHED_PATHS
from trainables.architecture.spaces import SPACES
from trainables.catalog import CATALOG

OWN_CELLS = "{primitives: [none, sep_conv_3x3, skip_connect], operations: original}"
OWN_PATHS = "{kind: multichannel, scales: [4, 8], blocks: 2}"
HANDMADE = "genotype: MULTI_CHANNEL_HANDMADE_PATH, dataset: cifar10-mini"
BENCHED = "dataset: cifar10-mini, genotype: '|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|'"
OF_THE_BENCHMARK = "network: nas_bench_201, channels: 16"
OF_A_PATH = "auxiliary: false, drop_path: 0"


def plan(text: str, base=None) -> Plan:
    source = base / "experiment.yaml" if base else None
    return expand(parse_experiment(text, source=source), CATALOG)


def problems(text: str) -> list:
    with pytest.raises(SpecError) as caught:
        plan(text)
    return list(caught.value.problems)


def search(settings: str) -> str:
    """A stage of one search, which starts in line 3."""
    return f"experiment: x\nstages:\n  s:\n    trainable: search\n    config: {{dataset: cifar10-mini, {settings}}}\n"


def train(settings: str) -> str:
    return f"experiment: x\nstages:\n  t:\n    trainable: train\n    config: {{{settings}}}\n"


def chain(space: str, settings: str, key: str = "genotype") -> str:
    child = f"  t:\n    trainable: train\n    needs: s\n    config: {{genotype: '${{s.{key}}}', {settings}}}\n"
    return search(f"space: {space}") + child


@pytest.mark.parametrize(
    ("written", "hashed"),
    [
        ("sharpdarts", "sharpdarts"),
        (str(list(SPACES["sharpdarts"].primitives)), "sharpdarts"),
        ("[sep_conv_3x3, none]", {"kind": "cells", "operations": "ssc", "primitives": ["sep_conv_3x3", "none"]}),
        ("{kind: multichannel}", "multichannel"),
        ("{kind: nas_bench_201, cells_per_stage: 5}", "nas_bench_201"),
        ("{kind: multichannel, blocks: 3, layers: 3}", "multichannel_printed"),
    ],
)
def test_a_space_counts_by_what_is_in_it_and_by_its_name_if_it_has_one(written, hashed):
    (trial,) = plan(search(f"space: {written}")).trials

    assert trial.spec.config["space"] == hashed


def test_a_default_space_written_out_is_the_same_trial():
    written = str(list(SPACES["darts_ssc"].primitives))

    assert plan(search(f"space: {written}")).trials[0].trial_id == plan(search("seed: 0")).trials[0].trial_id


@pytest.mark.parametrize("name", ["mine.json", "mine.yaml"])
def test_a_space_may_stand_in_a_file(tmp_path, name):
    (tmp_path / name).write_text('["none", "sep_conv_3x3"]')
    (trial,) = plan(search(f"space: {name}"), base=tmp_path).trials

    assert trial.spec.config["space"]["primitives"] == ["none", "sep_conv_3x3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[none, sep_conv]", "mine.yaml: unknown primitive 'sep_conv'; did you mean 'sep_conv_"),
        ("- none\n- {", "mine.yaml:2: not YAML"),
        ("sharpdarts", "a file holds a list of primitives or a mapping, not a name"),
        ("", "a space is a name, a list of primitives or a mapping, got None"),
    ],
)
def test_a_file_without_a_space_is_refused_by_its_path(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)

    with pytest.raises(SpecError, match=message):
        plan(search("space: mine.yaml"), base=tmp_path)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("sharpdart", "unknown space 'sharpdart'; did you mean 'sharpdarts'?"),
        ("[none, sep_conv3x3]", "unknown primitive 'sep_conv3x3'; did you mean 'sep_conv_3x3'?"),
        ("[none]", "a space needs a primitive besides 'none'"),
        ("{primitives: [none, choke_conv_3x3], operations: original}", "unknown primitive 'choke_conv_3x3'"),
        ("{kind: multichannel, scale: [4]}", "unknown key of a space 'scale'; did you mean 'scales'?"),
        ("{kind: multichannel, scales: [4, 4]}", "scales must be different numbers of channels"),
        ("{kind: multichannel, primitives: [none, max_pool_3x3]}", "a path cannot lead through 'none'"),
        ("7", "a space is a name, a list of primitives or a mapping, got 7"),
    ],
)
def test_a_wrong_space_is_refused_with_its_line(written, message):
    (problem,) = problems(search(f"space: {written}"))

    assert problem.message.startswith(message)
    assert (problem.line, problem.path) == (5, "stages.s.config.space")


def test_each_space_of_an_axis_is_read_for_itself():
    grid = "    grid:\n      space:\n        - darts\n        - [none, pool]\n"
    (problem,) = problems(f"experiment: x\nstages:\n  s:\n    trainable: search\n{grid}")

    assert (problem.line, problem.path) == (8, "stages.s.grid.space[1]")


@pytest.mark.parametrize(
    ("space", "operations"),
    [("darts", "original"), ("sharper", "ssc"), (OWN_CELLS, "original"), ("[none, skip_connect]", "ssc")],
)
def test_children_take_over_the_operations_of_any_space(space, operations):
    child = plan(chain(space, "seed: 0")).trials[1]

    assert child.effective["t"]["operations"] == operations
    (problem,) = problems(chain(space, "operations: " + {"ssc": "original", "original": "ssc"}[operations]))
    assert f"conflicts with '{operations}'" in problem.message


@pytest.mark.parametrize("space", ["multichannel", OWN_PATHS])
def test_children_of_a_multichannelnet_are_made_of_sharp_sep_convs(space):
    child = plan(chain(space, f"network: multichannel, {OF_A_PATH}")).trials[1]

    assert child.effective["t"]["operations"] == "ssc"


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        (chain("multichannel", "seed: 0"), "network", "the genotype is a path, which takes network: multichannel or"),
        (chain(OWN_PATHS, "network: imagenet"), "network", "the genotype is a path"),
        (chain("darts", "network: multichannel"), "network", "the genotype is cells, which takes network: cifar or"),
        (chain(OWN_CELLS, f"network: multichannel_released, {OF_A_PATH}"), "network", "the genotype is cells"),
        (train(HANDMADE), "network", "the genotype is a path"),
        (train("genotype: DARTS, network: multichannel"), "network", "the genotype is cells"),
        (train(f"{HANDMADE}, network: multichannel, drop_path: 0"), "auxiliary", "say auxiliary: false"),
        (train(f"{HANDMADE}, network: multichannel, auxiliary: false"), "drop_path", "say drop_path: 0"),
        (train(f"{HANDMADE}, network: multichannel, {OF_A_PATH}, channels: 8"), "channels", "sizes of the path"),
        (train(f"{HANDMADE}, network: multichannel, {OF_A_PATH}, layers: 8"), "layers", "sizes of the path"),
        (
            train(f"{HANDMADE}, network: multichannel, {OF_A_PATH}, operations: original"),
            "genotype",
            "'ssc' operations",
        ),
        (train("genotype: DARTS, dataset: cifar10, network: imagenet"), "network", "224 × 224 pixels, .* 32 × 32"),
        (search("space: multichannel, channels: 8"), "channels", "sizes stand in its space"),
        (search("space: multichannel, layers: 4"), "layers", "sizes stand in its space"),
        (search(f"space: {OWN_PATHS}, prune_below: 0.2"), "prune_below", "all weights of a layer are 0.125 at first"),
        (search("space: sharpdarts, prune_below: 0.001"), "prune_below", "only a MultiChannelNet is pruned"),
        (search("space: nas_bench_201, layers: 9"), "layers", "counted in its space .cells_per_stage.; leave this out"),
        (search("space: nas_bench_201, prune_below: 0.1"), "prune_below", "only a MultiChannelNet is pruned"),
        (chain("nas_bench_201", "seed: 0"), "network", "a cell of NAS-Bench-201, which takes network: nas_bench_201$"),
        (chain("darts", "network: nas_bench_201"), "network", "the genotype is cells, which takes network: cifar or"),
        (train(f"{BENCHED}, network: cifar"), "network", "takes network: nas_bench_201"),
        (train(f"{BENCHED}, {OF_THE_BENCHMARK}, layers: 20, {OF_A_PATH}"), "layers", "20 in all is no multiple of 3"),
        (train(f"{BENCHED}, {OF_THE_BENCHMARK}, layers: 15, drop_path: 0"), "auxiliary", "say auxiliary: false"),
        (train(f"{BENCHED}, {OF_THE_BENCHMARK}, layers: 15, auxiliary: false"), "drop_path", "say drop_path: 0"),
        (
            train(f"{BENCHED}, {OF_THE_BENCHMARK}, layers: 15, {OF_A_PATH}, operations: original"),
            "operations",
            "are built in one way; leave this out",
        ),
        (search("params_min: 5"), "params_min", "only random architectures"),
        (search("params_max: 5"), "params_max", "only random architectures"),
        (search("strategy: random, params_min: 5, params_max: 4"), "params_min", "not be more than params_max, .* 4"),
        (search("strategy: random, weighting: max_w"), "weighting", "a random architecture has no alphas"),
        (search("strategy: random, order: 2"), "order", "a random architecture has no alphas"),
        (search("strategy: random, space: multichannel, prune_below: 0.001"), "prune_below", "has no alphas"),
        (search("strategy: random, precision: bf16"), "precision", "a random architecture has no alphas"),
        (search("order: 2, precision: bf16"), "precision", "drowns in the rounding; say fp32 or tf32, or order: 1"),
        (search("order: 2, precision: fp16, space: multichannel"), "precision", "drowns in the rounding"),
        (search("alpha_start_epoch: 51"), "alpha_start_epoch", "would never move: there are 50 epochs"),
    ],
)
def test_settings_that_do_not_go_together_are_refused_by_name(text, field, message):
    (problem,) = problems(text)

    assert problem.path.endswith(f".{field}")
    assert re.search(message, problem.message)
    assert "\n" not in problem.message


@pytest.mark.parametrize(
    "text",
    [
        search("space: multichannel, prune_below: 0.0009765625, weighting: max_w, order: 2"),
        search("space: multichannel, channels: 16, layers: 8"),
        search("strategy: random, params_min: 3000000, params_max: 4000000, epochs: 2, warmup_epochs: 0, channels: 4"),
        search("strategy: random, space: multichannel_printed"),
        search("alpha_start_epoch: 50"),
        search("order: 2, precision: tf32"),
        search("precision: fp16, activation_checkpointing: true"),
        train(f"{HANDMADE}, network: multichannel_released, {OF_A_PATH}"),
        train("genotype: DARTS, dataset: cifar10"),
        chain("multichannel", f"network: multichannel_released, {OF_A_PATH}", key="genotype_top_down"),
        chain("darts", "seed: 0", key="genotype_with_none"),
        chain("nas_bench_201", f"{OF_THE_BENCHMARK}, layers: 15, {OF_A_PATH}"),
        train(f"{BENCHED}, {OF_THE_BENCHMARK}, layers: 3, {OF_A_PATH}"),
        search("space: {kind: nas_bench_201, cells_per_stage: 1}, channels: 8, weighting: max_w, order: 2"),
        search("space: nas_bench_201, strategy: random, params_min: 100000"),
    ],
)
def test_settings_that_go_together_are_planned(text):
    assert plan(text).trials


@pytest.mark.parametrize(
    ("space", "key", "found"),
    [
        ("darts", "genotype_top_down", "a search that ends in cells .* only genotype and genotype_with_none"),
        ("multichannel", "genotype_with_none", "ends in a path .* only genotype and genotype_top_down and"),
        (
            "darts, strategy: random",
            "genotype_with_none",
            "a random choice finds no 'genotype_with_none', only genotype",
        ),
    ],
)
def test_what_a_parent_will_not_find_cannot_be_referred_to(space, key, found):
    network = f"network: multichannel, {OF_A_PATH}" if space == "multichannel" else "seed: 0"
    (problem,) = problems(chain(space, network, key=key))

    assert problem.path == "stages.t.config.genotype"
    assert re.search(found, problem.message)


def test_the_best_of_cells_and_paths_cannot_be_trained():
    text = (
        "experiment: x\nstages:\n  s:\n    trainable: search\n    grid: {space: [sharper, multichannel]}\n"
        "  t:\n    trainable: train\n    needs: {stage: s, over: space, best: search_val_error_best}\n"
        "    config: {genotype: '${s.genotype}'}\n"
    )

    assert [problem.message for problem in problems(text)] == [
        "the candidates differ in kind of genotype, so it cannot be taken over from them"
    ]


@pytest.mark.parametrize("written", ["MULTI_CHANNEL_HANDMADE_PATH", "HANDMADE", "path.json"])
def test_a_path_counts_by_its_steps_whatever_it_is_called(tmp_path, written):
    path = PUBLISHED_PATHS["MULTI_CHANNEL_HANDMADE_PATH"].to_json()
    (tmp_path / "path.json").write_text(json.dumps(path))
    text = train(f"genotype: {written}, dataset: cifar10-mini, network: multichannel, {OF_A_PATH}")
    (trial,) = plan(text, base=tmp_path).trials

    assert trial.spec.config["genotype"] == path


def test_a_path_with_a_mistake_is_refused_with_its_line():
    text = train(
        "genotype: {kind: path, steps: [[sep_conv_3x3, 4, 8, 1], [sep_conv_3x3, 4, 8, 1]]}, network: multichannel"
    )
    (problem,) = problems(text)

    assert problem.line == 5
    assert "step 1 of the path begins with 4 channels, but the one before it ends with 8" in problem.message


def test_the_longer_a_trial_the_more_it_is_expected_to_cost():
    def cost(text: str) -> float:
        return plan(text).trials[-1].expected_cost

    first, second = cost(search("space: sharpdarts")), cost(search("space: sharpdarts, order: 2"))
    assert cost(search("space: darts")) < first
    assert second == 2.5 * first
    assert cost(search("space: sharpdarts, strategy: random")) < 1e-6 * first
    assert cost(search(f"space: {OWN_PATHS}")) < cost(search("space: multichannel"))
    assert 1 < cost(search("space: multichannel")) / cost(search("space: darts_ssc")) < 10
    handmade = cost(train(f"{HANDMADE}, network: multichannel, {OF_A_PATH}"))
    assert handmade < cost(train("genotype: DARTS, dataset: cifar10-mini"))
    assert cost(chain("multichannel", f"network: multichannel, {OF_A_PATH}")) > 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("validation_images: 15", "validation_images: read 15; 15 is not a multiple of the 10 classes of cifar10-mini"),
        (
            "validation_images: 2000",
            "holds out 200 images of each class, which leaves none of the 200 of 'airplane' to",
        ),
        ("train_images: 40, validation_images: 40", "which leaves none of the 4 of 'airplane' to train on"),
        ("validation_images: 0", "must be at least 1"),
        ("validation_images: 200, batch_size: 1799", "one single image of the training set's 1800 over"),
    ],
)
def test_images_that_cannot_be_held_out_are_refused_in_one_sentence(settings, sentence):
    (problem,) = problems(train(f"genotype: DARTS, dataset: cifar10-mini, {settings}"))

    assert problem.line == 5
    assert sentence in str(problem)


def test_held_out_images_are_a_setting_of_their_own_that_makes_another_trial():
    usual, held_out = (
        plan(train(f"genotype: DARTS, {each}")).trials[0] for each in ("p: 2", "validation_images: 5000")
    )

    assert "validation_images" not in usual.spec.config
    assert held_out.spec.config["validation_images"] == 5000
    assert held_out.trial_id != usual.trial_id


def test_images_that_are_held_out_cost_an_evaluation_instead_of_a_step():
    def cost(settings: str) -> float:
        return plan(train(f"genotype: DARTS, dataset: cifar10, {settings}")).trials[-1].expected_cost

    assert cost("train_images: 45000") < cost("validation_images: 5000") < cost("p: 2")
    assert cost("train_images: 400") < cost("train_images: 500, validation_images: 100") < cost("train_images: 500")


def test_published_genotypes_keep_their_four_lists():
    (trial,) = plan(train("genotype: DARTS, dataset: cifar10")).trials

    assert trial.spec.config["genotype"] == PUBLISHED["DARTS_V2"].to_json()
