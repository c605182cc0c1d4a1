"""What a network attended to: its input, its maps over time and frequency, and its filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure

from ablation.figures.style import RC, finish
from ablation.study import FeaturesSpec
from ablation.study.extents import at_places, hz_values, number_text, places_differ

_MAPS = "RdBu_r"  # 0 is white, evidence for a class is red, evidence against it is blue
_EVIDENCE = "evidence minus mean over classes"
_MOST_MAPS = 10
_MOST_FILTERS = 32  # of a shape
_MOST_SHAPES = 12


@dataclass(frozen=True)
class Scales:
    """The scales are the size of a bin (Hz) and of a frame (s), and the first frame's time (s).

    ``features`` are those of the segments where rows are no bins: rows are counted then.
    """

    bin_hz: float
    frame_s: float
    start: float = 0.0
    features: FeaturesSpec | None = None

    @classmethod
    def of(cls, features: FeaturesSpec, start: float = 0.0) -> "Scales":
        """Return the scales of some features."""
        other = None if features.kind == "linear" else features
        return cls(features.bin_hz, features.hop_ms / 1000, start, other)

    @property
    def rows(self) -> str:
        """What the axis of rows counts."""
        if self.features is None:
            return "kHz"
        return f"{self.features.kind} {self.features.row_unit}"

    def extent(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """Return left, right (s), bottom, top (kHz) of a map of ``shape`` (..., height, frames).

        Rows that are no bins are counted.
        """
        height, frames = shape[-2:]
        end = self.start + frames * self.frame_s
        top = float(height) if self.features else height * self.bin_hz / 1000
        return self.start, end, 0.0, top

    def filter_label(self, shape: str, height: int) -> str:
        """Return the label of filters of so many rows: their shape and their unit."""
        if self.features is None:
            return f"{shape}\nHz"
        values = hz_values(self.features, height)
        return f"{shape}\n{self.features.row_unit}" + (
            f"\n{', '.join(map(number_text, values))} Hz" * bool(values)
        )


@mpl.rc_context(RC)
def draw_explanation(
    spectrum: np.ndarray,
    bottom_up: np.ndarray | None,
    top_down: np.ndarray | None,
    classes: Sequence[str],
    scores: Mapping[str, float],
    scales: Scales,
    title: str,
) -> Figure:
    """Draw the spectrogram, bottom-up map and top-down map of each class in a column.

    Parameters
    ----------
    spectrum
        The network's input, shape (height, frames).
    bottom_up
        The weight of each position relative to uniform weights, shape (height, frames); or one
        map per class, shape (classes, height, frames), which is not drawn; or None.
    top_down
        The map of each class, shape (classes, height, frames), or None for a pooling without maps.
        Of many classes, those with the highest scores are drawn.
    scores
        The score of each class, shown beside its map.
    """
    panels: list[tuple[str, np.ndarray, str]] = [("input", spectrum, "level")]
    if bottom_up is not None and bottom_up.ndim == 2:
        panels.append(("bottom-up\n(weight)", bottom_up, "weight (uniform: 1)"))
    if top_down is not None:
        # What all classes' maps share changes all scores alike; their differences matter.
        centred = top_down - top_down.mean(axis=0, keepdims=True)
        highest = sorted(classes, key=lambda label: -scores[label])[:_MOST_MAPS]
        for number, label in enumerate(classes):
            if label in highest:
                panels.append((f"{label}\n({scores[label]:+.2f})", centred[number], _EVIDENCE))
        if len(classes) > _MOST_MAPS:
            title += f"; maps of the {_MOST_MAPS} highest scores of {len(classes)} classes"
    figure = Figure(figsize=(6.3, 0.9 + 1.15 * len(panels)), layout="constrained")
    grid = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
    reach = max((np.abs(p[1]).max() for p in panels if p[2] == _EVIDENCE), default=1.0) or 1.0
    drawn: dict[str, list[Axes]] = {}
    images: dict[str, ScalarMappable] = {}
    for axes, (name, values, kind) in zip(grid, panels, strict=True):
        norm, colours = {
            "level": (Normalize(float(values.min()), float(values.max())), "Greys"),
            "weight (uniform: 1)": (Normalize(0, max(float(values.max()), 1.0)), "viridis"),
            _EVIDENCE: (TwoSlopeNorm(0, -reach, reach), _MAPS),
        }[kind]
        images[kind] = _image(axes, values, norm, colours, scales.extent(values.shape))
        axes.set_ylabel(scales.rows)
        axes.annotate(name, (1.01, 0.5), xycoords="axes fraction", va="center", fontsize=8)
        drawn.setdefault(kind, []).append(axes)
    for kind, rows in drawn.items():
        figure.colorbar(images[kind], ax=rows, pad=0.11, aspect=9 * len(rows), label=kind)
    grid[-1].set_xlabel("time (s)")
    finish(figure, title)
    return figure


def _image(
    axes: Axes,
    values: np.ndarray,
    norm: Normalize,
    colours: str,
    extent: tuple[float, float, float, float],
) -> ScalarMappable:
    axes.grid(visible=False)
    return axes.imshow(
        values,
        origin="lower",
        aspect="auto",
        extent=extent,
        norm=norm,
        cmap=colours,
        interpolation="nearest",
    )


@mpl.rc_context(RC)
def draw_filters(filters: Mapping[str, np.ndarray], scales: Scales, title: str) -> Figure:
    """Draw the learned filters of Conv1, a row of images for each shape.

    Parameters
    ----------
    filters
        The weights of each shape (such as "10x2"), shape (filters, height, width). Of many, the
        first ones are drawn.
    """
    many = [len(filters), *map(len, filters.values())]
    filters = {
        shape: weights[:_MOST_FILTERS] for shape, weights in list(filters.items())[:_MOST_SHAPES]
    }
    if many != [len(filters), *map(len, filters.values())]:
        title += f", at most {_MOST_FILTERS} of each shape and {_MOST_SHAPES} shapes"
    most = max(len(weights) for weights in filters.values())
    figure = Figure(
        figsize=(max(6.3, 0.62 * most + 1.2), 0.6 + 1.5 * len(filters)), layout="constrained"
    )
    grid = figure.subplots(len(filters), most, squeeze=False)
    for row, (shape, weights) in zip(grid, filters.items(), strict=True):
        reach = float(np.abs(weights).max()) or 1.0
        _, height, width = weights.shape
        right = 1000 * width * scales.frame_s
        top = height if scales.features else height * scales.bin_hz
        for axes in row[len(weights) :]:
            axes.set_axis_off()
        for axes, weight in zip(row, weights, strict=False):
            _image(axes, weight, TwoSlopeNorm(0, -reach, reach), _MAPS, (0, right, 0, top))
            axes.set(xticks=[0, right], yticks=[])
            axes.tick_params(labelsize=7)
        row[0].set(yticks=[0, top], ylabel=scales.filter_label(shape, height))
        row[len(weights) // 2].set_xlabel("ms")
    signs = "red: positive, blue: negative weight"
    if scales.features is not None and places_differ(scales.features):
        signs += f"; Hz {at_places(scales.features)}"
    finish(figure, f"{title} ({signs})")
    return figure
