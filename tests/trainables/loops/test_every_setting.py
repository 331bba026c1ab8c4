"""Every setting of the two loops acts, and first shows where it should.

Two runs that differ in one setting are taken through their steps side by side. What can be seen of them, in the order
in which it comes about:

    network       all parameters and buffers before the first step
    images E.S    what the network is shown in step S of epoch E, each image once
    alphas E.S    the alphas after that step
    weights E.S   everything else of the network after it
    epoch E       the row of the history but for the learning rate, which shows in the weights
    end           metrics, artifacts and files

The tables name the first of these that differs. Whether it differs by the right amount is what the naive loops say.
"""

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import pytest
import torch
from small_searches import FEW
from small_searches import SETTINGS as SEARCH_SETTINGS
from small_trainings import CONFIG

from trainables.architecture.published import PUBLISHED
from trainables.config import SearchConfig, TrainConfig
from trainables.data.datasets import open_any
from trainables.data.folders import import_folder
from trainables.errors import TrialFailure
from trainables.loops.random_search import RandomRun
from trainables.loops.search import SearchRun
from trainables.loops.search import start as start_search
from trainables.loops.supernets import SIZE
from trainables.loops.training import FinalRun
from trainables.loops.training import start as start_training

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Shows:
    """What differs first between runs with and without another value of a setting; None: nothing ever."""

    first: str | None
    value: Any
    beside: dict[str, Any] = field(default_factory=dict)
    """Other settings, of both runs."""
    real: bool = False
    """It takes a real network; others are shown with a stand-in, which is quicker."""


CONSTANT = {"learning_rate_min": 0.025}
MULTICHANNEL = {"kind": "multichannel", "scales": [2, 3], "blocks": 1, "layers": 2, "head_channels": 4}
RESTART = [{"epochs": 1, "learning_rate": 0.01}]

COMMON: dict[str, Shows | str] = {
    "dataset": "test_a_run_reads_the_dataset_of_its_config",
    "train_images": Shows("images 1.1", 40),
    "batch_size": Shows("images 1.1", 6),
    "learning_rate": Shows("weights 1.1", 0.05),
    "momentum": Shows("weights 1.2", 0.5),
    "weight_decay": Shows("weights 1.1", 0.1),
    "grad_clip": Shows("weights 1.1", 0.01),
    "p": Shows("weights 2.1", 10),
    "warmup_epochs": Shows("weights 1.1", 1),
    "warm_restarts": Shows("weights 2.1", RESTART),
    "autoaugment": Shows("images 1.1", True),
    "cutout": Shows("images 1.1", 8),
    "learning_rate_min": Shows("weights 2.1", 0.01),
    "channels": Shows("network", 6, real=True),
    "layers": Shows("network", 4, real=True),
}
SEARCH: dict[str, Shows | str] = {
    **COMMON,
    "precision": Shows("alphas 1.1", "bf16"),
    "space": Shows("network", "darts", real=True),
    "strategy": "test_the_strategy_says_which_run_it_is",
    "weighting": Shows("alphas 1.1", "max_w", real=True),
    "order": Shows("alphas 1.1", 2),
    "epochs": Shows("images 3.1", 3, CONSTANT),
    "arch_learning_rate": Shows("alphas 1.1", 0.01),
    "arch_weight_decay": Shows("alphas 1.1", 1.0),
    "alpha_start_epoch": Shows("images 1.1", 2),
    "alpha_every": Shows("images 1.2", 2),
    "prune_below": Shows("alphas 1.1", 0.125, {"space": MULTICHANNEL}, real=True),
    "activation_checkpointing": Shows(None, True, {"space": MULTICHANNEL, "epochs": 1}, real=True),
    "params_min": "test_the_bounds_of_a_random_search_choose_what_it_finds",
    "params_max": "test_the_bounds_of_a_random_search_choose_what_it_finds",
}
TRAINING: dict[str, Shows | str] = {
    **COMMON,
    "precision": Shows("weights 1.1", "bf16"),
    "genotype": Shows("network", PUBLISHED["DARTS_V2"].to_json(), real=True),
    "operations": Shows("network", "original", {"genotype": PUBLISHED["DARTS_V2"].to_json()}, real=True),
    "network": Shows("network", "imagenet", {"auxiliary": False}, real=True),
    "mid_channels": Shows("network", 8, {"genotype": PUBLISHED["SHARP_DARTS"].to_json()}, real=True),
    "accumulate": Shows("weights 1.1", 2),
    "ranks": "test_ranks_share_threads_and_refuse_batches_too_small_to_share",
    "validation_images": Shows("images 1.1", 10),
    "test_images": Shows("epoch 1", 40),
    "image_size": "test_images_of_files_are_cut_to_the_size_asked_for",
    "corrupt_limit": "test_the_limit_of_unreadable_images_fails_a_trial_and_changes_no_number",
    "epochs": Shows("images 3.1", 3, {**CONSTANT, "drop_path": 0.0}),
    "auxiliary": Shows("network", False, real=True),
    "auxiliary_weight": Shows("weights 1.1", 0.2),
    "drop_path": Shows("weights 1.1", 0.5),
}


