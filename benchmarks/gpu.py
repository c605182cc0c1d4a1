"""What a CUDA card does with the probe and the network: is it right, how long does a step take?

Checks come first: sums and gradients against float64, two hundred steps against the CPU's engine,
and the same cell twice. Then steps are timed: those of the network, against torch's own and the
compiled ones, and those of the probe, against the plain module on the same card and the fastest
that torch makes of it. One table is printed last; ``--out`` writes everything as JSON.
Without a card all of it runs on the CPU, kernels in Triton's interpreter, at sizes that say nothing
about speed: to see that the script works.

It takes at most eight minutes on a card and two on a CPU, reads no network, and imports of the
package only what a worker does.
"""

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

CARD = torch.cuda.is_available()
if not CARD:  # before anything reads the kernels
    os.environ["TRITON_INTERPRET"] = "1"

import gpu_checks  # noqa: E402
import gpu_steps  # noqa: E402
import gpu_study  # noqa: E402
from machine import cpu_name  # noqa: E402

SHAPES = ((10, 2), (2, 8), (2, 2), (30, 2), (100, 2), (2, 80))
COMPILED = ((10, 2), (100, 2))  # torch.compile takes its time, and was never the fastest
BUSY = ((10, 2), (50, 2), (100, 2), (2, 40))  # whole groups, all folds and epochs


def main() -> None:
    options = _options()
    began, broken = time.monotonic(), []
    sizes = gpu_steps.Sizes() if CARD else gpu_steps.Sizes(16, 24, 4, 48, 8, 2)
    device = torch.device("cuda:0" if CARD else "cpu")
    result: dict[str, Any] = {"machine": _machine(), "sizes": vars(sizes), "checks": {}}
    try:
        for part in options.only:
            _say(part)
            try:
                PARTS[part](result, device, sizes)
            except Exception:  # noqa: BLE001 - the other parts can still be measured
                broken.append(part)
                traceback.print_exc()
            result["seconds"] = round(time.monotonic() - began, 1)
    finally:
        if options.out is not None:
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps(result, indent=2) + "\n")
    print("\n".join(_report(result)))
    failed = [name for name, found in result["checks"].items() if not found["passed"]] + broken
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _checks(result: dict[str, Any], device: torch.device, sizes: gpu_steps.Sizes) -> None:
    for name, check in gpu_checks.CHECKS.items():
        _say(f"  {name}")
        result["checks"][name] = check(device, sizes)


def _steps(result: dict[str, Any], device: torch.device, sizes: gpu_steps.Sizes) -> None:
    result["steps"] = []
    for shape in SHAPES if CARD else SHAPES[:2]:
        _say(f"  {shape[0]}x{shape[1]}")
        compiled = CARD and shape in COMPILED
        result["steps"].append(gpu_steps.measured(shape, device, sizes, compiled=compiled))


def _network(result: dict[str, Any], device: torch.device, sizes: gpu_steps.Sizes) -> None:
    result["network"] = gpu_steps.network_measured(device, sizes)


def _study(result: dict[str, Any], _device: torch.device, _sizes: gpu_steps.Sizes) -> None:
    result["study"] = gpu_study.study_measured(CARD, "bf16")


def _busy(result: dict[str, Any], _device: torch.device, _sizes: gpu_steps.Sizes) -> None:
    if CARD:
        result["busy"] = gpu_study.busy_measured(BUSY, "bf16")


PARTS = {"checks": _checks, "steps": _steps, "network": _network, "study": _study, "busy": _busy}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="a JSON file for everything that was measured")
    parser.add_argument(
        "--only", nargs="+", choices=list(PARTS), default=list(PARTS), help="parts (all)"
    )
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _machine() -> dict[str, Any]:
    import triton

    known = {"torch": torch.__version__, "triton": triton.__version__, "cpu": cpu_name()}
    if not CARD:
        return known | {"card": None}
    card = torch.cuda.get_device_properties(0)
    return known | {
        "card": card.name,
        "capability": f"{card.major}.{card.minor}",
        "memory_bytes": card.total_memory,
        "multiprocessors": card.multi_processor_count,
        "cuda": torch.version.cuda,
    }


def _report(result: dict[str, Any]) -> Sequence[str]:
    machine, sizes = result["machine"], result["sizes"]
    where = machine["card"] or f"NO CARD: {machine['cpu']}, kernels interpreted, no time means much"
    lines = [
        "",
        f"{where}; torch {machine['torch']}, triton {machine['triton']}; "
        f"{sizes['rows']} x {sizes['columns']}, batch {sizes['batch']}, "
        f"{sizes['filters']} filters; {result['seconds']:.0f} s in all",
        "",
        "| check | found | wanted | |",
        "|---|---|---|---|",
    ]
    for name, found in result["checks"].items():
        judged = "ok" if found["passed"] else "FAILED"
        lines.append(f"| {name} | {found['found']} | {found['wanted']} | {judged} |")
    if "network" in result:
        lines += _network_table(result["network"])
    if "study" in result:
        lines += _study_table(result["study"])
    if "busy" in result:
        found = result["busy"]
        lines += [
            "",
            f"Whole groups of {', '.join(found['shapes'])} in {found['precision']}, all folds and "
            f"epochs, on one worker: {found['cells']} cells after the first group in "
            f"{found['seconds']:.1f} s, {found['failed']} failed, "
            f"the card busy {found['busy']:.0%}",
        ]
    lines += [
        "",
        "| shape | plain, ms | best tuned, ms | (which) | ours float32, ms | bf16, ms "
        "| plain / ours | tuned / ours | scoring a segment, us | cells an hour |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {step['shape']} | {step['plain_ms']:.3f} | {step['tuned_ms']:.3f} | {step['tuned']} "
        f"| {step['ours_float32_ms']:.3f} | {step['ours_bf16_ms']:.3f} "
        f"| {step['plain_over_ours']:.1f} | {step['tuned_over_ours']:.1f} "
        f"| {step['segment_us']:.1f} | {step['cells_an_hour']:.0f} |"
        for step in result.get("steps", [])
    ]
    return lines


def _study_table(found: dict[str, Any]) -> list[str]:
    lines = [
        "",
        f"| shape ({found['precision']}) | preparing, s | a step of all folds, ms | scoring, s |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {one['shape']} | {one['prepare_s']:.2f} | {1e3 * one['step_s']:.3f} "
        f"| {one['score_s']:.2f} |"
        for one in found["shapes"]
    ]
    segments = found["shapes"][0]["segments"]
    return [
        *lines,
        "",
        f"The study of {found['cells']} cells of {found['steps_of_a_cell']} steps "
        f"({segments} training segments): {found['seconds'] / 60:.1f} minutes, extrapolated from "
        f"{gpu_study.STEPS} steps of every cell",
    ]


def _network_table(found: dict[str, Any]) -> list[str]:
    compiled, over = found["compiled_ms"], found["compiled_over_ours"]
    return [
        "",
        "| network: plain float32, ms | torch.compile bf16, ms | ours, ms | (how) "
        "| plain / ours | compiled / ours | first step, s |",
        "|---|---|---|---|---|---|---|",
        f"| {found['plain_ms']:.2f} | {'' if compiled is None else f'{compiled:.2f}'} "
        f"| {found['ours_ms']:.2f} | {found['compute']} | {found['plain_over_ours']:.1f} "
        f"| {'' if over is None else f'{over:.1f}'} | {found['first_step_s']:.1f} |",
    ]


if __name__ == "__main__":
    main()
