"""Errors of executing cells: devices, clusters, their workers, and memory."""

from collections.abc import Mapping, Sequence

from ablation.errors.base import ClusterError, MemoryShortage, StudyError

# ---------------------------------------------------------------------------- devices


class DevicesUnusable(StudyError):
    """None of the GPUs named can be used; ``reason`` says why."""

    devices: Sequence[str]
    reason: str
    WHAT = "execution.devices: {devices!n} cannot be used: {reason}"
    REMEDY = "use auto (the default) to take whatever can be used"


# ---------------------------------------------------------------------------- clusters


class NoScheduler(ClusterError):
    """No dask scheduler answers at an address."""

    address: str
    WHAT = "no scheduler answers at {address}"
    REMEDY = (
        "start it there with: dask scheduler; then workers with: dask worker {address} --nthreads 1"
    )


class ConnectionLost(ClusterError):
    """The scheduler went away while cells were running."""

    address: str
    WHAT = "the connection to the scheduler at {address} was lost"
    REMEDY = "finished cells are stored: run the same command again once it is back"


class SubmitCommandMissing(ClusterError):
    """This machine does not have the command that submits jobs to the batch system."""

    system: str
    command: str
    WHAT = "cluster.system {system}: command {command} not found on this machine"
    REMEDY = "run this where jobs are submitted, or use a running scheduler with --cluster"


class JobsRefused(ClusterError):
    """The batch system refused some of the jobs."""

    command: str
    refused: int
    jobs: int
    WHAT = "{command} refused {refused} of {jobs:+job}"
    REMEDY = "submit the script that --dry-run shows by hand to see why"


class InvalidClusterTable(ClusterError):
    """The table [cluster] does not suit the batch system; ``reason`` is dask-jobqueue's."""

    system: str
    reason: str
    WHAT = "[cluster] cannot be used with {system}: {reason}"
    REMEDY = "correct the table [cluster]; --dry-run shows the job script"


class WorkerLacksPackage(ClusterError):
    """A cluster's worker cannot import this package."""

    address: str
    package: str
    WHAT = "a worker of {address} does not have the package {package}"
    REMEDY = "install ablation there, in the same versions as here"


class WorkerVersionsDiffer(ClusterError):
    """A cluster's worker has other versions of packages on which the last bits of a row depend.

    ``versions`` has, for each of them, the worker's version and ours.
    """

    worker: str
    versions: Mapping[str, tuple[str, str]]
    REMEDY = "rows would not be comparable: install the same versions (constraints.txt) there"

    def describe(self) -> str:
        pairs = self.versions.items()
        listed = ", ".join(f"{name} {there} (here {here})" for name, (there, here) in pairs)
        return f"worker {self.worker} has {listed}"


class TaskAbandoned(ClusterError):
    """A task was cancelled, or its worker is closing: nobody waits for its result."""

    worker: str
    WHAT = "worker {worker} gave up a task that was cancelled"
    REMEDY = "run the same command again: finished cells are stored"


# ---------------------------------------------------------------------------- memory


class CellOutOfMemory(MemoryShortage):
    """A cell does not fit into a device's memory; ``option`` is the batch size's field."""

    cell: str
    option: str
    WHAT = "no memory for {cell}, even alone on its device: lower {option}"
