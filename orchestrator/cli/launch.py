"""The commands that write what hands a run to a cluster's scheduler, and send it when asked."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from orchestrator.cli.options import Catalog, max_trials_option, pass_catalog, set_option
from orchestrator.cli.output import say
from orchestrator.document.experiment import STDIN, find_source, load_experiment, packaged
from orchestrator.document.resources import memory_text
from orchestrator.errors import HaltError, RunError
from orchestrator.launching import kuberay as kuberay_launcher
from orchestrator.launching import ray_job as ray_job_launcher
from orchestrator.launching import slurm as slurm_launcher
from orchestrator.launching.profile import Profile, bytes_of_kubernetes, bytes_of_slurm, load_profile
from orchestrator.launching.request import Request
from orchestrator.planning.plan import MAX_TRIALS, expand
from trainables.record.addresses import folder_of

Command = TypeVar("Command", bound=Callable[..., Any])
USUAL_PROFILE = "cluster.yaml"


def launch_options(command: Command) -> Command:
    """Add what every launcher takes."""
    options = (
        click.option(
            "--profile",
            type=click.Path(dir_okay=False),
            help=f"The cluster's settings; ./{USUAL_PROFILE} where there is one.",
        ),
        click.option(
            "--storage",
            envvar="SHARPTUNE_STORAGE",
            help="Where the record is, as the nodes see it: a folder that they share, s3://..., gs://... or az://...",
        ),
        max_trials_option,
        set_option,
        click.argument("experiment"),
    )
    for option in options:
        command = option(command)
    return command


submit_option = click.option("--submit", is_flag=True, help="Send it; without this, it is only shown.")


@click.group()
def launch() -> None:
    """Hand a run to a cluster's scheduler: show the batch script or manifest, and send it when asked."""


@launch.command()
@launch_options
@submit_option
@pass_catalog
def slurm(catalog: Catalog, submit: bool, **asked: Any) -> int:
    """Show (or --submit) a batch script that runs EXPERIMENT on the nodes of a Slurm job.

    Ray is started on the nodes, and nothing but this job may speak to it. Before the time limit the trials are saved,
    and the job goes back into the queue, until all is done.
    """
    profile, request, _ = _read(catalog, **asked)
    nodes = profile.slurm
    cpus = nodes.cpus_per_node or (None if nodes.exclusive else 1)  # one is what Slurm gives unasked
    _check_size(request.gpus, nodes.gpus_per_node, "GPUs", "slurm.gpus_per_node")
    _check_size(request.cpus, cpus, "CPUs", "slurm.cpus_per_node")
    _check_memory(request.memory, bytes_of_slurm(nodes.memory_per_node), "slurm.memory_per_node")
    script = slurm_launcher.text(request, profile)
    if not submit:
        say(script, end="")
        return 0
    job = _send(["sbatch", "--parsable"], script)
    say(f"submitted as job {job}; what it says goes to {request.name}-{job}.log")
    say("Watch: squeue --job " + job + ". Stop, and lose nothing: scancel " + job)
    return 0


@launch.command()
@launch_options
@submit_option
@pass_catalog
def kuberay(catalog: Catalog, submit: bool, **asked: Any) -> int:
    """Show (or --submit) a RayJob that runs EXPERIMENT on Kubernetes, for the KubeRay operator."""
    profile, request, file = _read(catalog, folder=kuberay_launcher.FOLDER, **asked)
    if profile.kuberay is None:
        raise RunError("the profile says nothing of kuberay; it needs at least kuberay.image")
    worker = profile.kuberay.worker
    _check_size(request.gpus, worker.gpus, "GPUs", "kuberay.worker.gpus")
    _check_size(request.cpus, worker.cpus, "CPUs", "kuberay.worker.cpus")
    _check_memory(request.memory, bytes_of_kubernetes(worker.memory), "kuberay.worker.memory")
    content = file.read_text(encoding="utf-8") if file is not None else None
    manifest = kuberay_launcher.text(request, profile.kuberay, profile, file=content)
    if not submit:
        say(manifest, end="")
        return 0
    say(_send(["kubectl", "create", "-f", "-"], manifest))
    return 0


@launch.command("ray-job")
@launch_options
@pass_catalog
def ray_job(catalog: Catalog, **asked: Any) -> int:
    """Show the `ray job submit` line that runs EXPERIMENT as a job of a Ray cluster."""
    profile, request, file = _read(catalog, folder="", **asked)
    folder = None if file is None else str(file.parent)
    say(ray_job_launcher.text(request, profile, folder=folder), end="")
    return 0


def _read(
    catalog: Catalog,
    *,
    experiment: str,
    overrides: tuple[str, ...],
    max_trials: int | None,
    storage: str | None,
    profile: str | None,
    folder: str | None = None,
) -> tuple[Profile, Request, Path | None]:
    """Return the profile, what is to be run, and the experiment's file; None for a packaged one.

    `folder` is where that file is on the cluster; where it is here when that is None. Mistakes in the experiment are
    found here, before anything waits in a queue. Raises: SpecError, RunError, UnknownName.
    """
    path = Path(profile) if profile is not None else Path(USUAL_PROFILE)
    settings = load_profile(path) if profile is not None or path.is_file() else Profile()
    source = find_source(experiment)
    if source == STDIN:
        raise RunError("an experiment that a cluster runs needs a file, not standard input")
    plan = expand(load_experiment(experiment, overrides=overrides), catalog, max_trials=max_trials or MAX_TRIALS)
    where = storage or settings.storage
    if where is None:
        raise RunError("name the storage that the nodes share: --storage, or storage in the profile")
    here = folder_of(where)
    file = None if source in packaged().values() else source.absolute()
    given = source.stem if file is None else str(file) if folder is None else str(Path(folder) / _name(file, folder))
    request = Request(
        experiment=plan.experiment,
        given=given,
        storage=where if here is None else str(here.absolute()),
        overrides=overrides,
        gpus=max((trial.resources.gpus for trial in plan.trials), default=0),
        cpus=max((trial.resources.cpus for trial in plan.trials), default=1),
        memory=max((trial.resources.memory or 0 for trial in plan.trials), default=0),
    )
    return settings, request, file


def _check_size(asked: float, there: int | None, what: str, key: str) -> None:
    """Make sure that a node can hold each trial, for it would wait for ever. Raises: RunError."""
    if there is not None and asked > there:
        raise RunError(f"a trial asks for {asked:g} {what}, and {key} in the profile is {there}")


def _check_memory(asked: int, there: float | None, key: str) -> None:
    """Likewise for the memory, in bytes. Raises: RunError."""
    if there is not None and asked > there:
        words = f"a trial asks for {memory_text(asked)} of memory, and {key} in the profile is {memory_text(there)}"
        raise RunError(words)


def _name(file: Path, folder: str) -> str:
    return "experiment.yaml" if folder else file.name


def _send(command: list[str], content: str) -> str:
    """Give a scheduler's own command the text, and return what it says. Raises: RunError, HaltError."""
    if shutil.which(command[0]) is None:
        raise RunError(f"{command[0]} is not on this machine; without --submit the text is shown")
    done = subprocess.run(command, input=content, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise HaltError(f"{command[0]} refused it: {' '.join(done.stderr.split()) or done.returncode}")
    return done.stdout.strip().partition(";")[0]
