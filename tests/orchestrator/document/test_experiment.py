"""Experiment files as they are written: where they are found, their form, and `--set` overrides."""

import io
import os

import pytest

from orchestrator.document.experiment import Experiment, load_experiment, packaged, parse_experiment
from orchestrator.document.resources import Resources
from orchestrator.errors import Problem, SpecError
from trainables.errors import UnknownName

SMALL = """\
experiment: small
stages:
  search:
    trainable: search
    config: {epochs: 10}
    grid:
      seed: [0, 1]
    resources: {gpus: 0.5, cpus: 2}
tables:
  - {name: errors, stage: search, columns: [search_val_error]}
"""


def lines(experiment: Experiment) -> list[str]:
    return [str(problem) for problem in experiment.problems]


def test_a_small_experiment_is_read_as_it_is_written():
    experiment = parse_experiment(SMALL)
    stage = experiment.stages["search"]

    assert experiment.problems == ()
    assert experiment.name == "small"
    assert (stage.trainable, stage.config, stage.grid) == ("search", {"epochs": 10}, {"seed": [0, 1]})
    assert stage.resources == Resources(gpus=0.5, cpus=2)
    assert stage.max_failures == 3
    assert experiment.tables[0].statistic == "median"


def test_an_existing_file_comes_before_a_packaged_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").write_text(SMALL)

    assert load_experiment("quickstart").name == "small"
    assert load_experiment("quickstart.yaml").name == "quickstart"


def test_relative_paths_start_from_the_files_folder(tmp_path):
    path = tmp_path / "e.yaml"
    path.write_text(SMALL)

    assert load_experiment(path).base == tmp_path


def test_packaged_experiments_are_found_by_name_and_bear_it():
    assert {"quickstart", "cifar10_short"} <= set(packaged())
    for name in packaged():
        assert load_experiment(name).name == name


def test_an_unknown_name_suggests_a_packaged_one():
    with pytest.raises(UnknownName, match=r"unknown experiment or file 'quickstrat'; did you mean 'quickstart'\?"):
        load_experiment("quickstrat")


def test_a_folder_and_a_file_that_is_no_text_are_refused_in_a_sentence(tmp_path):
    (tmp_path / "e.yaml").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SpecError, match="is a folder, not a file"):
        load_experiment(tmp_path)
    with pytest.raises(SpecError, match="cannot be read: it is not UTF-8 text"):
        load_experiment(tmp_path / "e.yaml")


