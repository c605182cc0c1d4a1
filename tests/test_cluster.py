"""The command on a real cluster: a scheduler and workers on this machine, some of them killed."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clusters import Cluster, cluster
from running import assert_same, command, invoke, train

from ablation.device import INTERPRETER
from ablation.errors import AblationError, StudyError
from ablation.errors.common import InvalidOption
from ablation.errors.execution import NoScheduler, SubmitCommandMissing
from ablation.results import ResultStore

BOTH = ["grid", "--axis", "both", "--values", "2,3,5"]


def wait_for_rows(folder: Path, number: int) -> None:
    """Until so many probes are stored."""
    deadline = time.monotonic() + 90
    while ResultStore(folder).read("probes").rows.num_rows < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def apart(hidden: Path) -> list[str]:
    """What is put in front of a command that is to find the folder ``hidden`` empty, as on a
    machine of its own; nothing where that cannot be had."""
    hide = f'mount -t tmpfs none "{hidden}" && exec "$@"'
    before = ["unshare", "-m", "sh", "-c", hide, "sh"]
    if shutil.which("unshare") is None:
        return []
    tried = subprocess.run([*before, "true"], capture_output=True, check=False)
    return [] if tried.returncode else before


def test_a_study_on_a_cluster_is_interrupted_resumed_and_promoted_there(
    done: Path, tiny_study: Path, tmp_path: Path, own_cache: Path
) -> None:
    """Workers do not see the driver's features, and get them; while the study is resumed, the
    only one is killed and another joins. The rows are those of a local run."""
    folder = tmp_path / "results" / "tiny"
    own_cache.joinpath("features").mkdir(exist_ok=True)
    before = apart(own_cache / "features")
    with cluster(tmp_path / "cluster", workers=0) as running:
        running.add_worker(before=before)
        arguments = [*BOTH, "--study", tiny_study, "--cluster", running.address]
        process = subprocess.Popen(
            command(arguments), cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        wait_for_rows(folder, 1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        if process.returncode == 0:
            pytest.skip("it was over before the interrupt")
        assert process.returncode == 130
        assert "Traceback" not in err
        assert "resume with: ablate grid" in err
        assert ("sending 24 files to " in err) == bool(before)
        stored = ResultStore(folder).read("probes").rows.num_rows
        with ThreadPoolExecutor(1) as beside:
            replaced = beside.submit(_replace_worker, running, folder, stored + 1, before)
            resumed = invoke(*arguments, cwd=tmp_path)
            replaced.result()
        assert f"20 cells: {20 - stored} trained" in resumed.stderr
        assert_same(done / "results" / "tiny", folder)
        promote = ["promote", "--best", "--study", tiny_study]
        run = invoke(*promote, "--cluster", running.address, cwd=tmp_path)
    assert "4 cells: 4 trained" in run.stderr
    other = tmp_path.with_name(f"{tmp_path.name}-local")  # as deep, for the paths in its settings
    shutil.copytree(done, other)
    train(*promote, cwd=other)
    assert_same(folder, other / "results" / "tiny")
    assert not (folder / "checkpoints").exists()


@pytest.mark.long
def test_groups_of_cells_are_trained_on_a_cluster(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that offers a card, whose kernels are interpreted, is given all folds at once."""
    pytest.importorskip("triton", reason="Triton is made for Linux alone")
    monkeypatch.setattr("ablation.runs.cluster._device", lambda _study: INTERPRETER)
    small = ("features.segment_s=0.24", "features.test_hop_s=0.24", "training.batch_size=4",
             "training.steps=1")  # fmt: skip
    grid = ["grid", "--axis", "height", "--values", "2", "--study", tiny_study,
            "--devices", INTERPRETER,
            *(word for one in small for word in ("--set", one))]  # fmt: skip
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with cluster(tmp_path / "cluster", workers=0) as running:
        running.add_worker("--resources", "GPU=1", environment={"TRITON_INTERPRET": "1"})
        said = invoke(*grid, "--cluster", running.address, cwd=there).stderr
    assert "up to 4 cells at once" in said and "4 cells: 4 trained" in said
    alone = train(*grid, "--workers", "1", "--set", "execution.group=1", cwd=here).stderr
    assert "cells at once" not in alone
    assert_same(here / "results/tiny", there / "results/tiny")


def _replace_worker(running: Cluster, folder: Path, rows: int, before: list[str]) -> None:
    """Kill the worker once so many probes are stored, and add one."""
    wait_for_rows(folder, rows)
    running.kill_worker(0)
    running.add_worker(before=before)


