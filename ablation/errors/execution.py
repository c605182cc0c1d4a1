"""Errors of executing cells: devices, clusters, their workers, and memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ablation.errors.base import ClusterError, MemoryShortage, StudyError
from ablation.errors.text import counted

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


class CertificateUnusable(ClusterError):
    """Certificates of [cluster] cannot be read; ``reason`` is that of the TLS library."""

    files: Sequence[Path]
    reason: str
    WHAT = "[cluster]: certificates {files!l} cannot be used: {reason}"
    REMEDY = "tls_ca_file, tls_cert and tls_key are PEM files; tls_key is not needed if in tls_cert"


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
    """The batch system refused a job; ``words`` are those of its command."""

    command: str
    words: str
    WHAT = "{command} refused a job: {words}"
    REMEDY = "correct the table [cluster] (--dry-run shows the job script), or try again later"


class JobsDied(ClusterError):
    """Jobs of a batch system ended, one after the other, before a worker of theirs connected.

    ``job`` is the last one, which left ``log`` in the folder ``logs``; the log's last lines follow.
    """

    system: str
    jobs: int
    job: str
    state: str
    log: Path | None
    logs: Path

    def describe(self) -> str:
        jobs = counted(self.jobs, "job")
        return (
            f"{jobs} of {self.system} in a row ended without a worker; job {self.job}: {self.state}"
        )

    def advise(self) -> str:
        if self.log is None:
            return f"it left no log in {self.logs}: can the nodes write there?"
        return f"correct the table [cluster] or the nodes; its log {self.log} ends with:"


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


class WorkerLacksGpu(ClusterError):
    """A cell needs a GPU, and a cluster's worker cannot use one; ``reason`` says why."""

    worker: str
    reason: str
    WHAT = "worker {worker} cannot use a GPU: {reason}"
    REMEDY = "correct that machine, or train on CPUs with --devices cpu"


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
