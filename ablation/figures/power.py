"""What a study could show, over its number of speakers."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ablation.analysis import Spread, detectable, equivalence_margin
from ablation.errors import counted
from ablation.figures.style import RC, Look, finish

_KINDS = {"difference": (detectable, "o"), "equivalence within": (equivalence_margin, "s")}
_TICKS = (5, 10, 20, 50, 100, 200, 500, 1000)


@mpl.rc_context(RC)
def draw_power(noise: Spread, speakers: Sequence[int], seeds: Sequence[int], title: str) -> Figure:
    """Draw the smallest difference and the smallest margin over speakers, a line per seeds.

    Parameters
    ----------
    speakers
        Numbers of speakers to mark; the lines reach beyond the largest one.
    seeds
        Numbers of seeds; only the first one where their spread is not known.
    """
    figure = Figure(figsize=(6.3, 4), layout="constrained")
    axes = figure.subplots()
    reach = np.unique(np.geomspace(5, max(20, 1.3 * max(speakers)), 40).round().astype(int))
    for number, many in enumerate(seeds if noise.seeds > 1 else seeds[:1]):
        dash = Look.of(number).dash
        for place, (kind, (smallest, marker)) in enumerate(_KINDS.items(), start=1):
            colour = Look.of(place).colour
            at = [100 * smallest(noise, int(n), many) for n in reach]
            label = f"{kind}, {counted(many, 'seed')}" if noise.seeds > 1 else kind
            axes.plot(reach, _finite(at), color=colour, linestyle=dash, label=label)
            marked = [100 * smallest(noise, n, many) for n in speakers]
            axes.plot(speakers, _finite(marked), color=colour, marker=marker, linestyle="")
    free = [n for n in _TICKS if all(max(n / m, m / n) > 1.25 for m in speakers)]
    ticks = sorted({*free, *speakers})
    axes.set_xscale("log")
    axes.set_xticks([n for n in ticks if n <= reach[-1]], minor=False)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.set(xlabel="speakers", ylabel="points", xlim=(reach[0], reach[-1]))
    axes.set_ylim(bottom=0)
    finish(figure, title)
    return figure


def _finite(values: Sequence[float]) -> np.ndarray:
    """Return the values without infinite ones, which no line can reach."""
    return np.where(np.isfinite(values), values, np.nan)
