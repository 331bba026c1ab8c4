"""Ray's cluster of several nodes on this machine, for a machine that is busy."""

from typing import Any

from ray.cluster_utils import Cluster

TRIES = 3


class PatientCluster(Cluster):
    """Starts a node again that was not there in time: Ray gives each thirty seconds."""

    def add_node(self, *arguments: Any, **options: Any) -> Any:
        for _ in range(TRIES - 1):
            try:
                return super().add_node(*arguments, **options)
            except Exception as error:
                if "timed out during startup" not in str(error):
                    raise
        return super().add_node(*arguments, **options)
