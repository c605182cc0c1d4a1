"""How a pass is divided on a card: chunks of taps, and shares of a segment's positions.

All of it follows from the filter and the segment, never from the card's free memory or the batch,
so that the same shape is summed in the same order in every run.
"""

from dataclasses import dataclass

FILTERS = 16  # per program (``kernels.FILTERS``)
WARPS, STAGES = 4, 2

_TILE = 64  # positions; with more, the registers overflow
_INTERPRETED_TILE = 512  # in Triton's interpreter, which takes as long for few as for many
_WHOLE = (16, 32, 64)  # taps that are read once for everything
_CHUNK = 32  # taps at a time, if there are more
_MOST_TAPS = 4096  # beyond that, a library's convolution needs fewer products
_SHARES = 16  # of a segment's positions, so that a batch fills the card


@dataclass(frozen=True)
class CardPlan:
    """How the kernels divide a filter and a segment.

    Attributes
    ----------
    taps
        Taps per chunk.
    chunks
        Chunks per filter: 1 if all its taps are read once.
    tile
        Positions processed together.
    share
        Positions per program, a whole number of tiles.
    shares
        Programs that share a segment.
    """

    taps: int
    chunks: int
    tile: int
    share: int
    shares: int


def card_plan(
    height: int, width: int, positions: int, *, interpreted: bool = False
) -> CardPlan | None:
    """Return the plan for filters of ``height`` x ``width`` on segments of so many positions.

    None means that PyTorch's operators are faster.
    """
    taps = height * width
    if taps > _MOST_TAPS:
        return None
    size = next((size for size in _WHOLE if taps <= size), _CHUNK)
    tile = _INTERPRETED_TILE if interpreted else _TILE
    tiles = -(-positions // tile)
    share = -(-tiles // _SHARES) * tile
    return CardPlan(size, -(-taps // size), tile, share, -(-positions // share))
