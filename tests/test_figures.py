"""Figures: what is drawn is what was handed in, can be read, and is the same every time."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ablation.figures import (
    FORMATS,
    DifferencePanel,
    Panel,
    Scales,
    WindowPanel,
    draw_budget,
    draw_classes,
    draw_confusion,
    draw_costs,
    draw_critical,
    draw_differences,
    draw_explanation,
    draw_figure2,
    draw_filters,
    draw_heatmap,
    draw_learning,
    draw_search,
    draw_speakers,
    draw_windows,
    save_figure,
)
from ablation.figures.style import RC
from ablation.study import AXES

GRID = (2, 4, 8, 10, 16, 20, 40, 64, 80)
CLASSES = ("neutral", "happy", "angry", "sad")
SPEAKERS = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
SHAPES = tuple(f"{height}x{width}" for height in GRID for width in (2, 8, 80))  # 27
LONG = "CNN_TF_Att.pooling with a name that goes on and on"
TITLE = "emodb: ten speakers, one seed, window 40 ms (01a7ab6b665f)"


def wave(count: int, phase: float = 0.0) -> np.ndarray:
    """Numbers in -1 .. 1 that look measured and are the same with every version of numpy."""
    return np.sin(7.3 * np.arange(count) + 3.1 * phase)


def curve_frame(
    scores: Sequence[str],
    extents: Sequence[int] = GRID,
    incomplete: Sequence[int] = (),
    half: float = 0.06,
    phase: float = 0.0,
) -> pd.DataFrame:
    extent = np.array(extents)
    frame = pd.DataFrame(
        {
            "extent": extent,
            "physical": 10.0 * extent,
            "complete": [e not in incomplete for e in extents],
        }
    )
    for number, score in enumerate(scores):
        values = 0.4 + 0.2 * np.tanh(np.log(extent) / 2) + 0.04 * number + 0.03 * phase
        frame[score] = values + 0.02 * wave(len(extent), number + phase)
        frame[f"{score}_low"], frame[f"{score}_high"] = frame[score] - half, frame[score] + half
    return frame


def grid_frame(
    heights: Sequence[int] = GRID,
    widths: Sequence[int] = GRID,
    absent: Sequence[tuple[int, int]] = (),
    incomplete: Sequence[tuple[int, int]] = (),
) -> pd.DataFrame:
    shapes = [(h, w) for h in heights for w in widths if (h, w) not in absent]
    frame = pd.DataFrame(shapes, columns=["height", "width"])
    frame["height_hz"], frame["width_ms"] = 10.0 * frame["height"], 10.0 * frame["width"]
    frame["complete"] = [shape not in incomplete for shape in shapes]
    reach = np.log(frame["height"] * frame["width"])
    frame["ua"] = 0.4 + 0.3 * np.tanh(reach / 5) + 0.01 * wave(len(frame))
    return frame


def window_panel(name: str, windows: Sequence[float] = (20.0, 40.0, 100.0)) -> WindowPanel:
    curves = {w: curve_frame(["wa"], phase=k, half=0.03) for k, w in enumerate(windows)}
    curves[windows[-1]] = curve_frame(["wa"], incomplete=[64], phase=len(windows), half=0.03)
    own = {w: 100 / w if name == "height" else w / 10 for w in windows}
    return WindowPanel(AXES[name], curves, own, {windows[0]: 16, windows[1]: 10})


def budget_frame() -> pd.DataFrame:
    shares = np.array([0.125, 0.25, 0.5, 1.0])
    rows = [0.4 + 0.05 * (k % 5) * np.log2(8 * shares) / 3 for k in range(len(SHAPES))]
    return pd.DataFrame(rows, index=list(SHAPES), columns=shares)


def difference_panel(name: str) -> DifferencePanel:
    extent = np.array([e for e in GRID if e != 10])
    difference = 0.1 * wave(len(extent))
    half = np.full(len(extent), 0.06)
    half[0] = np.inf  # so few speakers that nothing is known
    verdict = [("equivalent", "different", "undecided")[k % 3] for k in range(len(extent))]
    rows = pd.DataFrame({
        "extent": extent, "physical": 10.0 * extent, "difference": difference, "half": half,
        "verdict": verdict,
    })  # fmt: skip
    return DifferencePanel(AXES[name], rows, (10, 100.0))


def counts_frame(labels: Sequence[str] = CLASSES, phase: float = 0.0) -> pd.DataFrame:
    size = len(labels)
    counts = np.round(6 + 6 * wave(size * size, phase)).reshape(size, size)
    return pd.DataFrame(counts + 30 * np.eye(size), index=list(labels), columns=list(labels))


def learning_frame(names: Sequence[str], epochs: int = 60) -> pd.DataFrame:
    frames = []
    for number, name in enumerate(names):
        epoch = np.arange(1, epochs + 1)
        loss = 0.2 + 1.3 * np.exp(-epoch / (12 + 4 * number))
        wa = 0.95 - 0.6 * np.exp(-epoch / (12 + 3 * number))
        frame = pd.DataFrame({"name": name, "epoch": epoch, "train_loss": loss, "train_wa": wa})
        frame["train_loss_low"], frame["train_loss_high"] = 0.9 * loss, 1.1 * loss
        frame["train_wa_low"], frame["train_wa_high"] = wa - 0.03, wa + 0.02
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def speaker_frame(
    names: Sequence[str] = SHAPES[:9], speakers: Sequence[str] = SPEAKERS
) -> pd.DataFrame:
    own = 0.08 * wave(len(speakers), 0.5)
    frames = []
    for number, name in enumerate(names):
        score = 0.5 + 0.012 * number + own + 0.03 * wave(len(speakers), number)
        frames.append(
            pd.DataFrame(
                {"name": name, "speaker": speakers, "score": score, "pooled": score.mean()}
            )
        )
    return pd.concat(frames, ignore_index=True)


def rank_series(names: Sequence[str]) -> pd.Series:
    """Mean ranks that crowd in the middle, as those of like shapes do."""
    middle = (len(names) + 1) / 2
    place = np.arange(1, len(names) + 1) - middle
    ranks = middle + place * (0.5 + 0.4 * np.abs(place) / middle)
    order = np.argsort(wave(len(names)))
    return pd.Series(ranks[order], index=list(names))


def near(ranks: pd.Series, within: float) -> list[list[str]]:
    """Groups of names whose ranks lie ``within`` each other, none a part of the next."""
    ordered = ranks.sort_values()
    groups: list[list[str]] = []
    for first in ordered:
        group = list(ordered.index[(ordered >= first) & (ordered <= first + within)])
        if len(group) > 1 and not any(set(group) <= set(other) for other in groups):
            groups.append(group)
    return groups


def cost_frame(probes: int = 9, networks: Sequence[str] = ("attention", "mean")) -> pd.DataFrame:
    size = 2000 * 1.3 ** np.arange(probes)
    wa = 0.4 + 0.25 * np.tanh(np.arange(probes) / 8) + 0.02 * wave(probes)
    frame = pd.DataFrame(
        {
            "name": [*(f"probe {shape}" for shape in SHAPES[:probes]), *networks],
            "kind": ["probe"] * probes + ["network"] * len(networks),
            "parameters": [*size, *(93333.0 * (k + 1) for k in range(len(networks)))],
            "wa": [*wa, *(0.78 + 0.03 * k for k in range(len(networks)))],
        }
    )
    frame["multiply_adds"] = 2400 * frame["parameters"]
    frame["wa_low"], frame["wa_high"] = frame["wa"] - 0.05, frame["wa"] + 0.05
    for cost in ("parameters", "multiply_adds"):
        better = [
            ((frame[cost] <= row[cost]) & (frame["wa"] > row["wa"])).any()
            for _, row in frame.iterrows()
        ]
        frame[f"front_{cost}"] = ~np.array(better)
    return frame


def trial_frame() -> pd.DataFrame:
    """Ten trials with two variants, two of them pruned and one failed."""
    frame = pd.DataFrame({"trial": np.arange(1, 11), "height": (*GRID, 8), "width": 2})
    frame["width"] = np.roll(frame["height"], 3)
    frame["variant"] = ["mean", "attention"] * 5
    frame["state"] = ["complete"] * 7 + ["pruned", "failed", "pruned"]
    frame["score"] = 0.6 + 0.1 * wave(10)
    whole = frame["state"] == "complete"
    frame.loc[frame["state"] == "failed", "score"] = np.nan
    frame["best"] = frame["score"].where(whole).cummax().ffill()
    frame["marked"] = whole & (frame["score"] == frame["best"].max())
    return frame


def critical(names: Sequence[str], within: float) -> Figure:
    ranks = rank_series(names)
    note = "Bars join shapes that the joint sign-flip test over ten speakers does not tell apart."
    return draw_critical(ranks, near(ranks, within), TITLE, note)


SCORES = [("ua", "UA"), *((f"acc_{label}", label) for label in CLASSES)]
COLUMNS = [score for score, _ in SCORES]

TYPICAL: dict[str, Callable[[], Figure]] = {
    "budget": lambda: draw_budget(budget_frame(), list(SHAPES[:8]), TITLE, "WA (%)"),
    "differences": lambda: draw_differences(
        [difference_panel(name) for name in AXES], 0.05, "WA", TITLE
    ),
    "heatmap": lambda: draw_heatmap(
        grid_frame(absent=[(2, 2), (80, 80)], incomplete=[(8, 8), (64, 80)]),
        "ua",
        "UA",
        TITLE,
        (10, 8),
    ),
    "heatmap_dots": lambda: draw_heatmap(
        grid_frame().assign(like_highest=lambda rows: rows["ua"] > 0.6),
        "ua",
        "UA",
        TITLE,
        (80, 80),
        span=0.5,
    ),
    "classes": lambda: draw_classes(
        {name: curve_frame(COLUMNS, incomplete=[20]) for name in AXES}, SCORES, TITLE
    ),
    "windows": lambda: draw_windows([window_panel(name) for name in AXES], TITLE),
    "confusion": lambda: draw_confusion(
        {name: counts_frame(phase=k) for k, name in enumerate(("10x2", "2x8", "attention"))},
        TITLE,
    ),
    "learning": lambda: draw_learning(learning_frame(SHAPES[:4]), TITLE),
    "speakers": lambda: draw_speakers(speaker_frame(), TITLE, "filter shape (bins x frames)"),
    "critical": lambda: critical(SHAPES[:9], 1.6),
    "costs": lambda: draw_costs(cost_frame(), TITLE),
    "figure2": lambda: draw_figure2(
        [
            Panel(AXES[name], curve_frame(["wa", "acc_angry"], incomplete=[20]), 2, 64, 8, 4.0)
            for name in AXES
        ],
        ["angry"],
        0.37,
        TITLE,
    ),
    "search": lambda: draw_search(trial_frame(), "UA", "highest", TITLE),
    "explanation": lambda: draw_explanation(
        wave(600).reshape(20, 30),
        1 + wave(600).reshape(20, 30),
        wave(2400).reshape(4, 20, 30),
        CLASSES,
        dict.fromkeys(CLASSES, 0.5),
        Scales(10.0, 0.01),
        TITLE,
    ),
    "filters": lambda: draw_filters(
        {"10x2": wave(80).reshape(4, 10, 2), "2x8": wave(64).reshape(4, 2, 8)},
        Scales(10.0, 0.01),
        TITLE,
    ),
}
IMAGES = [name for name in TYPICAL if name not in ("classes", "figure2", "explanation", "filters")]


def without_intervals(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with nan for every end of an interval."""
    ends = [column for column in frame if str(column).endswith(("_low", "_high"))]
    return frame.assign(**{str(column): np.nan for column in ends})


