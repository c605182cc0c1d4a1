"""Connecting to a cluster: a running scheduler, or our own with jobs of a batch system."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ablation.errors.common import InvalidOption, MissingPackage
from ablation.errors.execution import CertificateUnusable, InvalidClusterTable, NoScheduler
from ablation.executors.batch_jobs import BatchJobs
from ablation.executors.batch_system import BatchSystem, job_class, log_directives

if TYPE_CHECKING:
    from distributed import Client, Security

_ANSWER_SECONDS = 10
_TLS = "tls://"


@dataclass(frozen=True)
class Certificates:
    """PEM files with which a scheduler of the user's own is reached."""

    ca_file: Path
    cert: Path
    key: Path | None = None  # None: in the file of the certificate

    def security(self) -> Security:
        """Return them as dask takes them; raise :class:`CertificateUnusable` if they are none."""
        files = {"tls_ca_file": self.ca_file, "tls_client_cert": self.cert}
        if self.key is not None:
            files["tls_client_key"] = self.key
        security = _security()(
            require_encryption=True, **{name: str(file) for name, file in files.items()}
        )
        try:
            security.get_connection_args("client")  # reads them
        except OSError as error:  # an ssl.SSLError is one
            raise CertificateUnusable(list(files.values()), str(error)) from error
        return security


@dataclass(frozen=True)
class Connection:
    """A client of a cluster, and the jobs that are its workers, where we have submitted them."""

    client: Client
    jobs: BatchJobs | None = None


def connect_to(
    address: str,
    stack: ExitStack,
    say: Callable[[str], None],
    certificates: Certificates | None = None,
) -> Connection:
    """Return a client of the scheduler at ``address`` (``tcp://host:port``).

    It is closed with ``stack``. ``say`` is called with a warning where others can read what is
    sent.

    Raises
    ------
    ClusterError
        If the address or a certificate is not valid, or no scheduler answers there.
    MissingPackage
        If dask.distributed is not installed.
    """
    check_address(address)
    if not _is_private(address):
        say(
            f"warning: {address} is not encrypted: whoever reaches it can run code as you; "
            f"start the scheduler with certificates (tls://) or on loopback"
        )
    security = None if certificates is None else certificates.security()
    return Connection(_client(address, stack, security))


def check_address(address: str) -> None:
    """Raise :class:`~ablation.errors.StudyError` for what cannot be a scheduler's address."""
    if not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://\S+:\d+", address):
        raise InvalidOption("--cluster", address, "tcp://host:port", "tcp://host:8786")


def _is_private(address: str) -> bool:
    """Return whether nobody else can read or reach what is sent to a scheduler."""
    protocol, _, rest = address.partition("://")
    host = rest.rpartition(":")[0].strip("[]")
    if protocol in ("tls", "wss") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class JobRequest:
    """The jobs of a batch system that are wanted as workers.

    Attributes
    ----------
    system
        ``slurm``, ``pbs`` or ``sge``.
    jobs
        The most jobs at a time.
    logs
        The folder for the jobs' logs, on a disk that they share with this machine.
    interface
        The network interface of scheduler and workers; None: all.
    options
        Further keyword arguments of dask-jobqueue's job.
    """

    system: str
    jobs: int
    logs: Path
    interface: str | None
    options: Mapping[str, Any]

    def script(
        self, worker: str, credentials: Path, name: str = "ablation", scheduler: str = ""
    ) -> str:
        """Return the script of a job: that of ``worker``, which reads ``credentials``."""
        options = dict(self.options)
        file = shlex.quote(str(credentials))
        secure = ["--tls-ca-file", file, "--tls-cert", file, "--tls-key", file]
        # Dask would pause a worker for the memory of its own process, which is not where tasks run.
        unlimited = ["--memory-limit", "0"]
        asked = options.get("worker_extra_args", ())
        options["worker_extra_args"] = [*unlimited, *asked, *secure]
        options["job_extra_directives"] = [
            *log_directives(self.system, self.logs),
            *options.get("job_extra_directives", ()),
        ]
        with _faults_reported(self.system):
            job = job_class(self.system)(
                scheduler=scheduler or f"{_TLS}THIS-MACHINE:PORT",
                name=worker,
                job_name=name,
                protocol=_TLS,
                interface=self.interface,
                **options,
            )
        return job.job_script()


