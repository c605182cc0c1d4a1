"""What a network's last map sees of a segment, before and after training."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ablation.analysis.fields import extents
from ablation.figures.style import COLOURS, RC, SPARE, finish
from ablation.results.field_record import FieldRecord
from ablation.study.extents import joined_hz

_STATES = {"untrained": (COLOURS["neutral"], "--"), "trained": (COLOURS["angry"], "-")}
_MARGIN = 1.15  # of what is drawn, around the largest shape


@mpl.rc_context(RC)
def draw_field(record: FieldRecord, shapes: Mapping[str, tuple[int, int]], title: str) -> Figure:
    """Draw the effective field of the untrained and the trained network, and below their profiles.

    Parameters
    ----------
    shapes
        Filter shapes (bins, frames) to outline around the centre, by the name in the legend.
    """
    figure = Figure(figsize=(7.5, 6.2), layout="constrained")
    grid = figure.subplots(2, 2)
    seen = record.theoretical
    steps = (record.bin_hz or 1.0, record.frame_ms)
    units = ("Hz" if record.bin_hz else record.row_unit, "ms")
    reach = [
        _MARGIN * step * max(own, *(shape[side] for shape in shapes.values()), 1) / 2
        for side, (own, step) in enumerate(zip((seen.bins, seen.frames), steps, strict=True))
    ]
    for axes, (name, field) in zip(grid[0], record.fields.items(), strict=True):
        _draw_map(axes, field, steps, name, units[0])
        _outline(axes, shapes, steps)
        axes.set(xlim=(-reach[1], reach[1]), ylim=(-reach[0], reach[0]))
    for side, (axes, label) in enumerate(zip(grid[1], units, strict=True)):
        reached = []
        for name, field in record.fields.items():
            _draw_profile(axes, field.sum(axis=1 - side), steps[side], name)
            own = extents(field)[side]
            reached.append(
                f"{name}: {own.half * steps[side]:g}, {own.mass * steps[side]:g} {label}"
            )
            if side == 0 and record.bands_hz:
                half, mass = (joined_hz(record.hz(size)) for size in (own.half, own.mass))
                reached[-1] += f"\n{half}; {mass} Hz"
        between = "\n" if side == 0 and record.bands_hz else "; "
        what = "at half height, for 95 % of the sum"
        what += " (Hz: lowest, middle, highest band)" * (between == "\n")
        axes.set_title(what + "\n" + between.join(reached), fontsize=8)
        for number, (name, shape) in enumerate(shapes.items()):
            for end in (-0.5, 0.5):
                place = end * shape[side] * steps[side]
                axes.axvline(place, color=SPARE[number], linestyle=":", label=name)
        axes.set(
            xlim=(-reach[side], reach[side]), ylim=(0, 1.05), xlabel=f"from the centre ({label})"
        )
        axes.set_ylabel("gradient (largest: 1)")
    finish(figure, title)
    return figure


def _draw_map(
    axes: Axes, field: np.ndarray, steps: tuple[float, float], name: str, unit: str
) -> None:
    """Draw a field around the centre; the frame is what the map can see at all."""
    high, wide = (size * step / 2 for size, step in zip(field.shape, steps, strict=True))
    axes.grid(visible=False)
    axes.imshow(
        field,
        origin="lower",
        aspect="auto",
        extent=(-wide, wide, -high, high),
        cmap="Greys",
        interpolation="nearest",
        vmin=0,
    )
    frame = Rectangle((-wide, -high), 2 * wide, 2 * high, fill=False, color="#777777")
    frame.set_label("theoretical field")
    axes.add_patch(frame)
    axes.set(title=name, xlabel="from the centre (ms)", ylabel=f"from the centre ({unit})")


def _outline(axes: Axes, shapes: Mapping[str, tuple[int, int]], steps: tuple[float, float]) -> None:
    for number, (name, shape) in enumerate(shapes.items()):
        high, wide = (size * step for size, step in zip(shape, steps, strict=True))
        box = Rectangle((-wide / 2, -high / 2), wide, high, fill=False, linewidth=1.5)
        box.set(edgecolor=SPARE[number], linestyle=":", label=name)
        axes.add_patch(box)


def _draw_profile(axes: Axes, profile: np.ndarray, step: float, name: str) -> None:
    """Draw the sum of a field along the other side."""
    places = (np.arange(len(profile)) - (len(profile) - 1) / 2) * step
    colour, dash = _STATES[name]
    axes.plot(places, profile / (profile.max() or 1), color=colour, linestyle=dash, label=name)
