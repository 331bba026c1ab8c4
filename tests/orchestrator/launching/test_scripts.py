"""What launchers write: shells and YAML read every value back as it is, and nothing else happens."""

import json
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from orchestrator.launching import kuberay, ray_job, slurm
from orchestrator.launching.profile import KubeRayProfile, Profile, RayJobProfile, SlurmProfile
from orchestrator.launching.request import Request

HOSTILE = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20) | st.sampled_from(
    [
        "$(touch x)",
        "`touch x`",
        "'; touch x; '",
        '"; touch x; "',
        "a b",
        "#",
        "\\",
        "{{ 1 }}",
        "{% raw %}",
        "--",
        "${x}",
        "a: b",
        "- c",
    ]
)
NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)
REQUEST = Request(experiment="grid", given="/shared/grid.yaml", storage="/shared/runs", overrides=("a.b=1",))


def request(given: str, storage: str, override: str, name: str = "grid") -> Request:
    return Request(experiment=name, given=given, storage=storage, overrides=(override,))


def words(given: str, storage: str, override: str, address: str) -> list[str]:
    return ["python", "-m", "orchestrator", "run", given, "--storage", storage, "--set", override, "--address", address]


def last_command(script: str, folder) -> list[str]:
    """Return the words that a shell makes of the script's own line that runs the experiment; nothing else happens."""
    (line,) = [line for line in script.splitlines() if "-m orchestrator run" in line]
    done = subprocess.run(
        ["bash", "-c", 'python() { printf "%s\\0" python "$@"; }\nADDRESS=1.2.3.4:5\n' + line.removesuffix(" &")],
        capture_output=True,
        check=True,
        cwd=folder,
    )
    assert not list(folder.iterdir())
    return done.stdout.decode().split("\0")[:-1]


@settings(max_examples=40)
@given(HOSTILE, HOSTILE, HOSTILE, NAME)
def test_the_batch_script_s_shell_reads_every_word_back(tmp_path_factory, given, storage, override, name):
    script = slurm.text(request(given, storage, override, name), Profile())

    assert last_command(script, tmp_path_factory.mktemp("cwd")) == words(given, storage, override, "1.2.3.4:5")