def start_jobs(request: JobRequest, stack: ExitStack, say: Callable[[str], None]) -> Connection:
    """Start a scheduler in this process, and jobs of a batch system as its workers.

    Only who has the run's credentials can reach it: a key made for it, which jobs read from a file
    of ``logs`` that only the user can read. Jobs, scheduler and file are gone once ``stack`` is
    closed.

    Raises
    ------
    ClusterError
        If the batch system's commands do not exist here, or its options cannot be used.
    MissingPackage
        If dask-jobqueue or cryptography is not installed.
    """
    name = f"ablation-{uuid4().hex[:6]}"  # PBS takes no more than 15 letters
    system = BatchSystem(request.system, name)
    request.script("", request.logs)  # its options are checked before anything is started
    _quiet()
    security = _temporary()
    credentials = stack.enter_context(_written(security, request.logs / f".{name}.pem"))
    cluster = _scheduler(request, security, stack)
    client = _client(cluster, stack, security)
    jobs = BatchJobs(
        system,
        lambda worker: request.script(worker, credentials, name, cluster.scheduler_address),
        lambda: [str(worker.name) for worker in list(cluster.scheduler.workers.values())],
        request.jobs,
        request.options["processes"],
        request.logs,
        say,
    )
    stack.callback(jobs.close)
    jobs.start()
    return Connection(client, jobs)


def _scheduler(request: JobRequest, security: Security, stack: ExitStack) -> Any:
    """Start a scheduler without workers in this process."""
    from distributed import Scheduler, SpecCluster

    options = {
        "protocol": _TLS,
        "security": security,
        "interface": request.interface,
        "dashboard": False,
        "dashboard_address": ":0",
    }
    with _faults_reported(request.system):
        cluster = SpecCluster(
            scheduler={"cls": Scheduler, "options": options},
            security=security,
        )
    stack.callback(_end, cluster.close)
    return cluster


def _security() -> type[Security]:
    try:
        from distributed import Security
    except ImportError as error:
        raise MissingPackage("a cluster", "distributed", "cluster") from error
    return Security


def _temporary() -> Security:
    """Return credentials of this run's own."""
    try:
        return _security().temporary()
    except ImportError as error:
        raise MissingPackage("[cluster]", "cryptography", "cluster") from error


@contextmanager
def _written(security: Security, file: Path) -> Iterator[Path]:
    """Write a worker's certificate and key to ``file``, for the user alone, and remove it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(f"{security.tls_worker_cert}{security.tls_worker_key}")
        yield file
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _faults_reported(system: str) -> Iterator[None]:
    """Turn what dask-jobqueue raises into an expected error."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        raise InvalidClusterTable(system, " ".join(str(error).split())[:300]) from error


def _client(target: Any, stack: ExitStack, security: Security | None) -> Client:
    """Return a client of a scheduler, closed with ``stack``."""
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingPackage("a cluster", "distributed", "cluster") from error
    _quiet()
    try:
        client = Client(
            target,
            timeout=_ANSWER_SECONDS,
            set_as_default=False,
            name="ablation",
            security=security,
        )
    except (OSError, TimeoutError, ValueError) as error:
        raise NoScheduler(str(getattr(target, "scheduler_address", target))) from error
    stack.callback(_end, client.close)
    return client


def _quiet() -> None:
    """Silence dask's logs: we report what concerns the user, and workers may come and go."""
    for name in ("distributed", "tornado", "asyncio", "dask_jobqueue"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _end(close: Callable[[], Any]) -> None:
    """Close the connection to a cluster that may already be gone."""
    with suppress(OSError, TimeoutError, RuntimeError, ValueError):
        close()
