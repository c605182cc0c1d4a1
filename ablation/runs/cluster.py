"""The executor of a study's table [cluster], and the script of its jobs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ablation.device import CPU, CUDA, is_cuda
from ablation.executors import Slot
from ablation.executors.dask import ClusterExecutor
from ablation.executors.dask_connection import Certificates, JobRequest, connect_to, start_jobs
from ablation.runs.file_transfer import FeatureSupply
from ablation.study import Study


def cluster_executor(study: Study, folder: Path, say: Callable[[str], None]) -> ClusterExecutor:
    """Return an executor that runs cells on the study's cluster.

    Which card a cell gets depends on its worker. ``folder`` is that of the study's results, where
    jobs write their logs.
    """
    spec = study.cluster
    if spec.address is None:
        connect = partial(start_jobs, _request(study, folder))
    else:
        certificates = None
        if spec.tls_ca_file is not None and spec.tls_cert is not None:
            certificates = Certificates(spec.tls_ca_file, spec.tls_cert, spec.tls_key)
        connect = partial(connect_to, spec.address, certificates=certificates)
    return ClusterExecutor(cluster_slots(study), say, connect=connect, supply=FeatureSupply())


def cluster_slots(study: Study) -> list[Slot]:
    """Return a slot for each of the cluster's workers, as far as their number is known.

    A cell needs a card if the first of the study's devices names one.
    """
    return [Slot(_device(study), study.execution.threads)] * study.cluster.workers


def script_of(study: Study, folder: Path) -> str:
    """Return the script of each job of the study whose results are in ``folder``.

    Nothing is started, so the scheduler's address and the file of credentials are placeholders.
    """
    request = _request(study, folder)
    return request.script("WORKER", request.logs / "CREDENTIALS")


def _request(study: Study, folder: Path) -> JobRequest:
    spec = study.cluster
    logs = folder.absolute() / "logs"
    return JobRequest(str(spec.system), spec.jobs, logs, spec.interface, _options(study))


def _device(study: Study) -> str:
    # What the cluster's machines have is not known here, so `auto` asks for no card.
    return CUDA if is_cuda(study.execution.devices[0]) else CPU


def _options(study: Study) -> dict[str, Any]:
    """Return what dask-jobqueue is told of a job; each worker offers a card if a cell needs one."""
    spec = study.cluster
    options: dict[str, Any] = {
        "processes": spec.processes,
        "cores": spec.processes,  # a worker runs one cell at a time, whatever threads the cell has
        "memory": spec.memory,
        "walltime": spec.walltime,
        "queue": spec.queue,
        "project" if spec.system == "sge" else "account": spec.account,
        "python": spec.python,
        "job_extra_directives": list(spec.directives),
        # Python shall import nothing from the folder in which a job starts.
        "job_script_prologue": ["export PYTHONSAFEPATH=1", *spec.prologue],
        "worker_extra_args": ["--resources", "GPU=1"] if _device(study) != CPU else [],
    }
    if spec.system == "slurm":
        options["job_cpu"] = spec.cores
    if spec.system == "pbs":
        options["resource_spec"] = f"select=1:ncpus={spec.cores}:mem={spec.memory.lower()}"
    return {name: value for name, value in options.items() if value is not None}
