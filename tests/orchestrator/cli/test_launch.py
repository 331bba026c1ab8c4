"""`sharptune launch`: what it shows, what it sends, and what it refuses before anything waits in a queue."""

import stat
from pathlib import Path

import pytest

PROFILE = """\
storage: /shared/runs
slurm: {nodes: 2, gpus_per_node: 1}
kuberay: {image: me/sharptune:1}
"""


@pytest.fixture
def profile(chains):
    Path("cluster.yaml").write_text(PROFILE)


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A command that keeps what it is given, or refuses it."""

    def install(name: str, answer: str, code: int = 0) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / name
        program.write_text(
            f"#!/bin/sh\ncat > {tmp_path}/given\necho '{answer}' >&{1 if code == 0 else 2}\nexit {code}\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return tmp_path / "given"

    return install


def test_the_script_is_shown_and_not_sent(sharptune, profile, scheduler):
    given = scheduler("sbatch", "1")

    result = sharptune("launch", "slurm", "chains.yaml", "--set", "stages.root.config.epochs=2")

    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("#!/bin/bash\n#SBATCH --job-name=sharptune-chains\n")
    words = f"run {Path('chains.yaml').absolute()} --storage /shared/runs --set stages.root.config.epochs=2 --address"
    assert words in result.out
    assert not given.exists()


def test_what_is_sent_is_what_is_shown(sharptune, profile, scheduler):
    given = scheduler("sbatch", "7;cluster")
    shown = sharptune("launch", "slurm", "chains.yaml").out

    result = sharptune("launch", "slurm", "chains.yaml", "--submit")

    assert result.code == 0
    assert "submitted as job 7;" in result.out
    assert "sharptune-chains-7.log" in result.out
    assert given.read_text() == shown


def test_a_manifest_is_sent_with_the_experiment_s_own_file(sharptune, profile, scheduler):
    given = scheduler("kubectl", "rayjob.ray.io/sharptune-chains created")

    result = sharptune("launch", "kuberay", "chains.yaml", "--submit")

    assert result.code == 0
    assert "created" in result.out
    assert "experiment: chains" in given.read_text()
    assert "run /etc/sharptune/experiment.yaml --storage /shared/runs --address auto" in given.read_text()


def test_the_line_of_a_ray_job_takes_the_experiment_s_folder_along(sharptune, profile):
    result = sharptune("launch", "ray-job", "chains.yaml", "--storage", "s3://bucket/runs")

    assert result.code == 0
    assert f"--working-dir {Path.cwd()} " in result.out
    assert "run chains.yaml --storage s3://bucket/runs --address auto" in result.out


def test_a_packaged_experiment_goes_by_its_name(capsys, profile):
    from orchestrator.cli.main import invoke

    assert invoke(["launch", "kuberay", "quickstart"]) == 0
    shown = capsys.readouterr().out

    assert "orchestrator run quickstart --storage" in shown
    assert "ConfigMap" not in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("slurm", "chains.yaml", "--profile", "other.yaml"), "other.yaml: cannot be read: No such file or directory"),
        (
            ("slurm", "chains.yaml", "--set", "stages.root.resources={gpus: 2}"),
            "a trial asks for 2 GPUs, and slurm.gpus",
        ),
        (
            ("kuberay", "chains.yaml", "--set", "stages.root.resources={gpus: 2}"),
            "a trial asks for 2 GPUs, and kuberay",
        ),
        (
            ("slurm", "chains.yaml", "--set", "stages.root.resources={cpus: 3}"),
            "3 CPUs, and slurm.cpus_per_node in the",
        ),
        (("kuberay", "chains.yaml", "--set", "stages.root.resources={cpus: 9}"), "9 CPUs, and kuberay.worker.cpus in"),
        (
            ("kuberay", "chains.yaml", "--set", "stages.root.resources={memory: 64GB}"),
            "a trial asks for 64 GB of memory, and kuberay.worker.memory in the profile is 16 GiB",
        ),
        (("slurm", "chains.yaml", "--set", "stages.root.config.epoch=2"), "did you mean 'epochs'"),
        (("slurm", "chians.yaml"), "unknown experiment or file"),
        (("slurm", "-"), "needs a file, not standard input"),
        (("slurm", "chains.yaml", "--storage", "s3://key:secret@bucket/runs"), "so it holds s3://bucket/path"),
        (("slurm", "chains.yaml", "--submit"), "sbatch is not on this machine"),
    ],
)
def test_what_cannot_run_is_said_before_it_waits_in_a_queue(sharptune, profile, monkeypatch, arguments, sentence):
    monkeypatch.setenv("PATH", "/nowhere")

    result = sharptune("launch", *arguments)

    assert (result.code, result.out) == (2, "")
    assert sentence in result.err


def test_a_profile_that_says_nothing_of_a_launcher_or_of_the_storage_is_said(sharptune, chains):
    Path("cluster.yaml").write_text("storage: /shared/runs\n")
    assert "it needs at least kuberay.image" in sharptune("launch", "kuberay", "chains.yaml").err
    Path("cluster.yaml").unlink()
    assert "name the storage that the nodes share" in sharptune("launch", "slurm", "chains.yaml").err


def test_what_the_scheduler_refuses_is_said_in_its_words(sharptune, profile, scheduler):
    scheduler("sbatch", "sbatch: error: invalid partition specified: gpu", code=1)

    result = sharptune("launch", "slurm", "chains.yaml", "--submit")

    assert result.code == 1
    assert "sbatch refused it: sbatch: error: invalid partition specified: gpu" in result.err
