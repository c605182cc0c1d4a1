"""The tables of where cells are trained: this machine, or a cluster."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ablation.study.fields import Positive, PositiveFloat, Spec


class ExecutionSpec(Spec):
    """How cells are spread over this machine. Only ``threads`` can change a row."""

    threads: Positive = 1  # of a cell
    workers: Positive | None = None  # None: as many as the cores allow
    devices: Annotated[list[str], Field(min_length=1)] = ["cpu"]
    workers_per_device: Positive = 1  # on cuda devices
    tile: Positive | None = None  # segments in flight of the single pass; None: by device
    cache_gb: PositiveFloat = 20.0  # spectrograms kept on disk between runs


class ClusterSpec(Spec):
    """A dask cluster that trains the cells: one that runs, or jobs of a batch system.

    ``address`` is a running scheduler's (``tcp://host:8786``). ``system`` starts ``jobs`` jobs by
    dask-jobqueue instead, each of ``processes`` workers that share ``cores`` and ``memory``.
    """

    address: str | None = None
    system: Literal["slurm", "pbs", "sge"] | None = None
    jobs: Positive = 1
    processes: Positive = 1
    cores: Positive = 1  # of a job
    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")] = "4GB"  # of a job
    walltime: Annotated[str, Field(pattern=r"^\d+(-\d\d)?:\d\d(:\d\d)?$")] = "04:00:00"
    queue: str | None = None
    account: str | None = None
    interface: str | None = None  # network interface, such as ib0
    directives: list[str] = []  # further lines of the job script's head, as "--gres=gpu:1"
    prologue: list[str] = []  # shell lines before the workers start, as "module load cuda"
    python: str | None = None  # on the nodes; None: this one

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
