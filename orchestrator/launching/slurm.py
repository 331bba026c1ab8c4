"""A batch script that starts Ray on the nodes of a Slurm job, runs there, and goes on by itself until all is done."""

import shlex
from collections.abc import Iterator
from importlib import resources

import jinja2

from orchestrator.launching.profile import Profile, SlurmProfile
from orchestrator.launching.request import Request, shell_words

ADDRESS = "ADDRESS"
"""Stands in the command for what is known only when Ray has started."""


def text(request: Request, profile: Profile) -> str:
    """Return the batch script."""
    folder = resources.files("orchestrator.launching") / "templates"
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)
    environment.filters["quoted"] = shlex.quote
    template = environment.from_string((folder / "slurm.sh.j2").read_text(encoding="utf-8"))
    slurm = profile.slurm
    command = ["python", "-m", "orchestrator", *request.on(ADDRESS)][:-1]
    return template.render(
        directives=list(_directives(request, slurm)),
        environment=profile.environment,
        slurm=slurm,
        prefix=shell_words(["apptainer", "exec", "--nv", slurm.container]) + " " if slurm.container else "",
        scratch=_with_variables(slurm.scratch) if slurm.scratch else "",
        run=shell_words(command),
    )


def _directives(request: Request, slurm: SlurmProfile) -> Iterator[str]:
    """Yield the options of sbatch, one word each."""
    yield f"--job-name={request.name}"
    yield f"--output={request.name}-%j.log"
    yield "--open-mode=append"
    yield f"--nodes={slurm.nodes}"
    yield "--ntasks-per-node=1"
    named = {
        "partition": slurm.partition,
        "account": slurm.account,
        "qos": slurm.qos,
        "constraint": slurm.constraint,
        "time": slurm.time,
        "cpus-per-task": slurm.cpus_per_node,
        "gpus-per-node": slurm.gpus_per_node or None,
        "mem": slurm.memory_per_node,
    }
    yield from (f"--{name}={value}" for name, value in named.items() if value is not None)
    if slurm.exclusive:
        yield "--exclusive"
    yield f"--signal=B:USR1@{slurm.warning_seconds}"
    yield "--requeue"
    yield from slurm.options


def _with_variables(path: str) -> str:
    """Return a path for the inside of double quotes, in which variables alone are special."""
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`").replace("$(", "\\$(")
