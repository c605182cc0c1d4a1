"""Figures: what is drawn is what was handed in, can be read, and is the same every time."""

import io
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ablation.figures import (
    FORMATS,
    Panel,
    WindowPanel,
    draw_classes,
    draw_confusion,
    draw_costs,
    draw_critical,
    draw_figure2,
    draw_heatmap,
    draw_learning,
    draw_speakers,
    draw_windows,
    save_figure,
)
from ablation.figures.scale import contrasting, keep_apart, physical_text, spread
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


def critical(names: Sequence[str], within: float) -> Figure:
    ranks = rank_series(names)
    note = "Bars join shapes that the joint sign-flip test over ten speakers does not tell apart."
    return draw_critical(ranks, near(ranks, within), TITLE, note)


SCORES = [("ua", "UA"), *((f"acc_{label}", label) for label in CLASSES)]
COLUMNS = [score for score, _ in SCORES]

TYPICAL: dict[str, Callable[[], Figure]] = {
    "heatmap": lambda: draw_heatmap(
        grid_frame(absent=[(2, 2), (80, 80)], incomplete=[(8, 8), (64, 80)]),
        "ua",
        "UA",
        TITLE,
        (10, 8),
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
}


def without_intervals(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with nan for every end of an interval."""
    ends = [column for column in frame if str(column).endswith(("_low", "_high"))]
    return frame.assign(**{str(column): np.nan for column in ends})


AWKWARD: dict[str, Callable[[], Figure]] = {
    "heatmap, one shape": lambda: draw_heatmap(
        grid_frame([10], [2]), "ua", "UA", TITLE + ": " + LONG, (10, 2)
    ),
    "heatmap, no score at all": lambda: draw_heatmap(
        grid_frame([2, 10], [2]).assign(ua=np.nan), "ua", "UA", TITLE
    ),
    "heatmap, 27 x 27": lambda: draw_heatmap(
        grid_frame(range(2, 29), range(2, 29), incomplete=[(3, 3)]), "ua", "UA", TITLE, (28, 28)
    ),
    "heatmap, 27 x 1": lambda: draw_heatmap(grid_frame(range(2, 29), [2]), "ua", "UA", TITLE),
    "heatmap, 1 x 27": lambda: draw_heatmap(grid_frame([2], range(2, 29)), "ua", "UA", TITLE),
    "heatmap, chosen elsewhere": lambda: draw_heatmap(grid_frame(), "ua", "UA", TITLE, (3, 3)),
    "classes, one extent": lambda: draw_classes(
        {"width": curve_frame(COLUMNS, [8])}, SCORES, TITLE
    ),
    "classes, 27 extents": lambda: draw_classes(
        {name: curve_frame(COLUMNS, range(2, 29)) for name in AXES}, SCORES, TITLE
    ),
    "classes, nothing complete": lambda: draw_classes(
        {"height": curve_frame(["ua"], incomplete=GRID)}, [("ua", "UA")], TITLE
    ),
    "classes, no intervals": lambda: draw_classes(
        {name: without_intervals(curve_frame(["ua"])) for name in AXES}, [("ua", LONG)], TITLE
    ),
    "windows, one extent": lambda: draw_windows(
        [
            WindowPanel(
                AXES["height"],
                {40.0: without_intervals(curve_frame(["wa"], [10]))},
                {40.0: 2.5},
                {},
            )
        ],
        TITLE,
    ),
    "windows, eight": lambda: draw_windows(
        [window_panel(name, [10.0, 16, 20, 25, 32, 40, 64, 100]) for name in AXES], TITLE
    ),
    "confusion, one class": lambda: draw_confusion({LONG: counts_frame(["neutral"])}, TITLE),
    "confusion, nobody spoke": lambda: draw_confusion({"10x2": 0 * counts_frame()}, TITLE),
    "confusion, long names": lambda: draw_confusion(
        {
            f"{LONG} {k}": counts_frame([f"{label} and surprised" for label in CLASSES], k)
            for k in range(5)
        },
        TITLE,
    ),
    "confusion, different classes": lambda: draw_confusion(
        {"a": counts_frame(), "b": counts_frame(list("stuvwxyz")), "c": counts_frame(["s", "t"])},
        TITLE,
    ),
    "confusion, 27": lambda: draw_confusion({name: counts_frame() for name in SHAPES}, TITLE),
    "learning, one epoch": lambda: draw_learning(learning_frame(["10x2"], 1), TITLE),
    "learning, eight long names": lambda: draw_learning(
        without_intervals(learning_frame([f"{LONG} {k}" for k in range(8)])), TITLE
    ),
    "speakers, one of one": lambda: draw_speakers(speaker_frame(["10x2"], ["03"]), TITLE, "x"),
    "speakers, all alike": lambda: draw_speakers(
        speaker_frame().assign(score=1.0, pooled=1.0), TITLE, "x"
    ),
    "speakers, 27 shapes": lambda: draw_speakers(speaker_frame(SHAPES), TITLE, "x"),
    "speakers, long names": lambda: draw_speakers(
        speaker_frame([LONG, "log-mel SVM"], [f"speaker {k} of the corpus" for k in range(12)]),
        TITLE,
        "x",
    ),
    "critical, one": lambda: draw_critical(pd.Series({"10x2": 1.0}), [["10x2"]], TITLE, ""),
    "critical, two": lambda: critical(SHAPES[:2], 2),
    "critical, all alike": lambda: draw_critical(
        pd.Series(5.0, index=list(SHAPES[:9])), [SHAPES[:9]], TITLE, ""
    ),
    "critical, 27": lambda: critical(SHAPES, 4),
    "critical, long names": lambda: critical([f"{LONG} {k}" for k in range(9)], 2),
    "costs, one": lambda: draw_costs(cost_frame(1, ()), TITLE),
    "costs, long names": lambda: draw_costs(
        cost_frame(27, [LONG, f"{LONG} and on"]), f"{TITLE}: {LONG}"
    ),
    "costs, all on the front": lambda: draw_costs(
        cost_frame(27).assign(front_parameters=True, front_multiply_adds=True), TITLE
    ),
    "costs, none known": lambda: draw_costs(
        without_intervals(cost_frame()).assign(
            parameters=np.nan, front_parameters=False, front_multiply_adds=False
        ),
        TITLE,
    ),
}

EVERY = TYPICAL | AWKWARD


def png(figure: Figure) -> bytes:
    file = io.BytesIO()
    save_figure(figure, file, "png")
    return file.getvalue()


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


def texts_in(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def tick_texts(labels: Iterable[Text]) -> list[str]:
    return [label.get_text() for label in labels]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# All figures


@pytest.mark.parametrize("name", TYPICAL)
@pytest.mark.mpl_image_compare(tolerance=2, style=RC, savefig_kwargs={"dpi": 60})
def test_image(name: str) -> Figure:
    return TYPICAL[name]()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.filterwarnings("error")
def test_no_text_lies_on_another(name: str) -> None:
    figure = EVERY[name]()
    assert touching(drawn_texts(figure)) == []


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.filterwarnings("error")
def test_no_text_is_cut_off(name: str) -> None:
    """All lie on the paper that ``bbox_inches="tight"`` cuts out."""
    figure = EVERY[name]()
    texts = drawn_texts(figure)
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    paper = figure.get_tightbbox(renderer).padded(0.1)
    for text in texts:
        box = text_box(text).transformed(figure.dpi_scale_trans.inverted())
        assert paper.x0 <= box.x0 and box.x1 <= paper.x1, text.get_text()
        assert paper.y0 <= box.y0 and box.y1 <= paper.y1, text.get_text()


@pytest.mark.parametrize("name", TYPICAL)
def test_same_data_give_the_same_bytes_and_settings_stay(name: str) -> None:
    before = dict(mpl.rcParams)
    first, second = png(TYPICAL[name]()), png(TYPICAL[name]())
    assert first == second
    assert len(first) > 10_000
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_the_same_each_time(form: str) -> None:
    """A hatch, a clip path and a marker have names in SVG and PDF."""
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        save_figure(TYPICAL["heatmap"](), file, form)
    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.parametrize("name", ["heatmap", "confusion"])
def test_cells_are_vectors(name: str) -> None:
    """An image of a few pixels is blurred by many viewers; the colour bar is one of its own."""
    figure = TYPICAL[name]()
    assert not any(axes.images for axes in figure.axes)


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
    axes = draw_heatmap(frame, "ua", "UA", TITLE, (10, 2)).axes[0]
    (mesh,) = (c for c in axes.collections if isinstance(c, QuadMesh))
    cells = np.ma.filled(mesh.get_array(), np.nan)
    expected = 100 * frame.pivot(index="height", columns="width", values="ua").to_numpy()
    np.testing.assert_allclose(cells, expected)
    assert np.isnan(cells[0, 1])
    assert tick_texts(axes.get_yticklabels()) == ["2\n20 Hz", "10\n100 Hz"]
    assert tick_texts(axes.get_xticklabels()) == ["2\n20 ms", "4\n40 ms", "8\n80 ms"]
    written = {(round(t.get_position()[0]), round(t.get_position()[1])): t for t in axes.texts}
    assert len(written) == 5
    for (column, row), text in written.items():
        value = f"{expected[row, column]:.1f}"
        assert text.get_text() == (f"({value})" if (row, column) == (1, 2) else value)
    (outline,) = (p for p in axes.patches if isinstance(p, Rectangle))
    assert outline.get_xy() == (-0.5, 0.5)


def test_heatmap_explains_only_what_it_shows() -> None:
    assert not draw_heatmap(grid_frame(), "ua", "UA", TITLE).legends
    assert legend_texts(TYPICAL["heatmap"]()) == ["no score", "not all folds and seeds", "highest"]
    assert legend_texts(AWKWARD["heatmap, chosen elsewhere"]()) == []


def test_heatmap_of_many_cells_has_dots_for_numbers() -> None:
    axes = AWKWARD["heatmap, 27 x 27"]().axes[0]
    assert texts_in(axes) == []
    dots = axes.collections[-1].get_offsets()
    assert np.asarray(dots).tolist() == [[1, 1]]


def test_heatmap_writes_in_what_can_be_read() -> None:
    axes = TYPICAL["heatmap"]().axes[0]
    inks = {text.get_color() for text in axes.texts}
    assert inks == {"#010101", "#fefefe"}


def test_ink_contrasts() -> None:
    assert contrasting((1, 1, 1)) == contrasting((1, 1, 0)) == "#010101"
    assert contrasting((0, 0, 0)) == contrasting((0, 0, 0.6)) == "#fefefe"


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
    none = draw_classes({"height": without_intervals(frame)}, [("ua", "UA")], TITLE)
    assert bands_of(none.axes[0]) == bars_of(none.axes[0]) == []
    assert none.legends == []


def test_an_extent_without_a_score_is_not_explained() -> None:
    """Of a shape that was never run the curve has nan, which is no incomplete score."""
    frame = curve_frame(["ua"], incomplete=[20])
    frame.loc[frame["extent"] == 20, ["ua", "ua_low", "ua_high"]] = np.nan
    figure = draw_classes({"height": frame}, [("ua", "UA")], TITLE)
    assert legend_texts(figure) == ["95 % interval by speaker"]


def test_one_extent_has_a_bar() -> None:
    axes = AWKWARD["classes, one extent"]().axes[0]
    assert bands_of(axes) == []
    assert [bar[:, 0].tolist() for bar in bars_of(axes)] == [[8, 8]]


def test_extents_label_the_axis() -> None:
    """In bins or frames below, in Hz or ms above, as far apart as their texts need."""
    panel = Panel(AXES["height"], curve_frame(["wa"]), fixed=2)
    for figure in (TYPICAL["windows"](), draw_figure2([panel], [], 0.37, TITLE)):
        axes = figure.axes[0]
        (above,) = axes.child_axes
        assert axes.get_xticks().tolist() == above.get_xticks().tolist() == list(GRID)
        form = above.xaxis.get_major_formatter()
        assert [form(tick, 0) for tick in (2, 10, 80)] == ["20", "100", "800"]
        assert axes.get_xscale() == "log"
    small = TYPICAL["classes"]().axes[0]
    assert small.get_xticks().tolist() == [2, 4, 8, 16, 40, 80]


def test_spread_and_physical_text() -> None:
    assert spread([10, 11, 12, 13, 20]) == [10, 12, 20]
    assert spread([2, 3, 4, 8], 2) == [2, 4, 8]
    assert spread([]) == []
    numbers = [46.875, 100, 1015.625, 12000, 7.8125]
    assert [physical_text(value) for value in numbers] == ["46.9", "100", "1016", "12000", "7.81"]


def test_windows_have_a_line_a_mark_and_a_ring() -> None:
    panel = window_panel("width")
    figure = draw_windows([panel, window_panel("height")], TITLE)
    axes = figure.axes[0]
    lines = lines_of(axes, linewidth=1.4)
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
    assert legend_texts(figure) == [
        "window 20 ms",
        "window 40 ms",
        "window 100 ms",
        "window's own extent",
        "highest WA",
        "95 % interval by speaker",
        "not all folds and seeds",
    ]


def test_windows_without_a_choice_explain_no_ring() -> None:
    figure = AWKWARD["windows, one extent"]()
    assert legend_texts(figure) == ["window 40 ms"]
    assert len(lines_of(figure.axes[0])) == 1


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
    texts = {(t.get_position()[1], t.get_position()[0]): t.get_text() for t in axes.texts}
    assert texts == {
        (0, 0): "75 %\n6",
        (0, 1): "25 %\n2",
        (0, 2): "0 %\n0",
        (1, 0): "29 %\n1",
        (1, 1): "71 %\n2.5",
        (1, 2): "0 %\n0",
    }
    assert tick_texts(axes.get_yticklabels()) == tick_texts(axes.get_xticklabels()) == labels
    low, high = axes.get_ylim()
    assert low > high  # the first class on top, as in a table
    assert mesh.get_clim() == (0, 100)


def test_confusion_has_three_panels_beside_each_other() -> None:
    figure = AWKWARD["confusion, long names"]()
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert len(panels) == 5
    grids = [axes.get_subplotspec().get_geometry()[:2] for axes in panels]
    assert set(grids) == {(2, 3)}


def test_different_classes_are_labelled_in_each_panel() -> None:
    figure = AWKWARD["confusion, different classes"]()
    named = [tick_texts(axes.get_yticklabels()) for axes in figure.axes[:3]]
    assert named == [list(CLASSES), list("stuvwxyz"), ["s", "t"]]


# Learning curves


def test_learning_draws_both_scores_by_epoch() -> None:
    frame = learning_frame(["10x2", "2x8"])
    figure = draw_learning(frame.sample(frac=1, random_state=0), TITLE)
    for axes, column, scale in zip(figure.axes, ["train_loss", "train_wa"], [1, 100], strict=True):
        lines = {line.get_label(): line for line in lines_of(axes)}
        assert set(lines) == {"10x2", "2x8"}
        for name, line in lines.items():
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
    axes = draw_speakers(frame, TITLE, "shape").axes[0]
    assert tick_texts(axes.get_xticklabels()) == names
    drawn = [line.get_ydata() for line in lines_of(axes, marker="o")]
    expected = [100 * frame.loc[frame["speaker"] == s, "score"] for s in ("x", "y")]
    np.testing.assert_allclose(drawn, expected)
    (pooled,) = lines_of(axes, marker="D")
    np.testing.assert_allclose(pooled.get_ydata(), 100 * frame["pooled"].unique())
    assert texts_in(axes) == ["x", "y"]
    assert axes.get_xlabel() == "shape"


def test_speakers_are_named_where_their_line_ends() -> None:
    frame = speaker_frame(["a", "b"], ["x", "y", "silent"])
    frame.loc[frame["speaker"] == "silent", "score"] = np.nan
    frame.loc[(frame["speaker"] == "y") & (frame["name"] == "b"), "score"] = np.nan
    axes = draw_speakers(frame, TITLE, "shape").axes[0]
    assert texts_in(axes) == ["x", "y"]
    leaders = {line.get_xdata()[0] for line in lines_of(axes, marker="None")}
    assert leaders == {0, 1}


def test_more_than_twelve_speakers_are_not_named() -> None:
    few, many = ([f"s{k}" for k in range(count)] for count in (12, 13))
    assert len(texts_in(draw_speakers(speaker_frame("ab", few), TITLE, "").axes[0])) == 12
    assert texts_in(draw_speakers(speaker_frame("ab", many), TITLE, "").axes[0]) == []


@given(st.lists(st.floats(0, 100), min_size=1, max_size=12), st.floats(0.1, 12))
def test_labels_keep_apart_and_in_order(wanted: list[float], gap: float) -> None:
    places = keep_apart(wanted, gap, 0, 100)
    room = min(gap, 100 / max(1, len(wanted) - 1))
    assert places.min() >= -1e-9 and places.max() <= 100 + 1e-9
    assert (np.diff(np.sort(places)) >= room - 1e-9).all()
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(places[order]) > 0).all()
    if len(wanted) == 1:
        assert places[0] == wanted[0]


# The critical-difference diagram


def test_critical_puts_names_at_their_ranks() -> None:
    ranks = pd.Series({"c": 3.5, "a": 1.25, "d": 3.75, "b": 1.5})
    axes = draw_critical(ranks, [], TITLE, "note").axes[0]
    elbows = {
        text.get_text(): line.get_xydata().tolist()
        for text, line in zip(axes.texts, axes.get_lines(), strict=True)
    }
    assert list(elbows) == ["a  1.25", "b  1.50", "3.75  d", "3.50  c"]
    for text, (top, corner, end) in elbows.items():
        rank = ranks[text.strip("0123456789. ")]
        assert top == [rank, 0] and corner[0] == rank
        assert corner[1] == end[1] > 0  # downwards
        assert end[0] == (1 if rank < 2 else 4)
    depth = [elbow[2][1] for elbow in elbows.values()]
    assert depth[0] == depth[2] < depth[1] == depth[3]


def test_critical_stacks_the_bars_of_groups() -> None:
    ranks = pd.Series({name: rank for rank, name in enumerate("abcdef", 1)}).astype(float)
    groups = ["abc", "bd", "ef", "f"]
    axes = draw_critical(ranks, [list(group) for group in groups], TITLE, "").axes[0]
    bars = [line.get_xydata() for line in lines_of(axes, linewidth=3.5)]
    members = [line.get_xydata() for line in lines_of(axes, marker="o")]
    assert [list(m[:, 0]) for m in members] == [[1, 2, 3], [2, 4], [5, 6]]
    for bar, dots in zip(bars, members, strict=True):
        assert bar[0, 0] < dots[0, 0] and dots[-1, 0] < bar[1, 0]
        assert np.abs(bar[:, 0] - dots[[0, -1], 0]).max() < 0.1
        assert len({*bar[:, 1], *dots[:, 1]}) == 1
    heights = [bar[0, 1] for bar in bars]
    assert heights[0] == heights[2] < heights[1]  # the first and the last have room side by side


@pytest.mark.parametrize("count", [2, 3, 9, 27])
def test_critical_bars_on_a_level_do_not_touch(count: int) -> None:
    axes = critical(SHAPES[:count], count / 5).axes[0]
    bars = [line.get_xydata() for line in lines_of(axes, linewidth=3.5)]
    for one, other in combinations(bars, 2):
        if one[0, 1] == other[0, 1]:
            assert one[1, 0] < other[0, 0] or other[1, 0] < one[0, 0]
    names = min(line.get_xydata()[1, 1] for line in lines_of(axes, linewidth=0.8))
    assert all(bar[0, 1] < names for bar in bars)


def test_critical_writes_the_note() -> None:
    notes = [text.get_text() for text in TYPICAL["critical"]().texts]
    assert any("does not tell apart" in note for note in notes)


# Costs


def test_costs_draw_points_front_and_names() -> None:
    frame = cost_frame()
    frame.loc[len(frame)] = frame.iloc[0]  # a reference without weights
    frame.loc[len(frame) - 1, ["name", "parameters", "wa"]] = ["SVM", np.nan, 0.9]
    frame.loc[len(frame) - 1, ["front_parameters", "front_multiply_adds"]] = [False, True]
    frame = frame.astype({"front_parameters": bool, "front_multiply_adds": bool})
    figure = draw_costs(frame, TITLE)
    for axes, cost in zip(figure.axes, ["parameters", "multiply_adds"], strict=True):
        known = frame[frame[cost].notna()]
        drawn = np.vstack([line.get_xydata() for line in lines_of(axes, linestyle="None")])
        expected = np.column_stack([known[cost], 100 * known["wa"]])
        np.testing.assert_allclose(by_first(drawn), by_first(expected))
        front = known[known[f"front_{cost}"]].sort_values(cost)
        (step,) = lines_of(axes, drawstyle="steps-post")
        np.testing.assert_allclose(
            step.get_xydata(), np.column_stack([front[cost], 100 * front["wa"]])
        )
        filled = [
            line.get_xydata()
            for line in lines_of(axes, linestyle="None")
            if line.get_markerfacecolor() != "white"
        ]
        np.testing.assert_allclose(by_first(np.vstack(filled)), step.get_xydata())
        assert sorted(texts_in(axes)) == sorted(front["name"])
        spans = np.array([[bar[0, 0], *bar[:, 1]] for bar in bars_of(axes)])
        ends = 100 * known[["wa_low", "wa_high"]].to_numpy()
        np.testing.assert_allclose(by_first(spans), by_first(np.column_stack([known[cost], ends])))
        assert axes.get_xscale() == "log"
    assert legend_texts(figure) == ["probe", "network", "Pareto front (filled)"]


def test_intervals_of_many_points_are_those_of_the_front() -> None:
    frame = pd.concat([cost_frame(27), cost_frame(27).assign(wa=0.1)], ignore_index=True)
    frame.loc[29:, ["front_parameters", "front_multiply_adds"]] = False
    for axes in draw_costs(frame, TITLE).axes:
        (step,) = lines_of(axes, drawstyle="steps-post")
        assert sorted(bar[0, 0] for bar in bars_of(axes)) == list(step.get_xdata())
        points = sum(len(line.get_xydata()) for line in lines_of(axes, linestyle="None"))
        assert points == len(frame)


@pytest.mark.parametrize("name", ["costs", "costs, long names", "costs, all on the front"])
def test_costs_name_every_member_beside_the_points(name: str) -> None:
    """Inside the panel, and on no marker."""
    figure = EVERY[name]()
    figure.draw_without_rendering()
    for axes in figure.axes:
        (step,) = lines_of(axes, drawstyle="steps-post")
        assert len(axes.texts) == len(step.get_xydata())
        points = np.vstack([line.get_xydata() for line in lines_of(axes, linestyle="None")])
        places = axes.transData.transform(points)
        for text in axes.texts:
            box = text_box(text)
            assert axes.bbox.padded(1).containsx(box.x0) and axes.bbox.padded(1).containsx(box.x1)
            assert axes.bbox.padded(1).containsy(box.y0) and axes.bbox.padded(1).containsy(box.y1)
            assert not any(box.contains(*place) for place in places)


def test_costs_of_a_short_range_have_a_tick() -> None:
    axes = AWKWARD["costs, one"]().axes[0]
    axes.figure.draw_without_rendering()
    low, high = axes.get_xlim()
    assert [t.get_text() for t in axes.get_xticklabels() if low <= t.get_position()[0] <= high] == [
        "2k"
    ]
