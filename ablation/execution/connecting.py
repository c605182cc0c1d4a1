"""To a cluster: a scheduler that runs, or one of our own with a batch system's jobs as workers."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ablation.errors import ClusterError, counted, suggestion

if TYPE_CHECKING:
    from distributed import Client

_INSTALL = "install what it needs: pip install -c constraints.txt -e '.[cluster]'"
_ANSWER_SECONDS = 10
_CLASSES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster"}  # dask-jobqueue's


def connect_to(address: str) -> tuple[Client, Callable[[], None]]:
    """A client of the scheduler at ``address`` (``tcp://host:port``), and what ends it.

    Raises
    ------
    ClusterError
        When none answers there, or what a cluster needs is not installed.
    """
    check_address(address)
    client = _client(address)
    return client, lambda: _end(client.close)


def check_address(address: str) -> None:
    """Raise :class:`ClusterError` for what cannot be a scheduler's address."""
    if not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://\S+:\d+", address):
        scheme = address.partition("://")[0]
        near = suggestion(scheme, ["tcp", "tls"]) if "://" in address else "as in tcp://host:8786"
        raise ClusterError(f"--cluster {address!r} is no scheduler's address", near)


def start_jobs(
    system: str,
    jobs: int,
    options: dict[str, Any],
) -> tuple[Client, Callable[[], None]]:
    """A scheduler in this process and ``jobs`` jobs of a batch system that bring its workers.

    Parameters
    ----------
    system
        ``slurm`` and so on.
    options
        As of :func:`job_options`.

    Raises
    ------
    ClusterError
        When the system's commands are not there, or refuse the jobs.
    """
    kind = _kind(system)
    from distributed.core import Status

    command = kind.job_cls.submit_command.split()[0]
    if shutil.which(command) is None:
        raise ClusterError(
            f"{system}'s command {command} is not on this machine",
            "run this where jobs are submitted from, or take the study to one by --cluster",
        )
    _quiet()
    with _faults_said(system):
        cluster = kind(**options)
    try:
        with _faults_said(system):
            cluster.scale(jobs=jobs)
            cluster.sync(_submitted, cluster)
        refused = [job for job in cluster.workers.values() if not job.job_id]
        for job in refused:  # what never was cannot be closed
            job.status = Status.closed
        if refused:
            raise ClusterError(
                f"{command} refused {len(refused)} of {counted(jobs, 'job')}",
                "submit the script that --dry-run shows by hand to see why",
            )
        client = _client(cluster)
    except BaseException:
        _end(cluster.close)
        raise

    def end() -> None:
        _end(client.close)
        _end(cluster.close)

    return client, end


def job_script(system: str, options: dict[str, Any]) -> str:
    """The script that each job runs; nothing is started or submitted.

    The scheduler's address in it is known only when there is one.
    """
    kind = _kind(system).job_cls
    of_cluster = {"silence_logs", "scheduler_options", "interface"}
    own = {name: value for name, value in options.items() if name not in of_cluster}
    with _faults_said(system):
        job = kind(scheduler="tcp://THIS-MACHINE:PORT", name="WORKER", **own)
    return job.job_script()


def job_options(
    system: str,
    *,
    processes: int,
    cores: int,
    memory: str,
    walltime: str,
    queue: str | None,
    account: str | None,
    interface: str | None,
    directives: Sequence[str],
    prologue: Sequence[str],
    python: str | None,
    on_cards: bool,
) -> dict[str, Any]:
    """What dask-jobqueue calls these; ``on_cards``: each worker has one card to offer."""
    options: dict[str, Any] = {
        "processes": processes,
        "cores": processes,  # a worker runs one cell at a time, whatever threads the cell has
        "memory": memory,
        "walltime": walltime,
        "queue": queue,
        "project" if system == "sge" else "account": account,
        "interface": interface,
        "python": python,
        "job_extra_directives": list(directives),
        "job_script_prologue": list(prologue),
        "worker_extra_args": ["--resources", "GPU=1"] if on_cards else [],
        "job_name": "ablation",
        "silence_logs": logging.ERROR,
        "scheduler_options": {"dashboard": False, "dashboard_address": ":0"},
    }
    if system == "slurm":
        options["job_cpu"] = cores
    if system == "pbs":
        options["resource_spec"] = f"select=1:ncpus={cores}:mem={memory.lower()}"
    return {name: value for name, value in options.items() if value is not None}


async def _submitted(cluster: Any) -> None:
    """When every job was submitted, or was refused."""
    await cluster


def _kind(system: str) -> Any:
    try:
        import dask_jobqueue
    except ImportError as error:
        raise ClusterError(f"dask-jobqueue is not installed ({error})", _INSTALL) from error
    return getattr(dask_jobqueue, _CLASSES[system])


@contextmanager
def _faults_said(system: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        said = " ".join(str(error).split())[:300]
        raise ClusterError(
            f"[cluster] cannot be used with {system}: {said}",
            "correct the table [cluster]; --dry-run shows the job script",
        ) from error


def _client(target: Any) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(f"dask.distributed is not installed ({error})", _INSTALL) from error
    _quiet()
    try:
        return Client(target, timeout=_ANSWER_SECONDS, set_as_default=False, name="ablation")
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"no scheduler answers at {getattr(target, 'scheduler_address', target)}",
            "start one with: dask scheduler --host 127.0.0.1; then workers with: "
            "dask worker ADDRESS --nthreads 1",
        ) from error


def _quiet() -> None:
    """What concerns a user is said by us: workers that come and go are no news."""
    for name in ("distributed", "tornado", "asyncio", "dask_jobqueue"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _end(close: Callable[[], Any]) -> None:
    """Part from a cluster that may be gone already."""
    with suppress(OSError, TimeoutError, RuntimeError, ValueError):
        close()