@settings(max_examples=40)
@given(HOSTILE)
def test_the_batch_script_s_variables_have_their_values(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("cwd")
    script = slurm.text(REQUEST, Profile(environment={"VALUE": value}))
    (line,) = [line for line in script.splitlines() if line.startswith("export VALUE=")]

    done = subprocess.run(["bash", "-c", f'{line}\nprintf %s "$VALUE"'], capture_output=True, check=True, cwd=folder)

    assert done.stdout.decode() == value
    assert not list(folder.iterdir())


def full() -> Profile:
    settings = SlurmProfile(
        partition="gpu",
        account="nas",
        time="12:00:00",
        nodes=4,
        cpus_per_node=16,
        gpus_per_node=4,
        memory_per_node="64G",
        exclusive=True,
        options=["--nice=100"],
        setup=["module load cuda", "source venv/bin/activate"],
        container="/images/sharptune.sif",
        scratch="/local/$USER",
        most_restarts=7,
    )
    return Profile(slurm=settings, environment={"A": "b"})


@pytest.mark.parametrize("profile", [Profile(), full()], ids=["the usual", "everything"])
def test_the_batch_script_is_sound_bash(profile):
    script = slurm.text(REQUEST, profile)

    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""
    if (shellcheck := shutil.which("shellcheck")) is None:
        pytest.skip("shellcheck is not installed")
    unseen = "--exclude=SC1091,SC2317"  # files of the user's; functions that only srun's shells call
    found = subprocess.run([shellcheck, unseen, "-"], input=script, text=True, capture_output=True)
    assert found.stdout == ""


def test_the_batch_script_asks_for_what_the_profile_says():
    asked = [line.removeprefix("#SBATCH ") for line in slurm.text(REQUEST, full()).splitlines() if "#SBATCH" in line]

    assert asked == [
        "--job-name=sharptune-grid",
        "--output=sharptune-grid-%j.log",
        "--open-mode=append",
        "--nodes=4",
        "--ntasks-per-node=1",
        "--partition=gpu",
        "--account=nas",
        "--time=12:00:00",
        "--cpus-per-task=16",
        "--gpus-per-node=4",
        "--mem=64G",
        "--exclusive",
        "--signal=B:USR1@120",
        "--requeue",
        "--nice=100",
    ]


def test_the_batch_script_runs_all_of_ray_and_of_sharptune_in_the_container():
    script = slurm.text(REQUEST, full())
    inside = "apptainer exec --nv /images/sharptune.sif python -m orchestrator"

    assert script.count(inside) == script.count("python -m orchestrator") == 2
    assert 'export SHARPTUNE_CACHE="/local/$USER"' in script


@pytest.mark.parametrize(("restarts", "code"), [("7", 0), ("8", 1)])
def test_a_job_that_was_started_too_often_ends_with_a_sentence(restarts, code):
    script = slurm.text(REQUEST, full()).partition("# Only processes")[0]

    done = subprocess.run(["bash", "-c", script], env={"SLURM_RESTART_COUNT": restarts}, text=True, capture_output=True)

    assert done.returncode == code
    assert ("This job was started 8 times and is not done" in done.stderr) == bool(code)


KUBERAY = KubeRayProfile(
    image="me/sharptune:1", queue="nas", namespace="lab", workers=3, volume_claim="runs", secret="keys"
)


def manifests(text: str) -> list[dict]:
    return list(YAML(typ="safe").load_all(text))


def test_the_ray_job_has_the_fields_of_its_schema():
    (job,) = manifests(kuberay.text(REQUEST, KUBERAY, Profile(environment={"A": "b"})))
    spec = job["spec"]
    cluster = spec["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    pod = workers["template"]["spec"]
    (container,) = pod["containers"]

    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["metadata"] == {
        "name": "sharptune-grid",
        "namespace": "lab",
        "labels": {"kueue.x-k8s.io/queue-name": "nas"},
    }
    assert set(spec) == {
        "entrypoint",
        "submissionMode",
        "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished",
        "backoffLimit",
        "rayClusterSpec",
    }
    assert shlex.split(spec["entrypoint"]) == words("/shared/grid.yaml", "/shared/runs", "a.b=1", "auto")
    assert (spec["shutdownAfterJobFinishes"], spec["submissionMode"], spec["backoffLimit"]) == (True, "K8sJobMode", 3)
    assert cluster["authOptions"] == {"mode": "token"}
    assert (workers["replicas"], workers["minReplicas"], workers["maxReplicas"]) == (3, 3, 3)
    assert all(isinstance(value, str) for value in cluster["headGroupSpec"]["rayStartParams"].values())
    assert pod["terminationGracePeriodSeconds"] == 120
    assert container["env"] == [{"name": "A", "value": "b"}]
    assert container["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert container["volumeMounts"] == [{"name": "storage", "mountPath": "/runs"}]
    assert pod["volumes"] == [{"name": "storage", "persistentVolumeClaim": {"claimName": "runs"}}]
    assert container["resources"]["requests"] == container["resources"]["limits"]


def test_a_file_of_one_s_own_goes_with_the_ray_job():
    text = "experiment: x\nstages: {a: 1}\n"

    config, job = manifests(kuberay.text(REQUEST, KUBERAY, Profile(), file=text))

    assert (config["kind"], config["data"]) == ("ConfigMap", {"experiment.yaml": text})
    (container,) = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    assert {"name": "experiment", "mountPath": "/etc/sharptune", "readOnly": True} in container["volumeMounts"]


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, NAME)
def test_yaml_and_the_shell_behind_it_read_every_value_back(given, storage, override, value, name):
    profile = Profile(environment={"VALUE": value})

    (job,) = manifests(kuberay.text(request(given, storage, override, name), KUBERAY, profile))

    assert shlex.split(job["spec"]["entrypoint"]) == words(given, storage, override, "auto")
    (worker,) = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    assert worker["template"]["spec"]["containers"][0]["env"] == [{"name": "VALUE", "value": value}]
    assert len(job["metadata"]["name"]) <= 47
    assert job["metadata"]["name"].replace("-", "").isalnum()
    assert job["metadata"]["name"] == job["metadata"]["name"].lower().strip("-")


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_the_line_of_a_ray_job_is_read_back(given, storage, override, value):
    profile = Profile(environment={"VALUE": value}, ray_job=RayJobProfile(address="http://head:8265", pip=["a==1"]))

    line = shlex.split(ray_job.text(request(given, storage, override), profile, folder="/my grids"))
    options, run = line[: line.index("python") - 1], line[line.index("python") :]

    assert line[:3] == ["ray", "job", "submit"]
    assert line[line.index("python") - 1] == "--"
    assert run == words(given, storage, override, "auto")
    assert options[3:8] == ["--address", "http://head:8265", "--no-wait", "--working-dir", "/my grids"]
    environment = json.loads(options[options.index("--runtime-env-json") + 1])
    assert (environment["env_vars"], environment["pip"]) == ({"VALUE": value}, ["a==1"])