@pytest.mark.parametrize("text", ["", "# nothing\n", "just words", "[1, 2]", "experiment: [", "3"])
def test_text_that_is_no_experiment_is_refused_at_once(text):
    with pytest.raises(SpecError) as caught:
        parse_experiment(text)

    assert caught.value.problems[0].line == 1


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("experiment: small", "experimnt: small", "1: experimnt: read 'small'; unknown key 'experimnt'; did you mean"),
        ("experiment: small", "experiment: ../x", "1: experiment: read '../x'; must be a plain name"),
        ("experiment: small", "experiment: 3", "1: experiment: read 3; must be text"),
        ("    trainable: search\n", "", "3: stages.search.trainable: is missing"),
        ("grid:", "gird:", "6: stages.search.gird: read {seed: [0, 1]}; unknown key 'gird'; did you mean 'grid'?"),
        ("config: {epochs: 10}", "config: 3", "5: stages.search.config: read 3; must be a mapping"),
        ("gpus: 0.5", "gpus: 17", "8: stages.search.resources.gpus: read 17; must be at most 16"),
        ("gpus: 0.5", "gpus: 1.5", "8: stages.search.resources.gpus: read 1.5; must be a whole number, or a fraction"),
        ("gpus: 0.5", "gpus: -1", "8: stages.search.resources.gpus: read -1; must be at least 0"),
        ("gpus: 0.5", "gpus: true", "8: stages.search.resources.gpus: read true; must be a number, not true or false"),
        ("cpus: 2", "cpus: 0", "8: stages.search.resources.cpus: read 0; must be greater than 0"),
        ("cpus: 2", "cpu: 2", "8: stages.search.resources.cpu: read 2; unknown key 'cpu'; did you mean 'cpus'?"),
        (
            "cpus: 2",
            "memory: 16",
            "8: stages.search.resources.memory: read 16; must be an amount with its unit, such as",
        ),
        ("cpus: 2", "memory: 9 YB", "8: stages.search.resources.memory: read '9 YB'; must be an amount with its unit"),
        ("cpus: 2", "memory: 0GB", "8: stages.search.resources.memory: read '0GB'; must be at least 1MB and at most"),
        ("cpus: 2", "memory: 200TB", "8: stages.search.resources.memory: read '200TB'; must be at least 1MB and at"),
        ("cpus: 2", "accelerator: 'A 100'", "8: stages.search.resources.accelerator: read 'A 100'; must be a type as"),
        ("cpus: 2", "accelerator: 100", "8: stages.search.resources.accelerator: read 100; must be text"),
        (
            "cpus: 2",
            "custom: {GPU: 2}",
            "8: stages.search.resources.custom.GPU: read 2; is no custom resource; say gpus",
        ),
        (
            "cpus: 2",
            "custom: {'a b': 2}",
            "8: stages.search.resources.custom.a b: read 2; must be the name of a resource",
        ),
        ("cpus: 2", "custom: {a: 0}", "8: stages.search.resources.custom.a: read 0; must be greater than 0"),
        ("cpus: 2", "custom: {a: 1.5}", "8: stages.search.resources.custom.a: read 1.5; must be a whole number, or a"),
        ("cpus: 2", "custom: [a]", "8: stages.search.resources.custom: read ['a']; must be a mapping"),
        ("cpus: 2", "labels: {zone: 3}", "8: stages.search.resources.labels.zone: read 3; must be text"),
        ("cpus: 2", "labels: {zone: 'in(a'}", "8: stages.search.resources.labels.zone: read 'in(a'; must be a label's"),
        ("cpus: 2", "labels: {zone: ''}", "8: stages.search.resources.labels.zone: read ''; must be a label's value"),
        ("cpus: 2", "labels: {-zone: a}", "8: stages.search.resources.labels.-zone: read 'a'; must be a label's key"),
        (
            "cpus: 2",
            "labels: {ray.io/node-id: a}",
            "8: stages.search.resources.labels.ray.io/node-id: read 'a'; is new",
        ),
        (
            "resources:",
            "time_limit: 12\n    resources:",
            "8: stages.search.time_limit: read 12; must be a duration with",
        ),
        ("resources:", "time_limit: 0h\n    resources:", "8: stages.search.time_limit: read '0h'; must be longer than"),
        (
            "resources:",
            "time_limit: -1h\n    resources:",
            "8: stages.search.time_limit: read '-1h'; must be a duration",
        ),
        (
            "resources:",
            "hang_minutes: 0\n    resources:",
            "8: stages.search.hang_minutes: read 0; must be at least 0.05",
        ),
        ("columns:", "colums:", "10: tables[0].colums: read ['search_val_error']; unknown key 'colums'; did you mean"),
        ("name: errors", "name: a/b", "10: tables[0].name: read 'a/b'; must be a plain name"),
        ("  search:\n", "  ../s:\n", "3: stages.../s: read {"),
        ("columns:", "statistic: mean, columns:", "10: tables[0].statistic: read 'mean'; unknown statistic 'mean'"),
        ("columns: [search_val_error]", "columns: []", "10: tables[0].columns: read []; must not be empty"),
        (
            "resources:",
            "max_failures: -1\n    resources:",
            "8: stages.search.max_failures: read -1; must be at least 0",
        ),
    ],
)
def test_mistakes_of_form_say_where_what_and_what_else(old, new, problem):
    found = lines(parse_experiment(SMALL.replace(old, new, 1), file="e.yaml"))

    assert any(line.startswith(f"e.yaml:{problem}") for line in found), found


def test_what_a_trial_asks_of_its_node_is_read_with_its_units():
    asked = "{gpus: 1, memory: 1.5 GiB, accelerator: A100, custom: {licence: 2}, labels: {zone: '!in(a, b)'}}"
    text = SMALL.replace("{gpus: 0.5, cpus: 2}", f"{asked}\n    time_limit: 1.5h\n    hang_minutes: 30")
    (stage,) = parse_experiment(text).stages.values()

    assert stage.resources == Resources(
        gpus=1, memory=3 * 2**29, accelerator="A100", custom={"licence": 2}, labels={"zone": "!in(a, b)"}
    )
    assert stage.resources.text == (
        "1 CPU and 1 GPU of type A100, 1.5 GiB of memory, 2 licence, where zone is !in(a, b)"
    )
    assert (stage.time_limit, stage.hang_minutes) == (5400.0, 30.0)