def build_search(images, **changes):
    return SearchRun(SearchConfig(**{**SEARCH_SETTINGS, **changes}), seed=0, dataset=images, device=CPU)


def build_training(images, **changes):
    config = TrainConfig(**{**CONFIG.model_dump(exclude_unset=True), **changes})
    return FinalRun(config, seed=0, dataset=images, device=CPU)


LOOPS = {"search": (SearchConfig, SEARCH, build_search), "training": (TrainConfig, TRAINING, build_training)}
STAND_INS = {"search": "small_supernet", "training": "small_network"}
CASES = [
    (loop, name) for loop, (_, table, _) in LOOPS.items() for name, case in table.items() if isinstance(case, Shows)
]


def seen(run):
    """Take a run through its steps; yield what can be seen of it, each thing with its name."""
    shown: set[bytes] = set()
    run.network.register_forward_pre_hook(lambda _, inputs: shown.update(x.numpy().tobytes() for x in inputs[0]))
    yield "network", state(run.network)
    for pause in run.steps():
        if pause.metrics is not None:
            row = run.outcome().epochs[-1]
            yield f"epoch {pause.epoch}", {name: row[name] for name in row if name != "learning_rate"}
        elif run.network.training:
            place = f"{pause.epoch}.{pause.step}"
            yield f"images {place}", set(shown)
            now = state(run.network)
            yield f"alphas {place}", {name: now[name] for name in now if name.startswith("alphas")}
            yield f"weights {place}", now
        shown.clear()
    outcome = run.outcome()
    yield "end", (outcome.metrics, outcome.artifacts, outcome.files)


def state(network):
    return {name: (value.shape, value.numpy().tobytes()) for name, value in network.state_dict().items()}


def first_difference(one, other):
    """Return the name of what is first seen of `other` that is not seen of `one`; None where all is equal."""
    for (_, value), (name, changed) in zip_longest(seen(one), seen(other), fillvalue=("nothing more", None)):
        if value != changed:
            return name
    return None


@pytest.mark.parametrize(("config", "table"), [(SearchConfig, SEARCH), (TrainConfig, TRAINING)])
def test_every_setting_is_in_the_table_and_has_its_test(config, table):
    assert set(table) == set(config.model_fields)
    assert all(callable(globals()[case]) for case in table.values() if isinstance(case, str))


@pytest.mark.parametrize(("loop", "name"), CASES)
def test_a_setting_first_shows_where_it_acts(mini, one_thread, monkeypatch, request, loop, name):
    _, table, build = LOOPS[loop]
    case = table[name]
    monkeypatch.setattr("trainables.loops.search.measure", lambda *_: dict.fromkeys(SIZE, 0))  # to count takes a second
    request.getfixturevalue("small_cells" if case.real else STAND_INS[loop])
    one, other = build(mini, **case.beside), build(mini, **case.beside, **{name: case.value})

    settings = [run.config.model_dump() for run in (one, other)]
    assert [key for key in settings[0] if settings[0][key] != settings[1][key]] == [name]
    assert first_difference(one, other) == case.first


def test_a_run_equals_itself(mini, one_thread, small_supernet, small_network):
    """Else everything would show."""
    for build in (build_search, build_training):
        assert first_difference(build(mini), build(mini)) is None


