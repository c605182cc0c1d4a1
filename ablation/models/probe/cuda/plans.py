"""How a pass is divided on a card: rows of a block, chunks of what is read, shares of the places.

All of it follows from the filter and the segment, never from the card's free memory or the batch,
so that the same shape is summed in the same order in every run.
"""

from dataclasses import dataclass, replace

FILTERS = 16  # per program (``kernels.FILTERS``)

_INTERPRETED_PLACES = 512
MOST_TAPS = 4096  # of a filter; beyond that, a library's convolution needs fewer products


@dataclass(frozen=True)
class Tiles:
    """The constants of a kernel: rows of a block, values read at once, places at once, warps.

    ``whole`` says that all that a place reads is read at once.
    """

    rows: int
    taps: int
    places: int
    warps: int
    whole: bool = False


# Tiles of the one kernel that does everything, in the order of their speed on an H200; the first
# that has room for what a place reads is taken. Beyond the last ones the registers overflow.
_WHOLE = {
    "bf16": (
        Tiles(8, 32, 64, 4, whole=True),
        Tiles(4, 32, 128, 4, whole=True),
        Tiles(8, 64, 64, 4, whole=True),
        Tiles(8, 128, 64, 4, whole=True),
        Tiles(8, 256, 64, 8, whole=True),
        Tiles(4, 256, 64, 4, whole=True),
    ),
    "float32": (
        Tiles(4, 16, 64, 4, whole=True),
        Tiles(8, 32, 32, 4, whole=True),
        Tiles(4, 32, 32, 4, whole=True),
        Tiles(8, 64, 64, 8, whole=True),
    ),
}

# Of the two kernels that otherwise share the work: scores, then sums of patches.
_CHUNKED = Tiles(16, 32, 64, 8), Tiles(8, 64, 64, 4)

# Cards for desktops have less shared memory: there, the most values that are read at once.
_SMALL = {"bf16": 128, "float32": 32}
_SMALL_CHUNKED = Tiles(16, 32, 32, 8), Tiles(8, 64, 32, 4)


@dataclass(frozen=True)
class CardPlan:
    """How the kernels divide a filter and a segment, whose longer side is in the rows.

    Attributes
    ----------
    scores
        The kernel that scores positions, or the one that does everything.
    sums
        The kernel that sums patches, chunk by chunk; None if the first one does.
    shares
        Programs that share a segment.
    """

    scores: Tiles
    sums: Tiles | None
    shares: int

    @property
    def whole(self) -> bool:
        """Whether one kernel does everything."""
        return self.sums is None

    @property
    def used(self) -> tuple[Tiles, ...]:
        """The tiles of all kernels."""
        return (self.scores,) if self.sums is None else (self.scores, self.sums)


def card_plan(
    height: int, width: int, precision: str, *, small: bool = False, interpreted: bool = False
) -> CardPlan | None:
    """Return the plan for filters of ``height`` x ``width``, ``height`` >= ``width``.

    ``small`` says that the card has less shared memory than those for data centres. None means that
    PyTorch's operators are faster.
    """
    if height * width > MOST_TAPS:
        return None
    whole = _whole(height, width, precision, _SMALL[precision] if small else MOST_TAPS)
    chunked = _SMALL_CHUNKED if small else _CHUNKED
    plan = CardPlan(*chunked, shares=2) if whole is None else CardPlan(whole, None, shares=2)
    return _interpreted(plan) if interpreted else plan


def _interpreted(plan: CardPlan) -> CardPlan:
    """Return a plan of few large pieces, as the interpreter is as slow with small ones."""
    scores, sums = plan.scores, plan.sums
    return CardPlan(
        replace(scores, places=_INTERPRETED_PLACES),
        None if sums is None else replace(sums, places=_INTERPRETED_PLACES),
        shares=1,
    )


def _whole(height: int, width: int, precision: str, most: int) -> Tiles | None:
    """Return the tiles of the one kernel that does everything, or None."""
    for tiles in _WHOLE[precision]:
        if width * (tiles.rows + height - 1) <= tiles.taps <= most:
            return tiles
    return None
