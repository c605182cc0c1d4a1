"""The tables of where cells are trained: this machine, or a cluster."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from ablation.device import AUTO
from ablation.study.fields import Positive, PositiveFloat, Spec


def _listed(value: object) -> object:
    """``"cuda:0,cuda:1"`` as a list."""
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


class ExecutionSpec(Spec):
    """How cells are spread over this machine. Only ``threads`` can change a row."""

    threads: Positive = Field(
        default=1, description="Threads of a cell; the one field here that can change a row."
    )
    workers: Positive | None = Field(
        default=None,
        description="Worker processes on the CPU; left out: as many as the cores allow.",
    )
    devices: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)] = Field(
        default=[AUTO],
        description="auto (all usable cards, else the CPU), cpu, cuda (all cards), cuda:0,cuda:1.",
    )
    workers_per_device: Positive = Field(default=1, description="Workers on each card.")
    tile: Positive | None = Field(
        default=None, description="Segments in flight of the single pass; left out: by device."
    )
    cache_gb: PositiveFloat = Field(
        default=20.0, description="GB of spectrograms kept on disk between runs."
    )


class ClusterSpec(Spec):
    """A dask cluster that trains the cells: one that runs, or jobs of a batch system.

    ``address`` is a running scheduler's (``tcp://host:8786``). ``system`` starts ``jobs`` jobs by
    dask-jobqueue instead, each of ``processes`` workers that share ``cores`` and ``memory``.
    """

    address: str | None = Field(
        default=None,
        description="A running scheduler's address, as tcp://host:8786; or give system.",
    )
    system: Literal["slurm", "pbs", "sge"] | None = Field(
        default=None, description="The batch system that jobs are given to; or give address."
    )
    jobs: Positive = Field(default=1, description="Jobs to start.")
    processes: Positive = Field(default=1, description="Workers of a job.")
    cores: Positive = Field(default=1, description="Cores of a job.")
    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")] = Field(
        default="4GB", description="Memory of a job, as 4GB."
    )
    walltime: Annotated[str, Field(pattern=r"^\d+(-\d\d)?:\d\d(:\d\d)?$")] = Field(
        default="04:00:00", description="Longest time of a job, as 04:00:00."
    )
    queue: str | None = Field(default=None, description="Queue or partition.")
    account: str | None = Field(default=None, description="Account or project that is charged.")
    interface: str | None = Field(default=None, description="Network interface, such as ib0.")
    directives: list[str] = Field(
        default=[], description="Further lines of the job script's head, as --gres=gpu:1."
    )
    prologue: list[str] = Field(
        default=[], description="Shell lines before the workers start, as module load cuda."
    )
    python: str | None = Field(default=None, description="Python on the nodes; left out: this one.")

    @model_validator(mode="after")
    def _one_cluster(self) -> Self:
        if self.address is not None and self.system is not None:
            raise ValueError("address and system are both given; give one of them")
        if self.processes > self.cores:
            raise ValueError(f"processes = {self.processes} is more than cores = {self.cores}")
        return self

    @property
    def used(self) -> bool:
        """Whether cells go to a cluster at all."""
        return self.address is not None or self.system is not None
