"""One look for every figure: readable in print and by colour-blind readers."""

import io
import itertools
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from ablation.errors.common import UnknownName
from ablation.files import atomic_write

_PALETTE = sns.color_palette("colorblind").as_hex()
COLOURS = {
    "wa": "#000000",
    "neutral": _PALETTE[0],
    "angry": _PALETTE[3],
    "sad": _PALETTE[2],
    "happy": _PALETTE[4],
}
SPARE = [_PALETTE[k] for k in (1, 9, 7, 5, 8)]  # yellow is last: it is faint on white
UNKNOWN = "#888888"  # what has no score, and what is there for comparison only
# Markers and dashes differ too, so that lines differ in grey print.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
_LINES = (*COLOURS.values(), *SPARE)

RC: Any = {
    # Every setting, so that none is the user's: a figure is the same on every machine.
    **{name: mpl.rcParamsDefault[name] for name in mpl.rcParamsDefault.keys() - {"backend"}},
    **sns.axes_style("whitegrid"),
    **sns.plotting_context("paper"),
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same on every machine
    "text.parse_math": False,  # a class may be called "$x$"
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "figure.titlesize": 10,
    "grid.color": "#dddddd",
    "axes.edgecolor": "#888888",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "figure.dpi": 100,
    "pdf.fonttype": 42,
    "svg.hashsalt": "ablation",
}


@dataclass(frozen=True)
class Look:
    """A look tells a line from others, by colour and, in grey print, by marker and dash."""

    colour: str
    marker: str
    dash: Any

    @classmethod
    def of(cls, number: int, colour: str | None = None) -> "Look":
        """Return the look of the ``number``-th line, in ``colour`` if it is given."""
        return cls(
            colour or _LINES[number % len(_LINES)],
            _MARKERS[number % len(_MARKERS)],
            _DASHES[number % len(_DASHES)],
        )


def class_colours(classes: Iterable[str]) -> dict[str, str]:
    """Return a colour for each class, the same in all figures: the paper's classes have fixed ones,
    others get theirs in a study's order."""
    spare = itertools.cycle(SPARE)
    return {name: COLOURS.get(name.lower()) or next(spare) for name in classes}


def finish(figure: Figure, title: str, others: Sequence[Artist] = ()) -> None:
    """Draw the figure's title, wrapped to its width, and below it one legend for all panels.

    The legend explains what has a label in any panel, each label once, and ``others`` after that.
    The figure grows by the legend's height.
    """
    width = figure.get_figwidth()
    figure.suptitle(wrap_text(title, width, 10))
    found: dict[str, Artist] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
        if legend := axes.get_legend():
            legend.remove()
    found |= {str(handle.get_label()): handle for handle in others}
    if not found:
        return
    room = _characters(width, 8)
    columns = next(
        (n for n in range(len(found), 1, -1) if _legend_width(list(found), n) <= room), 1
    )
    figure.set_figheight(figure.get_figheight() + 0.17 * -(-len(found) // columns))
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=columns)


def _legend_width(labels: list[str], columns: int) -> int:
    """Return the width of a legend in characters; each handle takes about seven."""
    return sum(7 + max(map(len, part.tolist())) for part in np.array_split(labels, columns))


def wrap_text(text: str, inches: float, points: float) -> str:
    """Return ``text`` wrapped to lines of ``inches`` at a font size of ``points``."""
    columns = max(1, int(_characters(inches, points)))
    return "\n".join(textwrap.fill(line, columns) for line in text.splitlines())


def _characters(inches: float, points: float) -> float:
    """Return how many characters of DejaVu Sans a line has room for."""
    return 128 * inches / points


FORMATS = ("png", "pdf", "svg")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # not allowed in XML


def save_figure(figure: Figure, file: BinaryIO, name: str) -> None:
    """Write ``figure`` in format ``name``, without a date: the same data give the same bytes."""
    metadata = {"png": None, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[name]
    with mpl.rc_context(RC), quiet():
        figure.savefig(file, format=name, metadata=metadata)


def write_figure(draw: Callable[[], Figure], path: Path, option: str) -> None:
    """Draw a figure into a file whose suffix is its format.

    Raises
    ------
    UnknownName
        For another suffix than .png, .pdf and .svg; ``option`` gave the path.
    StorageError
        When the file cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise UnknownName(f"{option} {path}", kind, FORMATS, "figure format")
    figure = draw()
    with atomic_write(path) as stream:
        save_figure(figure, stream, kind)


def svg_text(figure: Figure) -> str:
    """Return ``figure`` as SVG whose texts stay texts."""
    buffer = io.StringIO()
    with mpl.rc_context({**RC, "svg.fonttype": "none"}), quiet():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", buffer.getvalue())


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings of glyphs missing from the font: a box is drawn, which says as much."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
