"""Contenders of a benchmark: processes that take steps when it is their turn."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, Any, cast

from machine import bare_environment

LOSS_GAP = 0.02  # between two contenders' first losses; bfloat16 has three digits


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

    @property
    def range_s(self) -> tuple[float, float]:
        """The fastest and the slowest step: how calm the machine was."""
        seconds = [second for turn in self.turns for second in turn]
        return min(seconds), max(seconds)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def start(
    name: str, arguments: Sequence[str], numbers: Mapping[str, int], stack: ExitStack
) -> Contender:
    """A contender of ``contender.py`` that has taken its first steps; ``stack`` ends it."""
    process = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).with_name("contender.py")),
            *arguments,
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


def check_losses(contenders: Iterable[Contender]) -> None:
    """The first step has the same loss everywhere, or they do not do the same work."""
    losses = {c.name: c.hello["loss"] for c in contenders if c.hello["loss"] is not None}
    # A loss that is no number is in no comparison, so that it must be asked for what holds.
    if not all(abs(loss - losses["plain"]) <= LOSS_GAP for loss in losses.values()):
        sys.exit(f"the contenders' first losses differ: {losses}")


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
