"""The executor of a study's table [cluster], and the script of its jobs."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ablation.device import CPU, CUDA, is_cuda
from ablation.executors import Slot
from ablation.executors.dask import ClusterExecutor
from ablation.executors.dask_connection import connect_to, job_options, job_script, start_jobs
from ablation.study import Study
from ablation.training.file_transfer import FeatureSupply


def cluster_executor(study: Study, say: Callable[[str], None]) -> ClusterExecutor:
    """Return an executor that runs cells on the study's cluster.

    A cell needs a card if the first of the study's devices names one; which card it gets depends
    on its worker.
    """
    spec, execution = study.cluster, study.execution
    connect = (
        partial(connect_to, spec.address)
        if spec.address is not None
        else partial(start_jobs, str(spec.system), spec.jobs, _options(study))
    )
    slots = [Slot(_device(study), execution.threads)]
    return ClusterExecutor(slots, say, connect=connect, supply=FeatureSupply())


def script_of(study: Study) -> str:
    """Return the script of each job; empty if a running scheduler is used."""
    system = study.cluster.system
    return "" if system is None else job_script(system, _options(study))


def _device(study: Study) -> str:
    # What the cluster's machines have is not known here, so `auto` asks for no card.
    return CUDA if is_cuda(study.execution.devices[0]) else CPU


def _options(study: Study) -> dict[str, Any]:
    spec = study.cluster
    return job_options(
        str(spec.system),
        processes=spec.processes,
        cores=spec.cores,
        memory=spec.memory,
        walltime=spec.walltime,
        queue=spec.queue,
        account=spec.account,
        interface=spec.interface,
        directives=spec.directives,
        prologue=spec.prologue,
        python=spec.python,
        on_cards=_device(study) != CPU,
    )
