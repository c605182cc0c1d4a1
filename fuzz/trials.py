"""Trying examples until a target's share of the time is over.

A target is handed examples in rounds of hypothesis, each from a seed of its own. What it may do
with an example is to take it or to refuse it by an :class:`~ablation.errors.AblationError`;
anything else ends the run, and hypothesis shrinks the example to a small one first.
"""

import faulthandler
import os
import re
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from ablation.corpora.faults import MOST_REPORTED
from ablation.errors import AblationError

ROUND = 100  # examples from one seed
SLOW, HANGING = 30, 120  # seconds for one example: a fault; the end of the process
MEMORY = 2 << 30  # bytes that one example may ask for
LONGEST = 1000  # characters of a line of a message: a user reads it

_ERRORS = os.dup(2)  # for the last words of a hanging process, whoever silences the other
_SETTINGS = settings(
    max_examples=ROUND,
    deadline=None,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


class Unfit(Exception):  # noqa: N818 - said of what the program does
    """What a target does that raises nothing, but that no user should meet."""


@dataclass
class Trials:
    """The examples of one target, counted."""

    name: str
    seconds: float
    seed: int
    taken: int = 0
    refused: int = 0
    failed: bool = False
    spent: float = 0.0

    @property
    def tried(self) -> int:
        return self.taken + self.refused

    def __call__(self, examples: SearchStrategy[Any], attempt: Callable[[Any], object]) -> None:
        """Hand ``attempt`` examples until the time is over."""
        begun = time.monotonic()
        end = begun + self.seconds

        def one(example: Any) -> None:
            # Shrinking takes the time it needs; generating stops when the share is used up.
            if self.failed or time.monotonic() < end:
                self._try(example, attempt)

        number = self.seed
        with _memory_limited():
            try:
                while time.monotonic() < end:
                    seed(number)(_SETTINGS(given(examples)(one)))()
                    number += 1
            finally:
                self.spent += time.monotonic() - begun
                faulthandler.cancel_dump_traceback_later()

    def _try(self, example: Any, attempt: Callable[[Any], object]) -> None:
        faulthandler.dump_traceback_later(HANGING, exit=True, file=_ERRORS)
        begun = time.monotonic()
        try:
            attempt(example)
        except AblationError as error:
            self.refused += 1
            self._judge(error)
        except BaseException:
            self.failed = True
            raise
        else:
            self.taken += 1
        if (seconds := time.monotonic() - begun) > SLOW:
            self.failed = True
            raise Unfit(f"one example took {seconds:.0f} s")

    def _judge(self, error: AblationError) -> None:
        """A refusal is one line and a remedy that a terminal can show, and a few more faults."""
        text, also = str(error), len(error.also)
        lines = text.splitlines()
        few = len(lines) <= 2 + also and also <= MOST_REPORTED
        if not error.what.strip() or not few or any(len(line) > LONGEST for line in lines):
            self.failed = True
            raise Unfit(f"a message nobody can read: {text[:2000]!r}") from error


@contextmanager
def _memory_limited() -> Iterator[None]:
    """An allocation of gigabytes ends in MemoryError, whatever the machine has."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    found = re.search(r"VmSize:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:  # no Linux: without a limit
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (int(found[1]) * 1024 + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