@pytest.mark.parametrize("space", [FEW, MULTICHANNEL], ids=["cells", "multichannel"])
def test_activations_computed_twice_are_not_kept(mini, one_thread, space):
    kept = []
    for twice in (False, True):
        network = build_search(mini, space=space, activation_checkpointing=twice).network
        numbers = 0

        def count(tensor):
            nonlocal numbers
            numbers += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            network(torch.randn(2, 3, 32, 32))
        kept.append(numbers)

    assert 0 < kept[1] < 0.7 * kept[0]


def test_a_run_reads_the_dataset_of_its_config(mini, one_thread, small_supernet, small_network, monkeypatch):
    opened = []
    for kind in ("dataset", "any"):
        monkeypatch.setattr(f"trainables.loops.inputs.open_{kind}", lambda name: opened.append(name) or mini)
    for name in ("cifar10", "cifar10-mini"):
        start_search(build_search(mini, dataset=name).config, seed=0, threads=1)
        start_training(build_training(mini, dataset=name).config, seed=0, threads=1)

    assert opened == ["cifar10", "cifar10", "cifar10-mini", "cifar10-mini"]


def test_the_strategy_says_which_run_it_is(mini, one_thread, small_supernet):
    runs = {
        name: start_search(build_search(mini, strategy=name).config, seed=0, threads=1)
        for name in ("gradient", "random")
    }

    assert {name: type(run) for name, run in runs.items()} == {"gradient": SearchRun, "random": RandomRun}


@pytest.mark.parametrize(
    ("bounds", "found"),
    [({}, 3), ({"params_min": 4 * 10**6}, 5), ({"params_max": 2 * 10**6}, 1), ({"params_max": 4 * 10**6}, 3)],
)
def test_the_bounds_of_a_random_search_choose_what_it_finds(monkeypatch, bounds, found):
    """Of three draws with 3, 1 and 5 million parameters the first that fits."""
    drawn = iter([3, 1, 5])
    monkeypatch.setattr("trainables.loops.random_search.measure", lambda *_: dict.fromkeys(SIZE, next(drawn) * 10**6))
    run = RandomRun(SearchConfig(strategy="random", **bounds), seed=0)
    for _ in run.steps():
        pass

    assert run.outcome().metrics["params"] == found * 10**6


def test_ranks_share_threads_and_refuse_batches_too_small_to_share(mini, one_thread, small_network):
    """What several ranks compute is held against one in `tests/integration/test_ranks.py`, in processes."""
    threads = []
    for ranks in (1, 2):
        start_training(build_training(mini, ranks=ranks).config, seed=0, threads=4)
        threads.append(torch.get_num_threads())

    assert threads == [4, 2]
    with pytest.raises(TrialFailure, match="each of 3 ranks needs two"):
        start_training(build_training(mini, ranks=3).config, seed=0, threads=4)


@pytest.fixture
def files(tmp_path, varied_folder, monkeypatch):
    """The identity of a data set of files, one of which cannot be read."""
    monkeypatch.setenv("SHARPTUNE_CACHE", str(tmp_path / "cache"))
    damaged = varied_folder / "train" / "dog" / "dog-3.png"
    damaged.write_bytes(damaged.read_bytes()[:200])
    return import_folder(varied_folder)


def build_of_files(files, **changes):
    beside = {"dataset": files, "train_images": None, "test_images": None, "image_size": 16, "batch_size": 5}
    return build_training(open_any(files), **{**beside, **changes})


def test_images_of_files_are_cut_to_the_size_asked_for(files, one_thread, small_network):
    one, other = build_of_files(files), build_of_files(files, image_size=24)

    assert first_difference(one, other) == "images 1.1"
    assert other._cost.macs > one._cost.macs


def test_the_limit_of_unreadable_images_fails_a_trial_and_changes_no_number(files, one_thread, small_network):
    assert first_difference(build_of_files(files, corrupt_limit=1), build_of_files(files)) is None
    with pytest.raises(TrialFailure, match="corrupt_limit is 0"):
        list(build_of_files(files, corrupt_limit=0).steps())