def test_jobs_of_a_batch_system_are_shown_and_started(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    """PBS as three scripts: a job is a process of this machine."""
    commands = tmp_path / "bin"
    commands.mkdir()
    jobs = commands / "jobs"
    submit = (  # the script is gone once it is submitted, so a batch system keeps its own
        f'mine=$(mktemp {jobs}.XXXXXX); cp "$1" "$mine"; '
        f'setsid bash "$mine" > "$mine.log" 2>&1 & echo $! >> {jobs}; echo $!.server'
    )
    scripts = {
        "qsub": submit,
        "qstat": f"for one in $(cat {jobs}); do echo $one.server ablation me 0 R short; done",
        "qdel": f'for one in "$@"; do kill -9 -- "-$one"; echo $one >> {jobs}.ended; done',
    }
    for name, text in scripts.items():
        path = commands / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
    table = ["--set", 'cluster.system="pbs"', "--set", "cluster.jobs=2",
             "--set", 'cluster.directives=["-m n"]',
             "--set", f'cluster.python="{sys.executable}"']  # fmt: skip
    arguments = [*BOTH, "--study", tiny_study, *table]
    shown = train(*arguments, "--dry-run", cwd=tmp_path)
    assert "2 jobs of pbs, each with this script:" in shown.stdout
    assert "#PBS -m n" in shown.stdout
    assert "--tls-key" in shown.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin"]
    environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}
    run = subprocess.run(
        command(arguments), cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert len(jobs.read_text().split()) == 2
    assert sorted(Path(f"{jobs}.ended").read_text().split()) == sorted(jobs.read_text().split())
    assert_same(done / "results" / "tiny", tmp_path / "results" / "tiny")


@pytest.mark.parametrize(
    ("arguments", "kind", "facts"),
    [
        (["--cluster", "nowhere"], InvalidOption, ["'nowhere'", "tcp://host:8786"]),
        (["--set", "cluster.system=lsf"], StudyError, ["'slurm', 'pbs' or 'sge'"]),
        (
            ["--set", "cluster.system=slurm", "--set", "cluster.processes=3"],
            StudyError,
            ["processes", "cores"],
        ),
        (
            ["--set", "cluster.system=slurm", "--set", "cluster.memory=lots"],
            StudyError,
            ["cluster.memory", "lots"],
        ),
        (["--set", "cluster.tls_cert=me.pem"], StudyError, ["tls_ca_file", "tls_cert"]),
        (["--set", "cluster.system=slurm"], SubmitCommandMissing, ["slurm", "sbatch"]),
        (["--shard", "2/2"], StudyError, ["--shard", "2/2", "I/N"]),
    ],
)
def test_what_is_wrong_with_a_cluster_is_an_expected_error(
    arguments: list[str],
    kind: type[AblationError],
    facts: list[str],
    tiny_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # that has no sbatch
    run = invoke(*BOTH, "--study", tiny_study, *arguments, cwd=tmp_path, check=1)
    assert isinstance(run.error, kind)
    assert all(fact in str(run.error) for fact in facts)
    assert "Traceback" not in run.stderr


def test_none_takes_this_machine_whatever_the_study_says(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ablation.executors.dask_connection._ANSWER_SECONDS", 1)
    study = tmp_path / "away.toml"
    study.write_text(tiny_study.read_text() + '\n[cluster]\naddress = "tcp://127.0.0.1:9"\n')
    arguments = ["grid", "--axis", "height", "--values", "2", "--study", study]
    error = invoke(*arguments, cwd=tmp_path, check=1).error
    assert isinstance(error, NoScheduler)
    assert error.address == "tcp://127.0.0.1:9"
    train(*arguments, "--cluster", "none", cwd=tmp_path)


@pytest.mark.long
def test_shards_at_once_are_the_whole_and_nothing_twice(
    done: Path, tiny_study: Path, tmp_path: Path
) -> None:
    shards = [[*BOTH, "--study", tiny_study, "--workers", "1", "--shard", f"{k}/2"] for k in (0, 1)]
    with subprocess.Popen(
        command(shards[0]), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    ) as beside:  # fmt: skip
        here = train(*shards[1], cwd=tmp_path)
        _, err = beside.communicate(timeout=120)
    assert beside.returncode == 0, err
    for k, said in enumerate((err, here.stderr)):
        assert f"shard {k} of 2, 10 cells" in said
        assert "10 cells: 10 trained" in said
    assert_same(done / "results" / "tiny", tmp_path / "results" / "tiny")
    again = invoke(*BOTH, "--study", tiny_study, cwd=tmp_path)
    assert "20 cells: 0 trained, 20 were stored before" in again.stderr
