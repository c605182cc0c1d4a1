"""Errors of executing cells."""

from ablation.errors.execution import (
    CellOutOfMemory,
    ConnectionLost,
    DevicesUnusable,
    InvalidClusterTable,
    JobsRefused,
    NoScheduler,
    SubmitCommandMissing,
    TaskAbandoned,
    WorkerLacksPackage,
    WorkerVersionsDiffer,
)

SCHEDULER, WORKER = "tcp://10.0.0.1:8786", "tcp://10.0.0.7:41873"

EXAMPLES = [
    DevicesUnusable(["cuda"], "there is no NVIDIA driver"),
    NoScheduler(SCHEDULER),
    ConnectionLost(SCHEDULER),
    SubmitCommandMissing("slurm", "sbatch"),
    JobsRefused("sbatch", 1, 2),
    InvalidClusterTable("slurm", "You must specify how much memory to use per job like '24 GB'"),
    WorkerLacksPackage(SCHEDULER, "ablation"),
    WorkerVersionsDiffer(WORKER, {"torch": ("2.6.0", "2.8.0"), "numpy": ("2.1.3", "2.3.1")}),
    TaskAbandoned(WORKER),
    CellOutOfMemory("10x2", "training.batch_size"),
]
