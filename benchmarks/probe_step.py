"""Seconds of a training step of the probe: plain, tuned as far as torch goes, and single pass.

On a shared machine two timings made one after the other may differ by what others were doing. So
all contenders of a shape take turns: each is a process that waits, and in every round each takes a
few steps while the others sleep. Reported are medians over all rounds.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from contest import Contender, check_losses, positive, say, start
from machine import cpu_name

SHAPES = "10x2,2x8,20x2,100x2,2x80,2x2"
MATRIX = 2048  # of contender.py

# Name: arguments of contender.py. The tuned variants are named by what they vary.
TUNED = {
    "float32 contiguous": ["reference", "--tuned"],
    "float32 channels_last": ["reference", "--tuned", "--layout=channels_last"],
    "bf16 contiguous": ["reference", "--tuned", "--precision=bf16"],
    "bf16 channels_last": ["reference", "--tuned", "--precision=bf16", "--layout=channels_last"],
}
OURS = {
    "float32": ["single-pass", "--tuned"],
    "bf16": ["single-pass", "--tuned", "--precision=bf16"],
}
CONTENDERS = {
    "plain": ["reference"],
    **{f"tuned {name}": arguments for name, arguments in TUNED.items()},
    **{f"ours {name}": arguments for name, arguments in OURS.items()},
    "direct": ["direct", "--tuned"],
    "matmul": ["matmul", "--tuned"],
}

Shape = tuple[int, int]


def main() -> None:
    options = _options()
    try:
        results = [_measured(shape, options) for shape in options.shapes]
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print(json.dumps(results, indent=2) if options.json else _table(results, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=_shapes, default=_shapes(SHAPES), help=SHAPES)
    parser.add_argument("--batch", type=positive, default=64, help="segments a step (64)")
    parser.add_argument(
        "--size", type=_shape, default=(400, 200), help="frequency x time of a segment (400x200)"
    )
    parser.add_argument("--filters", type=positive, default=16, help="of the probe (16)")
    parser.add_argument("--threads", type=positive, default=2, help="of every contender (2)")
    parser.add_argument("--repeats", type=positive, default=7, help="rounds a shape (7)")
    parser.add_argument("--steps", type=positive, default=3, help="timed steps of a turn (3)")
    parser.add_argument(
        "--warmup", type=positive, default=8, help="untimed steps of every process at first (8)"
    )
    parser.add_argument("--json", action="store_true", help="a JSON list instead of a table")
    options = parser.parse_args()
    for height, width in options.shapes:
        if height > options.size[0] or width > options.size[1]:
            parser.error(f"--shapes: {height}x{width} is larger than a segment (--size)")
    return options


def _shape(text: str) -> Shape:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers as in 10x2")
    return int(match[1]), int(match[2])


def _shapes(text: str) -> list[Shape]:
    return [_shape(word) for word in text.split(",")]


def _measured(shape: Shape, options: argparse.Namespace) -> dict[str, Any]:
    """All contenders of a shape, one at a time: none ever runs beside another."""
    name = f"{shape[0]}x{shape[1]}"
    with ExitStack() as stack:
        contenders: dict[str, Contender] = {}
        for number, contender in enumerate(CONTENDERS, 1):
            say(f"{name}: starting {contender} ({number} of {len(CONTENDERS)})")
            contenders[contender] = _started(contender, shape, options, stack)
        check_losses(contenders.values())
        for number in range(options.repeats):
            say(f"{name}: round {number + 1} of {options.repeats}")
            # There and back, so that none has the same neighbour before it in every round.
            for contender in list(contenders.values())[:: -1 if number % 2 else 1]:
                contender.take_turn(options.steps)
        return _summary(shape, options, contenders)


def _started(name: str, shape: Shape, options: argparse.Namespace, stack: ExitStack) -> Contender:
    """A contender that has taken its first steps."""
    rows, columns = options.size
    numbers = {
        "height": shape[0], "width": shape[1], "rows": rows, "columns": columns,
        "filters": options.filters, "batch": options.batch, "threads": options.threads,
        "warmup": options.warmup,
    }  # fmt: skip
    return start(name, CONTENDERS[name], numbers, stack)


def _summary(
    shape: Shape, options: argparse.Namespace, contenders: dict[str, Contender]
) -> dict[str, Any]:
    height, width = shape
    plain = contenders["plain"].seconds
    tuned = {name: contenders[f"tuned {name}"].seconds for name in TUNED}
    ours = {name: contenders[f"ours {name}"].seconds for name in OURS}
    variant, precision = min(tuned, key=tuned.__getitem__), min(ours, key=ours.__getitem__)
    direct, product = contenders["direct"].seconds, contenders["matmul"].best_turn
    taps, positions = height * width, options.size[0] * options.size[1]
    work = 2 * 2 * taps * options.filters * positions * options.batch  # scores and patch sums
    direct_rate, product_rate = work / direct, 2 * MATRIX**3 / product
    return {
        "shape": f"{height}x{width}",
        "plain_s": plain,
        "tuned_s": tuned[variant],
        "tuned_variant": variant,
        "ours_s": ours[precision],
        "ours_precision": precision,
        "rate_share": direct_rate / product_rate,
        "plain_over_ours": plain / ours[precision],
        "tuned_over_ours": tuned[variant] / ours[precision],
        "ours_float32_s": ours["float32"],
        "ours_bf16_s": ours["bf16"],
        "tuned_variants_s": tuned,
        "direct_float32_s": direct,
        "direct_gflops": direct_rate / 1e9,
        "matmul_gflops": product_rate / 1e9,
        "plan": {name: contenders[f"ours {name}"].hello["plan"] for name in OURS},
        "range_s": {name: contender.range_s for name, contender in contenders.items()},
        "peak_gb": {name: contender.peak_gb for name, contender in contenders.items()},
        "batch": options.batch,
        "size": f"{options.size[0]}x{options.size[1]}",
        "filters": options.filters,
        "threads": options.threads,
        "repeats": options.repeats,
        "steps": options.steps,
        "torch": contenders["plain"].hello["torch"],
        "cpu": cpu_name(),
    }


def _table(results: Sequence[dict[str, Any]], options: argparse.Namespace) -> str:
    lines = [
        "| shape | plain, s | best tuned, s | (which) | single pass, s | (which) | float32, s "
        "| bf16, s | plain / ours | tuned / ours | direct path's share of the matmul rate |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        lines.append(
            f"| {r['shape']} | {r['plain_s']:.3f} | {r['tuned_s']:.3f} | {r['tuned_variant']} "
            f"| {r['ours_s']:.4f} | {r['ours_precision']} | {r['ours_float32_s']:.4f} "
            f"| {r['ours_bf16_s']:.4f} | {r['plain_over_ours']:.1f} | {r['tuned_over_ours']:.1f} "
            f"| {100 * r['rate_share']:.0f} % |"
        )
    best = max(r["matmul_gflops"] for r in results)
    return "\n".join(
        [
            *lines,
            "",
            f"Batch {options.batch} of {options.size[0]} x {options.size[1]}, {options.filters} "
            f"filters, {options.threads} threads, medians of {options.repeats} rounds of "
            f"{options.steps} steps; torch {results[0]['torch']}, {results[0]['cpu']}, float32 "
            f"matrix products of up to {best:.0f} GFLOP/s.",
        ]
    )


if __name__ == "__main__":
    main()