AWKWARD: dict[str, Callable[[], Figure]] = {
    "heatmap, one shape": lambda: draw_heatmap(
        grid_frame([10], [2]), "ua", "UA", TITLE + ": " + LONG, (10, 2)
    ),
    "heatmap, 27 x 27": lambda: draw_heatmap(
        grid_frame(range(2, 29), range(2, 29), incomplete=[(3, 3)]), "ua", "UA", TITLE, (28, 28)
    ),
    "classes, one extent": lambda: draw_classes(
        {"width": curve_frame(COLUMNS, [8])}, SCORES, TITLE
    ),
    "windows, eight": lambda: draw_windows(
        [window_panel(name, [10.0, 16, 20, 25, 32, 40, 64, 100]) for name in AXES], TITLE
    ),
    "confusion, nobody spoke": lambda: draw_confusion({"10x2": 0 * counts_frame()}, TITLE),
    "confusion, long names": lambda: draw_confusion(
        {
            f"{LONG} {k}": counts_frame([f"{label} and surprised" for label in CLASSES], k)
            for k in range(5)
        },
        TITLE,
    ),
    "learning, one epoch": lambda: draw_learning(learning_frame(["10x2"], 1), TITLE),
    "learning, eight long names": lambda: draw_learning(
        without_intervals(learning_frame([f"{LONG} {k}" for k in range(8)])), TITLE
    ),
    "speakers, one of one": lambda: draw_speakers(speaker_frame(["10x2"], ["03"]), TITLE, "x"),
    "speakers, long names": lambda: draw_speakers(
        speaker_frame([LONG, "log-mel SVM"], [f"speaker {k} of the corpus" for k in range(10)]),
        TITLE,
        "x",
    ),
    "critical, all alike": lambda: draw_critical(
        pd.Series(5.0, index=list(SHAPES[:9])), [SHAPES[:9]], TITLE, ""
    ),
    "critical, 27": lambda: critical(SHAPES, 4),
    "critical, long names": lambda: critical([f"{LONG} {k}" for k in range(9)], 2),
    "costs, one": lambda: draw_costs(cost_frame(1, ()), TITLE),
    "costs, long names": lambda: draw_costs(
        cost_frame(27, [LONG, f"{LONG} and on"]), f"{TITLE}: {LONG}"
    ),
    "costs, none known": lambda: draw_costs(
        without_intervals(cost_frame()).assign(
            parameters=np.nan, front_parameters=False, front_multiply_adds=False
        ),
        TITLE,
    ),
}

