"""Connecting to a cluster: a running scheduler, or our own with jobs of a batch system."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ablation.errors.common import InvalidOption, MissingPackage
from ablation.errors.execution import (
    InvalidClusterTable,
    JobsRefused,
    NoScheduler,
    SubmitCommandMissing,
)

if TYPE_CHECKING:
    from distributed import Client

_ANSWER_SECONDS = 10
_CLASSES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster"}  # dask-jobqueue's


def connect_to(address: str) -> tuple[Client, Callable[[], None]]:
    """Return a client of the scheduler at ``address`` (``tcp://host:port``), and what closes it.

    Raises
    ------
    ClusterError
        If the address is not valid, or no scheduler answers there.
    MissingPackage
        If dask.distributed is not installed.
    """
    check_address(address)
    client = _client(address)
    return client, lambda: _end(client.close)


def check_address(address: str) -> None:
    """Raise :class:`~ablation.errors.StudyError` for what cannot be a scheduler's address."""
    if not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://\S+:\d+", address):
        raise InvalidOption("--cluster", address, "tcp://host:port", "tcp://host:8786")


def start_jobs(
    system: str, jobs: int, options: dict[str, Any]
) -> tuple[Client, Callable[[], None]]:
    """Start a scheduler in this process and ``jobs`` jobs of a batch system as its workers.

    Parameters
    ----------
    system
        ``slurm``, ``pbs`` or ``sge``.
    options
        Keyword arguments of dask-jobqueue's cluster.

    Returns
    -------
    client, end
        A client of the scheduler, and a function that ends the jobs and the scheduler.

    Raises
    ------
    ClusterError
        If the batch system's commands do not exist here, or refuse the jobs.
    MissingPackage
        If dask-jobqueue is not installed.
    """
    kind = _kind(system)
    from distributed.core import Status

    command = kind.job_cls.submit_command.split()[0]
    if shutil.which(command) is None:
        raise SubmitCommandMissing(system, command)
    _quiet()
    with _faults_reported(system):
        cluster = kind(**options)
    try:
        with _faults_reported(system):
            cluster.scale(jobs=jobs)
            cluster.sync(_submitted, cluster)
        refused = [job for job in cluster.workers.values() if not job.job_id]
        for job in refused:  # a job that never existed cannot be closed
            job.status = Status.closed
        if refused:
            raise JobsRefused(command, len(refused), jobs)
        client = _client(cluster)
    except BaseException:
        _end(cluster.close)
        raise

    def end() -> None:
        _end(client.close)
        _end(cluster.close)

    return client, end


def job_script(system: str, options: dict[str, Any]) -> str:
    """Return the script that each job runs; nothing is started or submitted.

    The scheduler's address in it is a placeholder, as no scheduler is running yet.
    """
    kind = _kind(system).job_cls
    of_cluster = {"silence_logs", "scheduler_options", "interface"}
    own = {name: value for name, value in options.items() if name not in of_cluster}
    with _faults_reported(system):
        job = kind(scheduler="tcp://THIS-MACHINE:PORT", name="WORKER", **own)
    return job.job_script()


async def _submitted(cluster: Any) -> None:
    """Wait until every job has been submitted or refused."""
    await cluster


def _kind(system: str) -> Any:
    try:
        import dask_jobqueue
    except ImportError as error:
        raise MissingPackage("[cluster]", "dask-jobqueue", "cluster") from error
    return getattr(dask_jobqueue, _CLASSES[system])


@contextmanager
def _faults_reported(system: str) -> Iterator[None]:
    """Turn what dask-jobqueue raises into an expected error."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        raise InvalidClusterTable(system, " ".join(str(error).split())[:300]) from error


def _client(target: Any) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingPackage("a cluster", "distributed", "cluster") from error
    _quiet()
    try:
        return Client(target, timeout=_ANSWER_SECONDS, set_as_default=False, name="ablation")
    except (OSError, TimeoutError, ValueError) as error:
        raise NoScheduler(str(getattr(target, "scheduler_address", target))) from error


def _quiet() -> None:
    """Silence dask's logs: we report what concerns the user, and workers may come and go."""
    for name in ("distributed", "tornado", "asyncio", "dask_jobqueue"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _end(close: Callable[[], Any]) -> None:
    """Close the connection to a cluster that may already be gone."""
    with suppress(OSError, TimeoutError, RuntimeError, ValueError):
        close()
