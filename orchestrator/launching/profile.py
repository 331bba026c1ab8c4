"""What a cluster is like, in a small YAML file of its own. It says where trials run, never what they compute."""

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from orchestrator.document.spec import Form
from orchestrator.document.validation_errors import findings
from orchestrator.document.yaml_document import parse_document
from orchestrator.errors import Problem, SpecError
from trainables.config import Integer

_DIRECTIVE = re.compile(r"[A-Za-z0-9_.,:;=@%+*&|()\[\]/~-]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_TIME = re.compile(r"(\d+-)?\d+(:\d{1,2}){0,2}")


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(what)
        return text

    return AfterValidator(check)


def _one_line(text: str) -> str:
    if not text.strip() or any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must be one line of text")
    return text


def _options(options: list[str]) -> list[str]:
    for option in options:
        if not option.startswith("-"):
            raise ValueError(f"{option!r} is no option: options begin with '-'")
    return options


Directive = Annotated[str, _matching(_DIRECTIVE, "must be one word, without quotes, '#' or spaces")]
"""What stands in an #SBATCH line, where nothing can be quoted."""
Variable = Annotated[str, _matching(_VARIABLE, "must be a variable's name: letters, digits and '_'")]
DnsName = Annotated[str, _matching(_DNS_NAME, "must be a name of small letters, digits, '-' and '.'")]
Amount = Annotated[str, _matching(_QUANTITY, "must be an amount as Kubernetes writes it, such as 16Gi or 500m")]
Time = Annotated[str, _matching(_TIME, "must be a time as Slurm writes it: minutes, HH:MM:SS or D-HH:MM:SS")]
Line = Annotated[str, AfterValidator(_one_line)]


class SlurmProfile(Form):
    """What the batch script asks of Slurm, and what its nodes do first."""

    partition: Directive | None = None
    """As sbatch takes it."""
    account: Directive | None = None
    """As sbatch takes it."""
    qos: Directive | None = None
    """As sbatch takes it."""
    constraint: Directive | None = None
    """As sbatch takes it."""
    time: Time | None = None
    """The job's limit; before it the trials are saved and the job goes back into the queue."""
    nodes: Annotated[Integer, Field(ge=1, le=4096)] = 1
    """How many."""
    cpus_per_node: Annotated[Integer, Field(ge=1, le=4096)] | None = None
    """Cores of each node."""
    gpus_per_node: Annotated[Integer, Field(ge=0, le=64)] = 0
    """How many of each node's."""
    memory_per_node: Directive | None = None
    """As sbatch takes it, such as 128G."""
    exclusive: bool = False
    """Whether the nodes are the job's alone."""
    options: Annotated[list[Directive], AfterValidator(_options)] = Field(default_factory=list)
    """Further options of sbatch, as they stand after #SBATCH."""
    setup: list[Line] = Field(default_factory=list)
    """Lines of shell that every node runs first: modules, a virtual environment."""
    container: Line | None = None
    """An Apptainer image that has sharptune."""
    scratch: Line | None = None
    """A folder on each node's own disk, for the dataset cache; may name variables such as $USER or $SLURM_JOB_ID."""
    warning_seconds: Annotated[Integer, Field(ge=10, le=65535)] = 120
    """How long before the limit the trials are told to save."""
    most_restarts: Annotated[Integer, Field(ge=0, le=10_000)] = 50
    """How often the job goes on by itself."""


class Pod(Form):
    """What one pod of Kubernetes gets."""

    cpus: Annotated[Integer, Field(ge=1)] = 4
    """Cores."""
    memory: Amount = "16Gi"
    """As Kubernetes writes it."""
    gpus: Annotated[Integer, Field(ge=0, le=64)] = 0
    """Whole ones."""


class KubeRayProfile(Form):
    """What the RayJob asks of Kubernetes."""

    image: Line
    """An image that has sharptune, and the Ray that this machine has."""
    namespace: DnsName | None = None
    """Where the RayJob is made."""
    queue: DnsName | None = None
    """A local queue of Kueue."""
    head: Pod = Pod()
    """Where the driver runs."""
    worker: Pod = Pod()
    """Where trials run."""
    workers: Annotated[Integer, Field(ge=1, le=4096)] = 1
    """How many pods of that kind."""
    volume_claim: DnsName | None = None
    """A PersistentVolumeClaim that holds the storage."""
    mount: Line = "/runs"
    """Where the claim is mounted in every pod."""
    secret: DnsName | None = None
    """A Secret whose keys become environment variables of every pod: the credentials of an object store."""
    service_account: DnsName | None = None
    """That of the pods."""
    gpu_resource: Line = "nvidia.com/gpu"
    """What Kubernetes calls a GPU."""
    backoff_limit: Annotated[Integer, Field(ge=0, le=100)] = 3
    """How often a new cluster is started for the same run."""
    ttl_seconds: Annotated[Integer, Field(ge=0)] = 600
    """How long the finished job is kept for looking at."""
    grace_seconds: Annotated[Integer, Field(ge=10, le=3600)] = 120
    """How long a pod that must go may save its trials."""


class RayJobProfile(Form):
    """Where a cluster that runs already takes jobs."""

    address: Line = "http://127.0.0.1:8265"
    """Of the cluster's dashboard."""
    pip: list[Line] = Field(default_factory=list)
    """What the job's environment has besides what the cluster has."""


class Profile(Form):
    """A cluster's settings, by launcher, and what they share."""

    storage: Line | None = None
    """Where the record is, as the nodes see it; `--storage` comes before it."""
    environment: dict[Variable, str] = Field(default_factory=dict)
    """Variables of every process of the run."""
    slurm: SlurmProfile = SlurmProfile()
    """For `launch slurm`."""
    kuberay: KubeRayProfile | None = None
    """For `launch kuberay`."""
    ray_job: RayJobProfile = RayJobProfile()
    """For `launch ray-job`."""


_SCALES = {
    **{letter: 1000**power for power, letter in enumerate(("", "k", "M", "G", "T", "P"))},
    **{f"{letter}i": 1024**power for power, letter in enumerate("KMGTP", start=1)},
    "m": 0.001,
}


def bytes_of_slurm(memory: str | None) -> float | None:
    """Return what `memory_per_node` means: megabytes without a unit; None where all of the node's, or nobody knows."""
    found = re.fullmatch(r"(\d+)([KMGT]?)B?", (memory or "").upper())
    if found is None or int(found[1]) == 0:
        return None
    return int(found[1]) * 1024.0 ** ("KMGT".index(found[2] or "M") + 1)


def bytes_of_kubernetes(amount: str) -> float:
    """Return what an `Amount` of memory means."""
    number = amount.rstrip("mkKMGTPi")
    return float(number) * _SCALES[amount[len(number) :]]


def load_profile(path: Path) -> Profile:
    """Return the profile in a file. Raises: SpecError that names every mistake with its line."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        problem = Problem(file=str(path), line=None, path="", read=None, message=f"cannot be read: {reason}")
        raise SpecError([problem]) from error
    return parse_profile(text, file=str(path))


def parse_profile(text: str, *, file: str = "cluster.yaml") -> Profile:
    """Return the profile in a text. Raises: SpecError."""
    document = parse_document(text, file=file)
    value: Any = {} if document.value is None else document.value
    problems = list(document.problems)
    try:
        profile = TypeAdapter(Profile).validate_python(value)
    except ValidationError as error:
        problems += [document.problem(where, message) for where, message in findings(error, value, Profile)]
        raise SpecError(problems) from error
    if problems:
        raise SpecError(problems)
    return profile
