"""Seconds of a training step of the probe: plain, tuned as far as torch goes, and single pass.

On a shared machine two timings made one after the other may differ by what others were doing. So
all contenders of a shape take turns: each is a process that waits, and in every round each takes a
few steps while the others sleep. Reported are medians over all rounds.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, Any, cast

from machine import bare_environment, cpu_name

SHAPES = "10x2,2x8,20x2,100x2,2x80,2x2"
MATRIX = 2048  # of contender.py
LOSS_GAP = 0.02  # between two contenders' first losses; bfloat16 has three digits

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


@dataclass
class Contender:
    """A process that takes steps when it is its turn, and the times of its turns."""

    name: str
    process: subprocess.Popen[str]
    hello: dict[str, Any] = field(default_factory=dict)
    turns: list[list[float]] = field(default_factory=list)
    peak_gb: float = 0.0

    @property
    def seconds(self) -> float:
        """Median over all steps of all turns."""
        return median(second for turn in self.turns for second in turn)

    @property
    def best_turn(self) -> float:
        """The lowest of the turns' medians."""
        return min(median(turn) for turn in self.turns)

    def take_turn(self, steps: int) -> None:
        print(steps, file=self.process.stdin, flush=True)
        answer = self.answer()
        self.turns.append(answer["seconds"])
        self.peak_gb = answer["peak_gb"]

    def answer(self) -> dict[str, Any]:
        line = cast(IO[str], self.process.stdout).readline()
        if not line:
            code = self.process.wait()
            sys.exit(f"contender {self.name!r} ended with exit code {code}; its message is above")
        return json.loads(line)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


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
    parser.add_argument("--batch", type=_positive, default=64, help="segments a step (64)")
    parser.add_argument(
        "--size", type=_shape, default=(400, 200), help="frequency x time of a segment (400x200)"
    )
    parser.add_argument("--filters", type=_positive, default=16, help="of the probe (16)")
    parser.add_argument("--threads", type=_positive, default=2, help="of every contender (2)")
    parser.add_argument("--repeats", type=_positive, default=7, help="rounds a shape (7)")
    parser.add_argument("--steps", type=_positive, default=3, help="timed steps of a turn (3)")
    parser.add_argument(
        "--warmup", type=_positive, default=8, help="untimed steps of every process at first (8)"
    )
    parser.add_argument("--json", action="store_true", help="a JSON list instead of a table")
    options = parser.parse_args()
    for height, width in options.shapes:
        if height > options.size[0] or width > options.size[1]:
            parser.error(f"--shapes: {height}x{width} is larger than a segment (--size)")
    return options


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _shape(text: str) -> Shape:
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers as in 10x2")
    return int(match[1]), int(match[2])


def _shapes(text: str) -> list[Shape]:
    return [_shape(word) for word in text.split(",")]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _measured(shape: Shape, options: argparse.Namespace) -> dict[str, Any]:
    """All contenders of a shape, one at a time: none ever runs beside another."""
    name = f"{shape[0]}x{shape[1]}"
    with ExitStack() as stack:
        contenders: dict[str, Contender] = {}
        for number, contender in enumerate(CONTENDERS, 1):
            _say(f"{name}: starting {contender} ({number} of {len(CONTENDERS)})")
            contenders[contender] = _started(contender, shape, options, stack)
        _check_losses(contenders.values())
        for number in range(options.repeats):
            _say(f"{name}: round {number + 1} of {options.repeats}")
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
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("contender.py")),
            *CONTENDERS[name],
            *(f"--{key}={value}" for key, value in numbers.items()),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=bare_environment(),
        text=True,
    )
    contender = Contender(name, process)
    stack.callback(contender.end)
    contender.hello = contender.answer()
    return contender


def _check_losses(contenders: Iterable[Contender]) -> None:
    """The first step has the same loss everywhere, or they do not do the same work."""
    losses = {c.name: c.hello["loss"] for c in contenders if c.hello["loss"] is not None}
    # A loss that is no number is in no comparison, so that it must be asked for what holds.
    if not all(abs(loss - losses["plain"]) <= LOSS_GAP for loss in losses.values()):
        sys.exit(f"the contenders' first losses differ: {losses}")


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
        "range_s": {name: _range(contender) for name, contender in contenders.items()},
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


def _range(contender: Contender) -> tuple[float, float]:
    """The fastest and the slowest step: how calm the machine was."""
    seconds = [second for turn in contender.turns for second in turn]
    return min(seconds), max(seconds)


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
