"""The line that hands a run to a Ray cluster as one of its jobs."""

import json

from orchestrator.launching.profile import Profile
from orchestrator.launching.request import Request, shell_words


def text(request: Request, profile: Profile, *, folder: str | None = None) -> str:
    """Return the line; `folder` has the experiment's file, and goes to the cluster."""
    environment: dict[str, object] = {}
    if profile.environment:
        environment["env_vars"] = dict(profile.environment)
    if profile.ray_job.pip:
        environment["pip"] = list(profile.ray_job.pip)
    if folder is not None:
        environment["excludes"] = ["runs", ".venv", ".git"]
    options = ["--address", profile.ray_job.address, "--no-wait"]
    if folder is not None:
        options += ["--working-dir", folder]
    if environment:
        options += ["--runtime-env-json", json.dumps(environment)]
    run = ["python", "-m", "orchestrator", *request.on("auto")]
    return shell_words(["ray", "job", "submit", *options, "--", *run]) + "\n"
