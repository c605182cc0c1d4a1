"""Voiced regions of an utterance, and the segments around them."""

from itertools import pairwise

import numpy as np

from ablation.study.baselines import RnnElmSpec

SHORTEST = 3  # frames of a segment: one each for NULL, the emotion and NULL


def voiced_segments(voicing: np.ndarray, spec: RnnElmSpec, hop_ms: float) -> list[int]:
    """Return where an utterance's segments end, one for each voiced region.

    A region is a run of frames whose voicing is above ``spec.voicing``. Gaps shorter than
    ``spec.gap_ms`` are closed, then regions shorter than ``spec.region_ms`` are left out. Segments
    are cut midway between regions and cover the utterance; one with fewer than ``SHORTEST`` frames
    joins its neighbour. Without a voiced region, the utterance is one segment.

    Parameters
    ----------
    voicing
        Shape (frames,).
    hop_ms
        Step between frames (ms).

    Returns
    -------
    ends
        The frame after each segment's last, ascending; the last one is the number of frames.
    """
    regions = [
        region
        for region in _closed(_runs(voicing > spec.voicing), spec.gap_ms / hop_ms)
        if region[1] - region[0] >= spec.region_ms / hop_ms
    ]
    cuts = [(left[1] + right[0] + 1) // 2 for left, right in pairwise(regions)]
    ends, start = [], 0
    for cut in cuts:
        if cut - start >= SHORTEST and len(voicing) - cut >= SHORTEST:
            ends.append(cut)
            start = cut
    return [*ends, len(voicing)]


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return the runs of true values, as (first, after the last)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _closed(runs: list[tuple[int, int]], gap: float) -> list[tuple[int, int]]:
    closed: list[tuple[int, int]] = []
    for start, end in runs:
        if closed and start - closed[-1][1] < gap:
            closed[-1] = (closed[-1][0], end)
        else:
            closed.append((start, end))
    return closed
