"""Peak memory of a training cell, and the disk its features take, at the size of a real corpus.

Makes up spectrograms of a corpus of IEMOCAP's size (2,280 utterances of 3.6 to 7 s, about 8,000
training and 15,000 test segments), trains one cell on them in a process of its own, and prints what
that process held in memory of its own at most, above what it held after its imports. Features are
mapped files: their pages are the system's to drop and are not counted.

    python benchmarks/memory.py --shape 100x2
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

FRAMES_SEED = 1


def main() -> None:
    """Make the corpus, run the cell in a child, print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="100x2")
    parser.add_argument("--utterances", type=int, default=2280)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--engine", default="single-pass")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_measure(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        print("writing spectrograms", file=sys.stderr)
        size = _write_corpus(Path(folder), options.utterances)
        command = [sys.executable, *sys.argv, "--child", folder]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(json.dumps({"shape": options.shape, "cache_gb": round(size / 1e9, 2)} | answer))


def _write_corpus(folder: Path, utterances: int) -> int:
    """One array an utterance, as the feature cache keeps it; returns their bytes."""
    rng = np.random.default_rng(FRAMES_SEED)
    size = 0
    for number in range(utterances):
        frames = int(rng.integers(360, 700))
        path = folder / f"{number:032x}-{frames}.npy"
        np.save(path, rng.random((400, frames), dtype=np.float32))
        size += path.stat().st_size
    return size


def _measure(options: argparse.Namespace) -> dict[str, float | int]:
    """Train one cell; the process' own pages at most, above those after the imports."""
    from ablation.executors.devices import initialise_worker
    from ablation.features.cache import Entry
    from ablation.study import CellKind, Study, override_study
    from ablation.training.task import Cell, CellTask, FoldData, Sample
    from ablation.training.worker import train_cell

    initialise_worker(1)
    files = sorted(options.child.glob("*.npy"))
    samples = tuple(
        Sample(f"u{i}", f"s{i % 10}", i % 4, Entry(path, int(path.stem.partition("-")[2])))
        for i, path in enumerate(files)
    )
    # The same utterances on both sides, so that both are as large as the whole corpus.
    fold = FoldData("0", ("s0",), samples, samples)
    study = override_study(
        Study(), [("training.steps", options.steps), ("probe.engine", options.engine)]
    )
    height, width = (int(part) for part in options.shape.split("x"))
    cell = Cell(CellKind.PROBE, ((height, width),), 40.0, 0, "0")
    watch = _Watch()
    started = time.perf_counter()
    outcome = train_cell(CellTask(cell, study, tuple("abcd"), "x", fold), "cpu")
    seconds = time.perf_counter() - started
    if outcome.failed:
        raise RuntimeError(outcome.row["error"])
    return {
        "peak_mb": round(watch.stop() / 1e6),
        "seconds": round(seconds, 1),
        "test_segments": sum(row["n_segments"] for row in outcome.predictions),
    }


class _Watch:
    """The largest size of this process' own pages while it runs, above its size at the start."""

    def __init__(self) -> None:
        self.start = self.peak = _own_bytes()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        while not self.ended.wait(0.002):
            self.peak = max(self.peak, _own_bytes())

    def stop(self) -> int:
        self.ended.set()
        self.thread.join()
        return self.peak - self.start


def _own_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
