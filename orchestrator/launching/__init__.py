"""How a run is handed to the scheduler of a cluster: Slurm, Kubernetes with KubeRay, or Ray's own jobs.

In: a `Profile`, which says what a cluster is like and determines no result, and the `sharptune run` to be made there.
Out: the text of a batch script or manifest; nothing is sent. Values reach shells and YAML quoted, whatever they are.
Public face: `profile.load_profile`, and `text` of each launcher.
"""

__all__ = ["kuberay", "profile", "ray_job", "request", "slurm"]
