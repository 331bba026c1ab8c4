"""A RayJob of KubeRay (ray.io/v1): a cluster that is made for the run, and goes when it has ended."""

import io
import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ruamel.yaml import YAML

from orchestrator.launching.profile import KubeRayProfile, Pod, Profile
from orchestrator.launching.request import Request, shell_words

FOLDER = "/etc/sharptune"
"""Where an experiment's file is in every pod."""
LONGEST_NAME = 40
"""KubeRay adds to it, and Kubernetes takes 63."""


def text(request: Request, kuberay: KubeRayProfile, profile: Profile, *, file: str | None = None) -> str:
    """Return the manifest as YAML; `file` is the experiment's text, where it is not one that the image has."""
    documents = [_ray_job(request, kuberay, profile, with_file=file is not None)]
    if file is not None:
        documents.insert(0, _config_map(request, kuberay, file))
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    out = io.StringIO()
    yaml.dump_all(documents, out)
    return out.getvalue()


def name_of(request: Request) -> str:
    """Return the job's name, one that Kubernetes takes."""
    plain = re.sub(r"[^a-z0-9]+", "-", request.name.lower()).strip("-")
    return plain[:LONGEST_NAME].rstrip("-")


def _metadata(request: Request, kuberay: KubeRayProfile, **more: Any) -> dict[str, Any]:
    place = {"namespace": kuberay.namespace} if kuberay.namespace else {}
    return {"name": name_of(request), **place, **more}


def _config_map(request: Request, kuberay: KubeRayProfile, file: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(request, kuberay),
        "data": {"experiment.yaml": file},
    }


def _ray_job(request: Request, kuberay: KubeRayProfile, profile: Profile, *, with_file: bool) -> dict[str, Any]:
    labels = {"labels": {"kueue.x-k8s.io/queue-name": kuberay.queue}} if kuberay.queue else {}
    head = {"rayStartParams": {"num-cpus": "0"}, "template": _pod(request, kuberay, profile, kuberay.head, with_file)}
    workers = {
        "groupName": "workers",
        "replicas": kuberay.workers,
        "minReplicas": kuberay.workers,
        "maxReplicas": kuberay.workers,
        "rayStartParams": {},
        "template": _pod(request, kuberay, profile, kuberay.worker, with_file),
    }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": _metadata(request, kuberay, **labels),
        "spec": {
            "entrypoint": shell_words(["python", "-m", "orchestrator", *request.on("auto")]),
            "submissionMode": "K8sJobMode",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": kuberay.ttl_seconds,
            "backoffLimit": kuberay.backoff_limit,
            "rayClusterSpec": {
                "rayVersion": version("ray"),
                "authOptions": {"mode": "token"},
                "headGroupSpec": head,
                "workerGroupSpecs": [workers],
            },
        },
    }


def _pod(request: Request, kuberay: KubeRayProfile, profile: Profile, pod: Pod, with_file: bool) -> dict[str, Any]:
    amounts: dict[str, Any] = {"cpu": pod.cpus, "memory": pod.memory}
    if pod.gpus:
        amounts[kuberay.gpu_resource] = pod.gpus
    container: dict[str, Any] = {
        "name": "ray",
        "image": kuberay.image,
        "resources": {"requests": dict(amounts), "limits": dict(amounts)},
    }
    if profile.environment:
        container["env"] = [{"name": name, "value": value} for name, value in profile.environment.items()]
    if kuberay.secret:
        container["envFrom"] = [{"secretRef": {"name": kuberay.secret}}]
    mounts, volumes = _volumes(request, kuberay, with_file=with_file)
    spec: dict[str, Any] = {"terminationGracePeriodSeconds": kuberay.grace_seconds, "containers": [container]}
    if kuberay.service_account:
        spec["serviceAccountName"] = kuberay.service_account
    if volumes:
        container["volumeMounts"] = mounts
        spec["volumes"] = volumes
    return {"spec": spec}


def _volumes(
    request: Request, kuberay: KubeRayProfile, *, with_file: bool
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return where volumes are mounted, and what they are."""
    mounts: list[Mapping[str, Any]] = []
    volumes: list[Mapping[str, Any]] = []
    if kuberay.volume_claim:
        mounts.append({"name": "storage", "mountPath": kuberay.mount})
        volumes.append({"name": "storage", "persistentVolumeClaim": {"claimName": kuberay.volume_claim}})
    if with_file:
        mounts.append({"name": "experiment", "mountPath": FOLDER, "readOnly": True})
        volumes.append({"name": "experiment", "configMap": {"name": name_of(request)}})
    return mounts, volumes
