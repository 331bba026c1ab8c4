"""A real Slurm on this machine: munged, slurmctld and two slurmd, all in a folder of their own and ended with it."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo", "srun")
NODES = ("n1", "n2")


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in PROGRAMS if _program(name) is None]


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Slurm:
    """A running cluster of two nodes of two CPUs and two countable GPUs each; partitions `low` and `high`."""

    folder: Path
    daemons: list[subprocess.Popen] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def call(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout.strip()

    def state(self, job: str) -> str:
        """Return `PENDING`, `RUNNING`, `COMPLETED` …; empty for a job that Slurm has forgotten."""
        found = subprocess.run(
            ["scontrol", "show", "job", job], env=self.environment, capture_output=True, text=True, timeout=60
        ).stdout
        return found.partition("JobState=")[2].partition(" ")[0]

    def restarts(self, job: str) -> int:
        """Return how often a job was started again."""
        return int(self.call("scontrol", "show", "job", job).partition("Restarts=")[2].partition(" ")[0])

    def minutes(self, job: str) -> int:
        """Return for how many whole minutes a job has run since it was started last."""
        hours, minutes, _ = self.call("scontrol", "show", "job", job).partition("RunTime=")[2].split()[0].split(":")
        return 60 * int(hours) + int(minutes)

    def processes(self, node: str = "") -> list[psutil.Process]:
        """Return what runs in jobs of this cluster, on one node or on all, then also Slurm's own for them."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                ours = environment.get("SLURM_CONF") == str(self.folder / "slurm.conf")
                job = "SLURM_JOB_ID" in environment and environment.get("SLURMD_NODENAME", "").startswith(node)
                if ours and (job or (not node and process.name() == "slurmstepd")):
                    found.append(process)
        return found

    def lose(self, node: str) -> None:
        """Kill all of a node's processes, as when its power is cut."""
        slurmd = psutil.Process(int((self.folder / f"{node}.pid").read_text()))
        steps = [each for each in psutil.process_iter() if each.name() == "slurmstepd" and node in each.exe()]
        for process in [slurmd, *slurmd.children(recursive=True), *steps, *self.processes(node)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def notice(self, node: str) -> None:
        """Let Slurm know at once that a node is lost, which it finds out by itself half a minute later."""
        self.call("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")

    def repair(self, node: str) -> None:
        """Start the node again."""
        self.daemons.append(_started(self.folder, "slurmd", "-D", "-f", str(self.folder / "slurm.conf"), "-N", node))


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[Slurm]:
    """Start the cluster; all of its processes are gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Slurm(folder=folder)
    _configure(folder)
    started = cluster.daemons
    try:
        started.append(_started(folder, "munged", "--foreground", "--force", *_munge_options(folder)))
        _wait(lambda: (folder / "munge.socket").exists())
        started.append(_started(folder, "slurmctld", "-D", "-f", str(folder / "slurm.conf")))
        for node in NODES:
            started.append(_started(folder, "slurmd", "-D", "-f", str(folder / "slurm.conf"), "-N", node))
        _wait(lambda: cluster.call("sinfo", "-h", "-N", "-p", "low", "-o", "%T").split() == ["idle"] * len(NODES))
        yield cluster
    finally:
        for process in cluster.processes():  # what jobs have left: Slurm's own end does not end them
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for process in reversed(started):
            process.terminate()
        for process in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            process.kill()
            process.wait()


def _started(folder: Path, name: str, *options: str) -> subprocess.Popen:
    program = _program(name)
    assert program is not None
    with (folder / f"{name}.out").open("ab") as output:
        return subprocess.Popen([program, *options], env=Slurm(folder=folder).environment, stdout=output, stderr=output)


def _wait(seen, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(AssertionError):
            if seen():
                return
        assert time.monotonic() < deadline, "Slurm does not come up"
        time.sleep(0.1)


def _munge_options(folder: Path) -> list[str]:
    files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
    return [*(f"--{name}={folder / file}" for name, file in files.items()), f"--key-file={folder / 'munge.key'}"]


def _configure(folder: Path) -> None:
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    for name in ("state", *NODES):
        (folder / name).mkdir()
    controller, *ports = _free_ports(1 + len(NODES))
    nodes = "\n".join(
        f"NodeName={node} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=4000 Gres=gpu:2"
        for node, port in zip(NODES, ports, strict=True)
    )
    for number in range(2):
        (folder / f"gpu{number}").touch()  # Slurm counts no GPU without a file
    (folder / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-1]\n")
    (folder / "slurm.conf").write_text(
        f"""\
ClusterName=test
SlurmctldHost=localhost
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmctldPidFile={folder}/slurmctld.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=5
SlurmdTimeout=10
SchedulerParameters=sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
{nodes}
PartitionName=low Nodes=ALL Default=YES PriorityTier=1 MaxTime=60 State=UP
PartitionName=high Nodes=ALL PriorityTier=10 MaxTime=60 State=UP
"""
    )