EVERY = TYPICAL | AWKWARD


def drawn_texts(figure: Figure) -> list[Text]:
    """Texts on the paper: those of ticks outside the axis' range are not drawn."""
    figure.draw_without_rendering()
    beyond = set()
    for axes in figure.findobj(Axes):
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                inside = axes.get_visible() and axes.axison and axis.get_visible()
                if not (inside and low <= tick.get_loc() <= high):
                    beyond |= {tick.label1, tick.label2}
    found = figure.findobj(Text)
    return [t for t in found if t.get_visible() and t.get_text().strip() and t not in beyond]


def text_box(text: Text) -> Bbox:
    """The box of the text alone: that of an annotation takes its line in."""
    return Text.get_window_extent(text)


def touching(texts: Iterable[Text]) -> list[tuple[str, str]]:
    """Pairs of level or upright texts that lie on each other by more than half a dot."""
    boxes = [
        (text.get_text(), text_box(text).padded(-0.25))
        for text in texts
        if text.get_rotation() % 90 == 0
    ]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]


def lines_of(axes: Axes, **properties: object) -> list[Line2D]:
    """Lines with data whose properties (``marker="o"``) are as given."""
    return [
        line
        for line in axes.get_lines()
        if len(line.get_xydata())
        and all(getattr(line, f"get_{name}")() == value for name, value in properties.items())
    ]


