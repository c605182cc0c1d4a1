"""Where a cell's time goes: steps, batches, the rest. A process of ``study.py``.

It runs one cell a shape by itself, with a clock around everything that computes: the model's
forward pass (in training and in evaluation), backward, the optimiser's step, and the making of
batches. Only this process is changed.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import torch

from ablation.executors.devices import initialise_worker
from ablation.features.segment_dataset import SegmentDataset
from ablation.study import override_study
from ablation.training import cell, fit, steps, worker
from ablation.training.compute import Compute
from ablation.training.task import CellTask

STEP = ("forward", "loss", "backward", "optimizer", "evaluation")


class Clock:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def around(self, function: Callable[..., Any], name: str | Callable[[], str]) -> Any:
        """``function``, its time counted under ``name``."""

        def timed(*arguments: Any, **named: Any) -> Any:
            key = name if isinstance(name, str) else name()
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds[key] = self.seconds.get(key, 0.0) + time.perf_counter() - start

        return timed


def cell_times(tasks: Sequence[CellTask]) -> list[dict[str, Any]]:
    """For each of ``tasks`` its seconds as a whole and by what they were spent on.

    Each is trained for a step first, unmeasured: kernels are compiled and files are in memory.
    """
    initialise_worker(1)
    return [_cell_time(task) for task in tasks]


def _cell_time(task: CellTask) -> dict[str, Any]:
    short = override_study(task.study, [("training.steps", 1)])
    _require_ok(worker.train_cell(dataclasses.replace(task, study=short), "cpu"))
    clock = Clock()
    with _clocks(clock):
        start = time.perf_counter()
        outcome = worker.train_cell(task, "cpu")
        whole = time.perf_counter() - start
    _require_ok(outcome)
    stepping = sum(clock.seconds.get(name, 0.0) for name in STEP)
    batches = clock.seconds["batches"]
    return {
        "shape": task.cell.name,
        "cell_s": whole,
        "steps_s": stepping,
        "batches_s": batches,
        "rest_s": whole - stepping - batches,
        "step_share": stepping / whole,
        "batch_share": batches / whole,
    }


def _clocks(clock: Clock) -> ExitStack:
    """Clocks around what a cell computes, until the block ends."""

    def build_model(task: CellTask, compute: Compute) -> torch.nn.Module:
        model = original_model(task, compute)
        # Looked up on the instance, as a module calls its forward.
        model.forward = clock.around(
            model.forward, lambda: "forward" if model.training else "evaluation"
        )
        return model

    def make_optimizer(*arguments: Any, **named: Any) -> torch.optim.Optimizer:
        optimizer = original_optimizer(*arguments, **named)
        optimizer.step = clock.around(optimizer.step, "optimizer")  # type: ignore[method-assign]
        optimizer.zero_grad = clock.around(optimizer.zero_grad, "optimizer")  # type: ignore[method-assign]
        return optimizer

    original_model, original_optimizer = cell.build_model, fit.make_optimizer
    stack = ExitStack()
    for place, name, timed in (
        (cell, "build_model", build_model),
        (fit, "make_optimizer", make_optimizer),
        (steps.functional, "cross_entropy", clock.around(steps.functional.cross_entropy, "loss")),
        (torch.Tensor, "backward", clock.around(torch.Tensor.backward, "backward")),
        (SegmentDataset, "batch", clock.around(SegmentDataset.batch, "batches")),
    ):
        stack.enter_context(patch.object(place, name, timed))
    return stack


def _require_ok(outcome: Any) -> None:
    if outcome.failed:
        raise RuntimeError(f"a cell failed:\n{outcome.row['error']}")
