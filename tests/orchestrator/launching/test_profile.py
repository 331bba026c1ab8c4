"""A cluster's settings: what they may be, and what is said of those that may not."""

import pytest

from orchestrator.errors import SpecError
from orchestrator.launching.profile import (
    Profile,
    bytes_of_kubernetes,
    bytes_of_slurm,
    load_profile,
    parse_profile,
)


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_profile(text)
    return list(map(str, caught.value.problems))


def test_an_empty_file_is_the_usual_settings():
    assert parse_profile("") == parse_profile("# nothing\n") == Profile()


def test_memory_means_what_each_scheduler_means_by_it():
    assert [bytes_of_slurm(text) for text in ("64G", "1000", "2T", "512K")] == [
        64 * 2**30,
        1000 * 2**20,
        2 * 2**40,
        512 * 2**10,
    ]
    assert [bytes_of_slurm(text) for text in (None, "0", "lots")] == [None, None, None]
    assert [bytes_of_kubernetes(text) for text in ("16Gi", "1.5G", "123")] == [16 * 2**30, 1.5e9, 123.0]


def test_settings_are_read():
    profile = parse_profile(
        "storage: /runs\nslurm: {partition: gpu, nodes: 2, time: 1-12:00:00, options: [--nice=100]}\n"
    )

    assert (profile.storage, profile.slurm.nodes, profile.slurm.time) == ("/runs", 2, "1-12:00:00")
    assert profile.slurm.options == ["--nice=100"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "slurm: {partion: gpu}",
            "cluster.yaml:1: slurm.partion: read 'gpu'; unknown key 'partion'; did you mean 'partition'",
        ),
        ("slurm: {partition: 'a b'}", "must be one word, without quotes, '#' or spaces"),
        ('slurm: {partition: "a\\n#SBATCH -p b"}', "must be one word, without quotes, '#' or spaces"),
        ("slurm: {nodes: 0}", "must be at least 1"),
        ("slurm: {time: tomorrow}", "must be a time as Slurm writes it"),
        ("slurm: {options: [nice]}", "options begin with '-'"),
        ('slurm: {setup: ["a\\nb"]}', "must be one line of text"),
        ("environment: {A-B: c}", "must be a variable's name"),
        ("environment: {A: 1}", "must be text"),
        ("kuberay: {queue: nas}", "kuberay.image: is missing"),
        ("kuberay: {image: a, volume_claim: Bad_Name}", "must be a name of small letters"),
        ("kuberay: {image: a, worker: {memory: lots}}", "must be an amount as Kubernetes writes it"),
        ("- a\n", "must be a mapping"),
    ],
)
def test_a_mistake_is_a_sentence_with_its_place(text, sentence):
    (problem,) = problems(text)

    assert problem.startswith("cluster.yaml:1")
    assert sentence in problem


def test_all_mistakes_are_said_at_once():
    assert len(problems("slurm: {nodes: 0, time: x}\nkuberay: {}\n")) == 3


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load_profile(tmp_path / "cluster.yaml")