def test_two_tables_cannot_have_one_name():
    twice = SMALL + "  - {name: errors, stage: search, columns: [params]}\n"

    assert lines(parse_experiment(twice, file="e.yaml")) == [
        "e.yaml:11: tables[1].name: read 'errors'; table 0 has this name already"
    ]


def test_an_override_replaces_makes_and_reaches_into_lists():
    overrides = [
        "stages.search.config.epochs=2",
        "stages.search.config.p=1e0",
        "stages.search.grid.weighting=[max_w]",
        "stages.search.grid.seed[1]=7",
        "tables.0.title=a: b",
    ]
    experiment = parse_experiment(SMALL, overrides=overrides[:4])

    assert experiment.problems == ()
    assert experiment.stages["search"].config == {"epochs": 2, "p": 1.0}
    assert experiment.stages["search"].grid == {"seed": [0, 7], "weighting": ["max_w"]}


def test_an_override_can_begin_a_config_that_the_file_lacks():
    text = "experiment: x\nstages: {s: {trainable: search}}"

    assert parse_experiment(text, overrides=["stages.s.config.epochs=2"]).stages["s"].config == {"epochs": 2}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "must look like stages.train.config.epochs=2"),
        ("=3", "must look like stages.train.config.epochs=2"),
        ("stages..x=3", "must look like stages.train.config.epochs=2"),
        ("stages.serach.config.epochs=3", "unknown key 'serach'; did you mean 'search'? known: search"),
        ("stages.search.grid.seed.5=3", "unknown position '5'; known: 0, 1"),
        ("stages.search.grid.seed.²=3", "unknown position '²'; known: 0, 1"),
        ("stages.search.config.epochs.x.y=3", "unknown key 'x'; what stands around it holds no keys"),
        ("stages.search.config.epochs=[", "the value is not YAML"),
    ],
)
def test_an_override_that_cannot_be_made_is_named(override, message):
    (problem,) = parse_experiment(SMALL, overrides=[override]).problems

    assert problem.file == f"--set {override}"
    assert problem.line is None
    assert problem.message.startswith(message)


def test_a_mistake_that_an_override_brings_in_names_the_override_and_not_a_line():
    experiment = parse_experiment(SMALL, overrides=["stages.search.resources.gpus=64"])

    assert lines(experiment) == [
        "--set stages.search.resources.gpus=64: stages.search.resources.gpus: read 64; must be at most 16"
    ]


def test_a_problem_reads_as_one_line():
    problem = Problem(file="e.yaml", line=3, path="stages.a", read="1", message="must be a mapping")

    assert str(problem) == "e.yaml:3: stages.a: read 1; must be a mapping"
    assert str(SpecError([problem, problem])) == f"{problem}\n{problem}"


def test_keys_of_the_authors_own_hold_what_anchors_are_for():
    text = SMALL.replace("stages:", "x-shared: &shared {p: 1, epochs: 20}\nstages:").replace(
        "config: {epochs: 10}", "config: {<<: *shared, epochs: 10}"
    )
    experiment = parse_experiment(text)

    assert experiment.problems == ()
    assert experiment.stages["search"].config == {"p": 1, "epochs": 10}
    assert lines(parse_experiment(SMALL + "y-shared: 1\n"))


@pytest.mark.parametrize(
    ("written", "suggested"),
    [("ablaton.yaml", "ablation.yaml"), ("./ablaton", "./ablation.yaml"), ("sub/abaltion.yml", "sub/ablation.yml")],
)
def test_a_file_that_is_nearly_called_so_is_suggested_as_one_would_write_it(tmp_path, monkeypatch, written, suggested):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for name in ("ablation.yaml", "other.yaml", "sub/ablation.yml", "ablaton.txt"):
        (tmp_path / name).write_text(SMALL)

    with pytest.raises(UnknownName) as caught:
        load_experiment(written)
    assert f"unknown experiment or file {written!r}; did you mean {suggested!r}? known: " in str(caught.value)


def test_an_experiment_comes_from_standard_input_and_paths_in_it_start_from_here(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + SMALL.encode())))
    experiment = load_experiment("-")

    assert (experiment.name, experiment.problems, str(experiment.base)) == ("small", (), ".")
    assert experiment.document.file == "standard input"


def test_an_experiment_comes_out_of_a_pipe(tmp_path):
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        pipe.write(SMALL)
    experiment = load_experiment(f"/dev/fd/{reading}")
    os.close(reading)

    assert (experiment.name, str(experiment.base)) == ("small", ".")


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text(SMALL)

    assert load_experiment("~/mine.yaml").base == tmp_path
