"""Finding CUDA cards, and choosing the devices of a run."""

import ctypes
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ablation.device import AUTO, CPU, CUDA, INTERPRETER, is_cuda
from ablation.errors.common import OptionsExclude, UnknownName
from ablation.errors.execution import DevicesUnusable

_SECONDS = 120  # after which looking for cards is given up


@dataclass(frozen=True)
class Card:
    """A card as ``--devices`` names it; ``fault`` says why it cannot be used, empty if it can."""

    device: str
    name: str
    memory_bytes: int
    fault: str = ""


@dataclass(frozen=True)
class Cards:
    """The cards that torch sees; ``none`` says why if there are none."""

    found: tuple[Card, ...] = ()
    none: str = ""

    @property
    def usable(self) -> tuple[Card, ...]:
        """The cards without a fault."""
        return tuple(card for card in self.found if not card.fault)

    @property
    def lacking(self) -> str:
        """The reason why no card can be used."""
        faults = [f"{card.device}: {card.fault}" for card in self.found if card.fault]
        return self.none or "; ".join(faults)


@cache
def cards() -> Cards:
    """Return the cards of this machine, found by a separate process; raise nothing."""
    if not has_driver():
        return Cards(none="there is no NVIDIA driver")
    script = Path(__file__).with_name("card_query.py")
    command = [sys.executable, "-P", str(script)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Cards(none=f"the NVIDIA driver did not answer within {_SECONDS} s")
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Cards(none=f"torch cannot look for cards: {last}")
    return Cards(tuple(Card(**card) for card in answer["cards"]), answer["none"])


def has_driver() -> bool:
    """Return whether the NVIDIA driver is installed, without loading torch or CUDA."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Choice:
    """The devices that a run takes, and a line for the user that says which and why."""

    devices: tuple[str, ...]
    line: str


def choose(devices: Sequence[str]) -> Choice:
    """Return what ``execution.devices`` means on this machine.

    ``auto`` is every usable card, else the CPU; ``cuda`` is every usable card. Cards that torch
    sees but cannot use are left out, and the line says why.

    Raises
    ------
    StudyError
        For an unknown name, for a card that does not exist, or if no card named can be used.
    """
    words = tuple(dict.fromkeys(devices))
    for word in words:
        _check_word(word)
    if not any(word == AUTO or is_cuda(word) for word in words):
        return Choice(words, f"device: {', '.join(words)}")
    if AUTO in words and len(words) > 1:
        raise OptionsExclude([f"execution.devices {AUTO}", *(w for w in words if w != AUTO)])
    known = cards()
    if words == (AUTO,):
        if not known.usable:
            return Choice((CPU,), f"device: cpu ({known.lacking})")
        words = (CUDA,)
    taken: dict[str, str] = {}
    for word in words:
        taken |= _meant(word, known)
    if not taken:
        raise DevicesUnusable(words, known.lacking)
    left_out = [f"{c.device} is left out: {c.fault}" for c in known.found if c.fault]
    line = ", ".join(name + (f" ({what})" if what else "") for name, what in taken.items())
    return Choice(tuple(taken), "; ".join([f"devices: {line}", *left_out]))


def _check_word(word: str) -> None:
    kind, colon, number = word.partition(":")
    if word in (AUTO, CPU, CUDA, INTERPRETER) or (kind == CUDA and colon and number.isdigit()):
        return
    raise UnknownName("execution.devices", word, [AUTO, CPU, CUDA, f"{CUDA}:N"])


def _meant(word: str, known: Cards) -> dict[str, str]:
    """Return the devices of one word, each with the name of its card."""
    if not is_cuda(word):
        return {word: ""}
    number = {card.device: card for card in known.found}
    if word != CUDA and known.found and word not in number:
        raise UnknownName("execution.devices", word, [*number, AUTO], "device")
    wanted = [card for card in known.usable if word in (CUDA, card.device)]
    faulty = [card for card in known.found if card.fault and card.device == word]
    if not wanted and not faulty:
        raise DevicesUnusable([word], known.lacking)
    return {card.device: card.name for card in wanted}
