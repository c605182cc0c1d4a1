"""Seconds of a training step of the full network: plain, tuned as far as torch goes, and ours.

A step of batch 64 holds several GB, so contenders do not wait beside each other: in every round
each is started, takes its untimed steps, then its timed ones, and ends. Reported are medians over
all rounds.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from typing import Any

from contest import Contender, check_losses, positive, say, start
from machine import cpu_name

TUNED = {
    "float32 contiguous": [],
    "float32 channels_last": ["--layout=channels_last"],
    "bf16 contiguous": ["--precision=bf16"],
    "bf16 channels_last": ["--precision=bf16", "--layout=channels_last"],
}
CONTENDERS = {
    "plain": ["plain-network"],
    **{f"tuned {name}": ["plain-network", "--tuned", *more] for name, more in TUNED.items()},
    "ours": ["network", "--tuned"],
}


def main() -> None:
    options = _options()
    try:
        result = _measured(options)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    print(json.dumps(result, indent=2) if options.json else _table(result))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=positive, default=64, help="segments a step (64)")
    parser.add_argument("--threads", type=positive, default=2, help="of every contender (2)")
    parser.add_argument("--repeats", type=positive, default=3, help="rounds (3)")
    parser.add_argument("--steps", type=positive, default=3, help="timed steps a round (3)")
    parser.add_argument("--warmup", type=positive, default=4, help="untimed steps at first (4)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    return parser.parse_args()


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    numbers = {
        "rows": 400, "columns": 200, "batch": options.batch, "threads": options.threads,
        "warmup": options.warmup,
    }  # fmt: skip
    found: dict[str, Contender] = {}
    for number in range(options.repeats):
        say(f"round {number + 1} of {options.repeats}")
        # There and back, so that none has the same neighbour before it in every round.
        for name in list(CONTENDERS)[:: -1 if number % 2 else 1]:
            with ExitStack() as stack:
                contender = start(name, CONTENDERS[name], numbers, stack)
                contender.turns = found[name].turns if name in found else []
                contender.take_turn(options.steps)
                say(f"  {name}: {contender.turns[-1][-1]:.2f} s, {contender.peak_gb:.1f} GB")
                found[name] = contender
    check_losses(found.values())
    plain, ours = found["plain"].seconds, found["ours"].seconds
    tuned = {name: found[f"tuned {name}"].seconds for name in TUNED}
    variant = min(tuned, key=tuned.__getitem__)
    return {
        "plain_s": plain,
        "tuned_s": tuned[variant],
        "tuned_variant": variant,
        "ours_s": ours,
        "ours_compute": found["ours"].hello["compute"],
        "plain_over_ours": plain / ours,
        "tuned_over_ours": tuned[variant] / ours,
        "tuned_variants_s": tuned,
        "range_s": {name: contender.range_s for name, contender in found.items()},
        "peak_gb": {name: contender.peak_gb for name, contender in found.items()},
        "batch": options.batch,
        "threads": options.threads,
        "repeats": options.repeats,
        "steps": options.steps,
        "torch": found["plain"].hello["torch"],
        "cpu": cpu_name(),
    }


def _table(r: dict[str, Any]) -> str:
    rows = [
        ("plain, float32, default allocator", r["plain_s"], r["peak_gb"]["plain"]),
        *(
            (f"plain, {name}, memory kept", seconds, r["peak_gb"][f"tuned {name}"])
            for name, seconds in r["tuned_variants_s"].items()
        ),
        (f"ours ({r['ours_compute']})", r["ours_s"], r["peak_gb"]["ours"]),
    ]
    lines = ["| network | s a step | plain / it | GB |", "|---|---|---|---|"]
    lines += [f"| {n} | {s:.2f} | {r['plain_s'] / s:.1f} | {gb:.1f} |" for n, s, gb in rows]
    return "\n".join(
        [
            *lines,
            "",
            f"Batch {r['batch']} of 400 x 200, {r['threads']} threads, medians of {r['repeats']} "
            f"rounds of {r['steps']} steps; best tuned / ours {r['tuned_over_ours']:.2f}; torch "
            f"{r['torch']}, {r['cpu']}.",
        ]
    )


if __name__ == "__main__":
    main()
