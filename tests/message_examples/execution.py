"""Errors of executing cells."""

from pathlib import Path

from ablation.errors.execution import (
    CellOutOfMemory,
    CertificateUnusable,
    ConnectionLost,
    DevicesUnusable,
    InvalidClusterTable,
    JobsDied,
    JobsRefused,
    NoScheduler,
    SubmitCommandMissing,
    TaskAbandoned,
    WorkerLacksGpu,
    WorkerLacksPackage,
    WorkerVersionsDiffer,
)

SCHEDULER, WORKER = "tcp://10.0.0.1:8786", "tcp://10.0.0.7:41873"
LOGS = Path("/home/me/results/emodb/logs")

EXAMPLES = [
    DevicesUnusable(["cuda"], "there is no NVIDIA driver"),
    NoScheduler(SCHEDULER),
    ConnectionLost(SCHEDULER),
    SubmitCommandMissing("slurm", "sbatch"),
    CertificateUnusable([Path("/home/me/ca.pem"), Path("/home/me/me.pem")], "No such file"),
    JobsRefused("sbatch", "Batch job submission failed: Invalid partition name specified"),
    JobsDied("slurm", 3, "17", "FAILED", LOGS / "17.log", LOGS).with_others(
        ["/opt/python: No such file or directory"]
    ),
    JobsDied("slurm", 3, "17", "gone", None, LOGS),
    InvalidClusterTable("slurm", "You must specify how much memory to use per job like '24 GB'"),
    WorkerLacksPackage(SCHEDULER, "ablation"),
    WorkerLacksGpu(WORKER, "this torch is built without CUDA, though there is an NVIDIA driver"),
    WorkerVersionsDiffer(WORKER, {"torch": ("2.6.0", "2.8.0"), "numpy": ("2.1.3", "2.3.1")}),
    TaskAbandoned(WORKER),
    CellOutOfMemory("10x2", "training.batch_size"),
]
