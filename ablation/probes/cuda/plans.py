"""How a pass is cut up on a card: chunks of taps, and shares of a segment's positions.

All of it follows from the filter and the segment alone, never from the card's free memory or the
batch, so that the same shape is summed in the same order in every run.
"""

from dataclasses import dataclass

FILTERS = 16  # of a program (``kernels.FILTERS``)
WARPS, STAGES = 4, 2

_TILE = 64  # positions; with more, the registers overflow
_INTERPRETED_TILE = 512  # in Triton's interpreter, which takes as long for few as for many
_WHOLE = (16, 32, 64)  # taps that are read once for everything
_CHUNK = 32  # taps at a time, where there are more
_MOST_TAPS = 4096  # beyond, a library's convolution has fewer products to make
_SHARES = 16  # of a segment's positions, so that a batch fills the card


@dataclass(frozen=True)
class CardPlan:
    """How the kernels go about a filter.

    Attributes
    ----------
    taps
        Taps of a chunk.
    chunks
        Chunks of a filter: 1 where all its taps are read once.
    tile
        Positions that are looked at together.
    share
        Positions of a program, a whole number of tiles.
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
    """The plan for filters of ``height`` x ``width`` on segments of so many positions.

    None where PyTorch's operators are to be taken.
    """
    taps = height * width
    if taps > _MOST_TAPS:
        return None
    size = next((size for size in _WHOLE if taps <= size), _CHUNK)
    tile = _INTERPRETED_TILE if interpreted else _TILE
    tiles = -(-positions // tile)
    share = -(-tiles // _SHARES) * tile
    return CardPlan(size, -(-taps // size), tile, share, -(-positions // share))