def bands_of(axes: Axes) -> list[np.ndarray]:
    """Corners of each band, shape (corners, 2)."""
    return [
        path.vertices
        for collection in axes.collections
        if isinstance(collection, PolyCollection)
        for path in collection.get_paths()
    ]


def bars_of(axes: Axes) -> list[np.ndarray]:
    """Both ends of each upright bar, shape (2, 2)."""
    return [
        segment
        for collection in axes.collections
        if isinstance(collection, LineCollection)
        for segment in collection.get_segments()
    ]


def by_first(rows: np.ndarray) -> np.ndarray:
    """Rows sorted by their first column."""
    return rows[np.argsort(rows[:, 0], kind="stable")]


def tick_texts(labels: Iterable[Text]) -> list[str]:
    return [label.get_text() for label in labels]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# All figures


@pytest.fixture(autouse=True)
def nothing_else_changes() -> Iterator[None]:
    """Neither matplotlib's settings nor pyplot know afterwards that any figure was drawn."""
    before = settings()
    yield
    assert settings() == before
    assert plt.get_fignums() == []


def settings() -> dict[str, object]:
    """Matplotlib's settings, but for the backend, which asking for would choose."""
    return {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.filterwarnings("ignore:Style includes a parameter")
@pytest.mark.mpl_image_compare(tolerance=2, style=RC, savefig_kwargs={"dpi": 60})
def test_image(name: str) -> Figure:
    return TYPICAL[name]()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.filterwarnings("error")
def test_all_text_can_be_read(name: str) -> None:
    """None lies on another, and all lie on the paper that ``bbox_inches="tight"`` cuts out."""
    figure = EVERY[name]()
    texts = drawn_texts(figure)
    assert touching(texts) == []
    paper = figure.get_tightbbox().padded(0.1)
    for text in texts:
        box = text_box(text).transformed(figure.dpi_scale_trans.inverted())
        assert paper.x0 <= box.x0 and box.x1 <= paper.x1, text.get_text()
        assert paper.y0 <= box.y0 and box.y1 <= paper.y1, text.get_text()


def test_a_budget_draws_every_shape_and_names_some() -> None:
    (axes,) = TYPICAL["budget"]().axes
    lines = axes.get_lines()
    assert len(lines) == len(SHAPES)
    for line in lines:
        if line.get_label() in SHAPES:
            expected = 100 * budget_frame().loc[str(line.get_label())]
            assert line.get_ydata() == pytest.approx(expected.to_numpy())
    assert {line.get_label() for line in lines} >= set(SHAPES[:8])


def test_differences_have_a_mark_by_verdict_and_the_margin_as_a_band() -> None:
    figure = TYPICAL["differences"]()
    for axes, name in zip(figure.axes, AXES, strict=True):
        rows = difference_panel(name).rows
        for verdict in ("different", "equivalent", "undecided"):
            (line,) = [one for one in axes.get_lines() if one.get_label() == verdict]
            drawn = np.column_stack([line.get_xdata(), line.get_ydata()])
            mine = rows[rows["verdict"] == verdict]
            assert drawn == pytest.approx(
                np.column_stack([mine["extent"], 100 * mine["difference"]])
            )
        band = next(p for p in axes.patches if "±5 points" in str(p.get_label()))
        low, high = band.get_extents().transformed(axes.transData.inverted()).intervaly
        assert (low, high) == pytest.approx((-5, 5))
        assert len(bars_of(axes)) == np.isfinite(rows["half"]).sum()


def test_dots_mark_what_is_like_the_highest_and_colours_span_what_is_asked() -> None:
    axes = TYPICAL["heatmap_dots"]().axes[0]
    (dots,) = [line for line in axes.get_lines() if "not significantly" in str(line.get_label())]
    assert len(np.asarray(dots.get_xdata())) == int((grid_frame()["ua"] > 0.6).sum())
    low, high = axes.collections[0].get_clim()
    assert high - low == pytest.approx(50)


def test_figures_of_very_many_things_stay_small_and_say_what_they_leave_out() -> None:
    labels = [f"class {k:02d}" for k in range(60)]
    maps, scores = wave(36000).reshape(60, 20, 30), dict(zip(labels, wave(60), strict=True))
    scales = Scales(10.0, 0.01)
    figures = {
        "10 highest scores of 60 classes": draw_explanation(
            maps[0], None, maps, labels, scores, scales, TITLE
        ),
        "at most 32 of each shape": draw_filters(
            {"4x2": wave(512).reshape(64, 4, 2)}, scales, TITLE
        ),
        TITLE: draw_confusion({name: counts_frame(labels[:31]) for name in SHAPES[:3]}, TITLE),
    }
    for note, figure in figures.items():
        assert note in figure.get_suptitle().replace("\n", " ")
        assert max(figure.get_size_inches()) * RC["savefig.dpi"] < 6000, note
    explained = next(iter(figures.values()))
    names = {text.get_text().split("\n")[0] for a in explained.axes for text in a.texts}
    assert names == {"input", *sorted(labels, key=lambda label: -scores[label])[:10]}


def test_extents_of_a_large_heatmap_are_labelled_apart() -> None:
    figure = draw_heatmap(grid_frame(range(2, 82), [2, 8]), "ua", "UA", TITLE)
    assert touching(figure.axes[0].get_yticklabels()) == []


def test_drawing_loads_no_window() -> None:
    """It works where there is no screen, and even where the backend asked for is not there."""
    program = (
        "import sys, pandas as pd\n"
        "from ablation.figures import draw_learning, svg_text\n"
        "row = dict(name='a', epoch=1, train_loss=1, train_wa=1)\n"
        "ends = {f'train_{n}_{e}': 1 for n in ('loss', 'wa') for e in ('low', 'high')}\n"
        "svg_text(draw_learning(pd.DataFrame([row | ends]), 'title'))\n"
        "print([name for name in sys.modules if 'backends.backend_' in name])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"MPLBACKEND": "tkagg"}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert run.stderr == ""
    assert "tk" not in run.stdout and "svg" in run.stdout


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_data_give_the_same_bytes(form: str) -> None:
    """A clip path, a marker and a font have names in SVG and PDF."""
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        few = grid_frame([10, 2], [2, 8], incomplete=[(2, 8)])
        save_figure(draw_heatmap(few, "ua", "UA", TITLE, (10, 2)), file, form)
    assert files[0].getvalue() == files[1].getvalue()


def test_no_setting_of_the_users_is_in_a_figure() -> None:
    """Settings of theirs stay as they are."""
    theirs = {
        "text.usetex": True, "axes.unicode_minus": False, "font.size": 30, "font.family": "serif",
        "savefig.transparent": True, "savefig.pad_inches": 2, "lines.linewidth": 9,
        "figure.constrained_layout.use": False, "path.sketch": (1, 100, 2), "xtick.minor.visible":
        True, "axes.formatter.use_locale": True, "image.cmap": "jet", "hatch.linewidth": 9,
    }  # fmt: skip
    for name in ("figure2", "costs"):
        files = [io.BytesIO(), io.BytesIO()]
        save_figure(TYPICAL[name](), files[0], "png")
        with mpl.rc_context(theirs):
            before = dict(mpl.rcParams.copy())
            save_figure(TYPICAL[name](), files[1], "png")
            assert dict(mpl.rcParams.copy()) == before
        assert files[0].getvalue() == files[1].getvalue(), name


@pytest.mark.parametrize("name", ["heatmap, one shape", "costs, long names", "classes, one extent"])
def test_a_long_title_keeps_to_the_figure(name: str) -> None:
    figure = AWKWARD[name]()
    figure.draw_without_rendering()
    (title,) = (text for text in figure.texts if text.get_text().startswith("emodb"))
    assert "\n" in title.get_text()
    assert text_box(title).width <= figure.bbox.width


# Heat map


def test_heatmap_draws_scores_in_their_cells() -> None:
    frame = grid_frame([10, 2], [8, 2, 4], absent=[(2, 4)], incomplete=[(10, 8)])
    figure = draw_heatmap(frame, "ua", "UA", TITLE, (10, 2))
    assert not any(axes.images for axes in figure.axes)  # which many viewers blur
    axes = figure.axes[0]
    (mesh,) = (c for c in axes.collections if isinstance(c, QuadMesh))
    cells = np.ma.filled(mesh.get_array(), np.nan)
    expected = 100 * frame.pivot(index="height", columns="width", values="ua").to_numpy()[::-1]
    np.testing.assert_allclose(cells, expected)
    assert np.isnan(cells[1, 1])
    assert tick_texts(axes.get_yticklabels()) == ["10\n100 Hz", "2\n20 Hz"]
    assert tick_texts(axes.get_xticklabels()) == ["2\n20 ms", "4\n40 ms", "8\n80 ms"]
    written = {tuple(int(place) for place in t.get_position()): t for t in axes.texts}
    assert len(written) == 5
    for (column, row), text in written.items():
        value = f"{expected[row, column]:.1f}"
        assert text.get_text() == (f"({value})" if (row, column) == (0, 2) else value)
    (outline,) = (p for p in axes.patches if isinstance(p, Rectangle))
    assert outline.get_xy() == (0, 0)
    shown = ["highest", "no score", "( ) not all folds and seeds"]
    assert legend_texts(figure) == shown
    assert not draw_heatmap(grid_frame(), "ua", "UA", TITLE, (3, 3)).legends  # but what it shows


# Lines over the extent


def test_classes_draw_scores_and_intervals() -> None:
    frame = curve_frame(["ua", "acc_sad"], incomplete=[20])
    figure = draw_classes({"height": frame}, [("ua", "UA"), ("acc_sad", "sad")], TITLE)
    complete = frame[frame["complete"]]
    for axes, score, label in zip(figure.axes, ["ua", "acc_sad"], ["UA", "sad"], strict=True):
        assert axes.get_ylabel() == f"{label} (%)"
        line, hollow = axes.get_lines()
        np.testing.assert_allclose(
            line.get_xydata(), np.column_stack([complete["extent"], 100 * complete[score]])
        )
        partial = frame[~frame["complete"]]
        np.testing.assert_allclose(hollow.get_xydata(), [[20, 100 * partial[score].iloc[0]]])
        assert hollow.get_markerfacecolor() == "white"
        (band,) = bands_of(axes)
        for end in ("low", "high"):
            for extent, value in zip(complete["extent"], complete[f"{score}_{end}"], strict=True):
                assert np.isclose(band, [extent, 100 * value]).all(axis=1).any()
        (bar,) = bars_of(axes)
        ends = 100 * partial[[f"{score}_low", f"{score}_high"]].iloc[0]
        np.testing.assert_allclose(bar, np.column_stack([[20, 20], ends]))
    assert legend_texts(figure) == ["95 % interval by speaker", "not all folds and seeds"]


def test_a_class_has_one_colour_in_every_figure() -> None:
    classes = ["angry", "bored", "Neutral", "calm"]
    frame = curve_frame(["wa", "ua", *(f"acc_{name}" for name in classes)])
    panel = Panel(AXES["height"], frame, fixed=2)
    (axes,) = draw_figure2([panel], classes, 0.37, TITLE).axes[:1]
    together = {line.get_label(): line.get_color() for line in axes.get_lines()}
    scores = [("wa", "WA"), ("ua", "UA"), *((f"acc_{name}", name) for name in classes)]
    alone = draw_classes({"height": frame}, scores, TITLE).axes
    for axes, (_, name) in zip(alone, scores, strict=False):
        colour = axes.get_lines()[0].get_color()
        assert colour == together["WA" if name == "UA" else name]
    assert len({together[name] for name in ("WA", *classes)}) == 5


def test_an_unknown_interval_leaves_a_gap() -> None:
    frame = curve_frame(["ua"])
    frame.loc[[1, 3], ["ua_low", "ua_high"]] = np.nan
    axes = draw_classes({"height": frame}, [("ua", "UA")], TITLE).axes[0]
    (band,) = bands_of(axes)
    assert set(band[:, 0]) == set(GRID[4:])
    assert sorted(bar[0, 0] for bar in bars_of(axes)) == [2, 8]  # no neighbour to make a band of
    alone = AWKWARD["classes, one extent"]().axes[0]
    assert bands_of(alone) == []
    assert [bar[:, 0].tolist() for bar in bars_of(alone)] == [[8, 8]]
    none = draw_classes({"height": without_intervals(frame)}, [("ua", "UA")], TITLE)
    assert bands_of(none.axes[0]) == bars_of(none.axes[0]) == none.legends == []
    never_run = curve_frame(["ua"], incomplete=[20])
    never_run.loc[never_run["extent"] == 20, ["ua", "ua_low", "ua_high"]] = np.nan
    figure = draw_classes({"height": never_run}, [("ua", "UA")], TITLE)
    assert legend_texts(figure) == ["95 % interval by speaker"]  # it is no incomplete score


def test_extents_label_the_axis() -> None:
    """In bins or frames below, in Hz or ms above, as far apart as their texts need."""
    for name in ("windows", "figure2"):
        axes = TYPICAL[name]().axes[0]
        (above,) = axes.child_axes
        assert axes.get_xticks().tolist() == above.get_xticks().tolist() == list(GRID)
        form = above.xaxis.get_major_formatter()
        assert [form(tick, 0) for tick in (2, 10, 80)] == ["20", "100", "800"]
        assert axes.get_xscale() == "log"
    small = TYPICAL["classes"]().axes[0]
    assert small.get_xticks().tolist() == [2, 4, 8, 16, 40, 80]


def test_windows_have_a_line_a_mark_and_a_ring() -> None:
    panel = window_panel("width")
    figure = draw_windows([panel, window_panel("height")], TITLE)
    axes = figure.axes[0]
    lines = lines_of(axes, linewidth=RC["lines.linewidth"], markersize=RC["lines.markersize"])
    lines = [line for line in lines if line.get_linestyle() != "None"]
    for window, line in zip((20.0, 40.0), lines[:2], strict=True):
        wa = 100 * panel.curves[window]["wa"]
        np.testing.assert_allclose(line.get_xydata(), np.column_stack([GRID, wa]))
    marks = lines_of(axes, linewidth=5)
    assert [list(mark.get_xdata()) for mark in marks] == [[2, 2], [4, 4], [10, 10]]
    assert marks[1].get_color() == lines[1].get_color() != marks[0].get_color()
    rings = lines_of(axes, markersize=11)
    best = [100 * panel.curves[w]["wa"][GRID.index(e)] for w, e in panel.chosen.items()]
    np.testing.assert_allclose(
        [ring.get_xydata()[0] for ring in rings], np.column_stack([[16, 10], best])
    )
    # A window of 100 ms resolves one bin: beyond the heights tried.
    heights = [list(mark.get_xdata()) for mark in lines_of(figure.axes[1], linewidth=5)]
    assert heights == [[5, 5], [2.5, 2.5]]
    assert [text for text in legend_texts(figure) if text.startswith("window ")] == [
        "window 20 ms", "window 40 ms", "window 100 ms",
    ]  # fmt: skip


# Confusion matrices


def test_confusion_draws_shares_and_counts() -> None:
    labels = ["sad", "calm", "mute"]
    counts = pd.DataFrame([[6, 2, 0], [1, 2.5, 0], [0, 0, 0]], index=labels, columns=labels)
    axes = draw_confusion({"10x2": counts}, TITLE).axes[0]
    assert axes.get_title() == "10x2"
    (mesh,) = (c for c in axes.collections if isinstance(c, QuadMesh))
    shares = np.ma.filled(mesh.get_array(), np.nan)
    np.testing.assert_allclose(shares[:2], [[75, 25, 0], [100 / 3.5, 250 / 3.5, 0]])
    assert np.isnan(shares[2]).all()
    texts = {tuple(int(place) for place in t.get_position()): t.get_text() for t in axes.texts}
    assert texts == {
        (0, 0): "75 %\n6",
        (1, 0): "25 %\n2",
        (2, 0): "0 %\n0",
        (0, 1): "29 %\n1",
        (1, 1): "71 %\n2.5",
        (2, 1): "0 %\n0",
    }
    assert tick_texts(axes.get_yticklabels()) == tick_texts(axes.get_xticklabels()) == labels
    low, high = axes.get_ylim()
    assert low > high  # the first class on top, as in a table
    assert mesh.get_clim() == (0, 100)


def test_confusion_labels_what_needs_it() -> None:
    panels = [axes for axes in AWKWARD["confusion, long names"]().axes if axes.get_title()]
    assert [len(axes.get_yticks()) for axes in panels] == [4, 0, 0, 4, 0]  # three in a row
    different = {"a": counts_frame(), "b": counts_frame(list("tuvw")), "c": counts_frame(["s"])}
    named = [tick_texts(axes.get_yticklabels()) for axes in draw_confusion(different, TITLE).axes]
    assert named[:3] == [list(CLASSES), list("tuvw"), ["s"]]


# Learning curves


def test_learning_draws_both_scores_by_epoch() -> None:
    frame = learning_frame(["10x2", "2x8"])
    figure = draw_learning(frame, TITLE)
    assert legend_texts(figure) == ["10x2", "2x8", "range over folds and seeds"]
    for axes, column, scale in zip(figure.axes, ["train_loss", "train_wa"], [1, 100], strict=True):
        for name, line in zip(["10x2", "2x8"], lines_of(axes), strict=True):
            rows = frame[frame["name"] == name]
            np.testing.assert_allclose(
                line.get_xydata(), np.column_stack([rows["epoch"], scale * rows[column]])
            )
        highs = sorted(band[:, 1].max() for band in bands_of(axes))
        expected = scale * frame.groupby("name")[f"{column}_high"].max()
        np.testing.assert_allclose(highs, sorted(expected))
    label = figure.axes[1].get_ylabel()
    assert "training" in label and "not the held-out" in label


def test_eight_lines_of_learning_differ_without_colour() -> None:
    axes = AWKWARD["learning, eight long names"]().axes[0]
    looks = {(line.get_marker(), line.get_linestyle()) for line in lines_of(axes)}
    assert len(looks) == len({line.get_color() for line in lines_of(axes)}) == 8


# Speakers


def test_speakers_are_joined_over_names_in_the_given_order() -> None:
    names = ["2x8", "10x2", "2x2"]
    frame = speaker_frame(names, ["x", "y"])
    figure = draw_speakers(frame, TITLE, "shape")
    axes = figure.axes[0]
    assert tick_texts(axes.get_xticklabels()) == names
    *drawn, pooled = lines_of(axes)
    expected = [100 * frame.loc[frame["speaker"] == s, "score"] for s in ("x", "y")]
    np.testing.assert_allclose([line.get_ydata() for line in drawn], expected)
    np.testing.assert_allclose(pooled.get_ydata(), 100 * frame["pooled"].unique())
    assert legend_texts(figure) == ["speaker x", "speaker y", "all speakers, pooled"]
    assert axes.get_xlabel() == "shape"


def test_more_than_ten_speakers_are_not_named() -> None:
    few, many = (
        draw_speakers(speaker_frame("ab", [f"s{k}" for k in range(count)]), TITLE, "")
        for count in (10, 11)
    )
    assert len(legend_texts(few)) == 11
    assert legend_texts(many) == ["one speaker", "all speakers, pooled"]
    colours = [{line.get_color() for line in lines_of(f.axes[0])[:-1]} for f in (few, many)]
    assert [len(found) for found in colours] == [10, 1]


# The critical-difference diagram


def test_critical_puts_names_at_their_ranks_and_a_bar_for_each_group() -> None:
    ranks = pd.Series({"c": 3.5, "a": 1.25, "d": 3.75, "b": 1.5})
    axes = draw_critical(ranks, [["a", "b"], ["c", "d"], ["d"]], TITLE, "note").axes[0]
    elbows = [line.get_xydata() for line in lines_of(axes, marker="None")]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["a  1.25", "b  1.50", "3.75  d", "3.50  c"]
    for text, (top, corner, end) in zip(texts, elbows, strict=True):
        rank = ranks[text.strip("0123456789. ")]
        assert top[0] == corner[0] == rank
        assert corner[1] == end[1] > top[1] == 0  # downwards
        assert end[0] == (1 if rank < 2 else 4)
    bars = [line.get_xydata() for line in lines_of(axes, marker="o")]
    assert [list(bar[:, 0]) for bar in bars] == [[1.25, 1.5], [3.5, 3.75]]
    assert max(bar[:, 1].max() for bar in bars) < min(elbow[1, 1] for elbow in elbows)


# Costs


def points_of(axes: Axes) -> np.ndarray:
    """Places of all markers, shape (points, 2)."""
    scattered = (c for c in axes.collections if isinstance(c, PathCollection))
    return np.vstack([np.asarray(collection.get_offsets()) for collection in scattered])


def test_costs_draw_points_front_and_names() -> None:
    frame = cost_frame()
    frame.loc[len(frame)] = frame.iloc[0]  # a reference without weights
    frame.loc[len(frame) - 1, ["name", "parameters", "wa"]] = ["SVM", np.nan, 0.9]
    frame.loc[len(frame) - 1, ["front_parameters", "front_multiply_adds"]] = [False, True]
    frame = frame.astype({"front_parameters": bool, "front_multiply_adds": bool})
    figure = draw_costs(frame, TITLE)
    for axes, cost in zip(figure.axes, ["parameters", "multiply_adds"], strict=True):
        known = frame[frame[cost].notna()]
        expected = np.column_stack([known[cost], 100 * known["wa"]])
        np.testing.assert_allclose(by_first(points_of(axes)), by_first(expected))
        front = known[known[f"front_{cost}"]].sort_values(cost)
        (step,) = lines_of(axes, drawstyle="steps-post")
        np.testing.assert_allclose(
            step.get_xydata(), np.column_stack([front[cost], 100 * front["wa"]])
        )
        named = [text.get_text() for text in axes.texts]
        assert front["name"].iloc[-1] in named and set(named) <= set(front["name"])
        spans = np.array([[bar[0, 0], *bar[:, 1]] for bar in bars_of(axes)])
        ends = 100 * known[["wa_low", "wa_high"]].to_numpy()
        np.testing.assert_allclose(by_first(spans), by_first(np.column_stack([known[cost], ends])))
    assert legend_texts(figure) == ["Pareto front", "probe", "network"]


def test_intervals_of_many_points_are_those_of_the_front() -> None:
    frame = pd.concat([cost_frame(27), cost_frame(27).assign(wa=0.1)], ignore_index=True)
    frame.loc[29:, ["front_parameters", "front_multiply_adds"]] = False
    for axes in draw_costs(frame, TITLE).axes:
        (step,) = lines_of(axes, drawstyle="steps-post")
        assert sorted(bar[0, 0] for bar in bars_of(axes)) == list(step.get_xdata())
        assert len(points_of(axes)) == len(frame)
