"""The tables that say where cells are trained: on this machine or on a cluster."""

from datetime import time
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ablation.device import AUTO
from ablation.study.fields import MEMORY, WALLTIME, Positive, PositiveFloat, Spec


def _listed(value: object) -> object:
    """Return ``"cuda:0,cuda:1"`` as a list."""
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def _spelt(value: object) -> object:
    """Return a TOML time, which ``04:00:00`` without quotes is, as text."""
    return value.isoformat() if isinstance(value, time) else value


class ExecutionSpec(Spec):
    """How cells are distributed over this machine. Only ``threads`` can change a row."""

    threads: Positive = Field(
        default=1, description="Threads per cell; the only field here that can change a row."
    )
    workers: Positive | None = Field(
        default=None,
        description="Worker processes on the CPU; default: as many as the cores allow.",
    )
    devices: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)] = Field(
        default=[AUTO],
        description="auto (all usable GPUs, else the CPU), cpu, cuda (all GPUs), cuda:0,cuda:1.",
    )
    workers_per_device: Positive = Field(default=1, description="Worker processes per GPU.")
    group: Positive = Field(
        default=16,
        description="Cells of one shape, folds and seeds, that a GPU trains together at most.",
    )
    tile: Positive | None = Field(
        default=None,
        description="Segments that the single pass holds at a time; default: by device.",
    )
    cache_gb: PositiveFloat = Field(
        default=20.0, description="Size of the cache of spectrograms on disk, in GB."
    )


class ClusterSpec(Spec):
    """A dask cluster that trains the cells: a running one, or jobs of a batch system.

    ``address`` is that of a running scheduler (``tcp://host:8786``, or ``tls://host:8786`` with
    certificates). ``system`` starts up to ``jobs`` jobs at a time instead, each with ``processes``
    workers that share ``cores`` and ``memory``.
    """

    address: str | None = Field(
        default=None,
        description="Address of a running scheduler, e.g. tcp://host:8786; or give system.",
    )
    tls_ca_file: Path | None = Field(
        default=None, description="PEM file of who signed a running scheduler's certificate."
    )
    tls_cert: Path | None = Field(
        default=None, description="PEM file of our certificate for a running scheduler."
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file of its key; default: it is in tls_cert."
    )
    system: Literal["slurm", "pbs", "sge"] | None = Field(
        default=None, description="Batch system to which jobs are submitted; or give address."
    )
    jobs: Positive = Field(default=1, description="Jobs at a time, at most.")
    processes: Positive = Field(default=1, description="Workers per job.")
    cores: Positive = Field(default=1, description="Cores per job.")
    memory: Annotated[str, Field(pattern=MEMORY)] = Field(
        default="4GB", description="Memory per job, e.g. 4GB."
    )
    walltime: Annotated[str, BeforeValidator(_spelt), Field(pattern=WALLTIME)] = Field(
        default="04:00:00",
        description="Time limit of a job, e.g. 04:00:00; others follow while cells are left.",
    )
    queue: str | None = Field(default=None, description="Queue or partition.")
    account: str | None = Field(default=None, description="Account or project to charge.")
    interface: str | None = Field(default=None, description="Network interface, e.g. ib0.")
    directives: list[str] = Field(
        default=[], description="Further directives of the job script, e.g. --gres=gpu:1."
    )
    prologue: list[str] = Field(
        default=[],
        description="Shell commands to run before the workers start, e.g. module load cuda.",
    )
    python: str | None = Field(default=None, description="Python on the nodes; default: this one.")

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        if self.address is not None and self.system is not None:
            raise ValueError("address and system cannot be combined; give one of them")
        if (self.tls_ca_file is None) != (self.tls_cert is None):
            raise ValueError("tls_ca_file and tls_cert are only of use together; give both")
        if self.tls_key is not None and self.tls_cert is None:
            raise ValueError("tls_key requires tls_ca_file and tls_cert")
        if self.tls_cert is not None and self.system is not None:
            raise ValueError("jobs get certificates of their own; tls_cert is for an address")
        if self.processes > self.cores:
            raise ValueError(f"processes = {self.processes} is more than cores = {self.cores}")
        return self

    @property
    def used(self) -> bool:
        """Whether cells are trained on a cluster."""
        return self.address is not None or self.system is not None

    @property
    def workers(self) -> int:
        """How many workers the jobs have; 1 where that is unknown."""
        return self.jobs * self.processes if self.system is not None else 1
