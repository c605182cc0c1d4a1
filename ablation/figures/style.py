"""One look for every figure: readable in print and by colour-blind readers."""

import io
import itertools
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import matplotlib as mpl
from matplotlib.figure import Figure

# Okabe & Ito's palette; markers and dashes differ too, so that lines differ in grey print.
COLOURS = {
    "wa": "#000000",
    "neutral": "#0072B2",
    "angry": "#D55E00",
    "sad": "#009E73",
    "happy": "#CC79A7",
}
SPARE = ("#E69F00", "#56B4E9", "#999999", "#F0E442")  # yellow is last: it is faint on white
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))

RC: Any = {
    "text.parse_math": False,  # a class may be called "$x$"
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "figure.dpi": 100,
    "pdf.fonttype": 42,
    "svg.hashsalt": "ablation",
}


def class_colours(classes: Iterable[str]) -> dict[str, str]:
    """Return a colour for each class, the same in all figures: the paper's classes have fixed ones,
    others get theirs in a study's order."""
    spare = itertools.cycle(SPARE)
    return {name: COLOURS.get(name.lower()) or next(spare) for name in classes}


FORMATS = ("png", "pdf", "svg")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # not allowed in XML


def save_figure(figure: Figure, file: BinaryIO, name: str) -> None:
    """Write ``figure`` in format ``name``, without a date: the same data give the same bytes."""
    metadata = {"png": None, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[name]
    with mpl.rc_context(RC), _quiet():
        figure.savefig(file, format=name, metadata=metadata)


def svg_text(figure: Figure) -> str:
    """Return ``figure`` as SVG whose texts stay texts."""
    buffer = io.StringIO()
    with mpl.rc_context({**RC, "svg.fonttype": "none"}), _quiet():
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", buffer.getvalue())


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress warnings of glyphs missing from the font: a box is drawn, which says as much."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
