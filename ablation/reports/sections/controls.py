"""Controls: other analysis windows, shapes of as many weights, loudness alone, a second study."""

from collections.abc import Mapping
from dataclasses import replace

from ablation.analysis import (
    Counts,
    Family,
    Interaction,
    Interval,
    WindowReading,
    all_pairs,
    score_interval,
)
from ablation.analysis.comparisons import SIGNIFICANCE
from ablation.analysis.evidence import Evidence
from ablation.reports import Column, Picture, Section, Table
from ablation.reports.contrast import contrasts_table
from ablation.reports.document import picked
from ablation.reports.sections.loudness import loudness_sentences
from ablation.reports.values import points, show
from ablation.reports.wording import metric_name
from ablation.study import Shape, matched_shapes


def controls_section(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section:
    lines: list[str] = []
    tables: list[Table] = []
    study = evidence.stored.as_study
    for reading in evidence.windows.values():
        lines += _window_sentences(reading)
        tables.append(_windows_table(reading))
    if not evidence.windows:
        lines.append(
            f"Not run: whether the best height moves with the analysis window "
            f"(ablate grid --axis height --windows 20,40,80 {study})."
        )
    matched = evidence.matched()
    for best, same in matched.items():
        family = all_pairs(same, evidence.metric)
        lines.append(_matched_sentence(best, same, family, evidence))
        tables.append(_matched_table(best, same, family, evidence.metric))
    if not matched:
        shape = next((axis.name(axis.best) for axis in evidence.axes.values()), "10x2")
        lines.append(
            f"Not run: other shapes with as many weights as the best "
            f"(ablate grid --matched {shape} {study})."
        )
    lines += loudness_sentences(evidence)
    if contrasts := contrasts_table(evidence.stored.folder):
        tables.append(contrasts)
    return Section(
        "controls",
        "Controls",
        paragraphs=tuple(lines),
        pictures=picked(pictures, "windows"),
        tables=tuple(tables),
    )


def _window_sentences(reading: WindowReading) -> list[str]:
    """Return whether the best extent moves with the analysis window."""
    name, unit = reading.axis.name, reading.axis.unit
    parts = ", ".join(
        f"{reading.chosen[w]['best'].extent} {unit} with {_window(reading, w)}"
        for w in sorted(reading.chosen)
    )
    moved = f"{_movement(reading)}: {parts}."
    test = reading.interaction
    if test is None:
        return [
            moved,
            f"Whether that is more than chance cannot be tested: no two stored {name}s lie near "
            f"the extents of the windows themselves ({min(reading.spans.values()):g} and "
            f"{max(reading.spans.values()):g} {unit}); add them with --values.",
        ]
    small, large = test.extents
    return [
        moved,
        f"The pre-specified contrast is how much more a {name} of {large} gains over one of "
        f"{small} with {_window(reading, test.windows[1])} than with "
        f"{_window(reading, test.windows[0])}: {points(test.change)} points, "
        f"p = {show(test.p, 'p')}. {_verdict(reading, test)}",
    ]


def _window(reading: WindowReading, window: float) -> str:
    """Return "a window of 20 ms (main lobe 20 bins)"."""
    what = "main lobe" if reading.axis.name == "height" else "length"
    return f"a window of {window:g} ms ({what} {reading.spans[window]:g} {reading.axis.unit})"


def _movement(reading: WindowReading) -> str:
    name = reading.axis.name
    if reading.follows("best"):
        return f"The best {name} moves with the analysis window"
    if len({choices["best"].extent for choices in reading.chosen.values()}) == 1:
        return f"The best {name} is the same for every analysis window"
    return f"The best {name} differs between analysis windows, but does not follow their extents"


def _verdict(reading: WindowReading, test: Interaction) -> str:
    if test.p > SIGNIFICANCE:
        if reading.follows("best"):
            return "This is not significant: the best may have moved by chance."
        return "Nothing shows that the useful extent depends on the window."
    if test.change.estimate > 0:
        return "The useful extent depends on the window: part of the optimum is the spectrogram's."
    return "The dependence is opposite to what the window's resolution would cause."


def _windows_table(reading: WindowReading) -> Table:
    rules = ("best", "one-se", "plateau")
    rows = [
        (
            window,
            reading.spans[window],
            *(choices[rule].extent for rule in rules),
            choices["best"].score,
        )
        for window, choices in sorted(reading.chosen.items())
    ]
    rows_of = reading.axis.unit if reading.axis.name == "height" else "bins"
    columns = (
        Column("window (ms)", "number"),
        Column("window's own extent", "number", f"main lobe in {rows_of}, or length in frames"),
        *(Column(rule, "integer") for rule in rules),
        Column("highest score", "percent"),
    )
    caption = f"Best filter {reading.axis.name} for each analysis window"
    return Table(f"windows_{reading.axis.name}", caption, columns, tuple(rows))


def _matched_sentence(
    best: str, same: Mapping[str, Counts], family: Family, evidence: Evidence
) -> str:
    shape = Shape.parse(best)
    apart = [n for n in same if (c := family.between(n, best)) is not None and c.significant]
    scores = ", ".join(f"{n} {100 * same[n].score(evidence.metric):.1f} %" for n in same)
    told = (
        f"significantly different from {best}: {', '.join(apart)}"
        if apart
        else f"none is significantly different from {best}"
    )
    total = len(matched_shapes(shape))
    rest = (
        f" These are {len(same)} of the {total} shapes with as many weights (ablate grid "
        f"--matched {best} {evidence.stored.as_study} trains the rest)."
        if len(same) < total
        else ""
    )
    return (
        f"Shapes with the same number of weights ({shape.weights} per filter): {scores}; "
        f"{told}.{rest}"
    )


def _matched_table(best: str, same: Mapping[str, Counts], family: Family, metric: str) -> Table:
    rows = []
    for name, counts in same.items():
        c = family.between(name, best)
        difference = None
        if c is not None:
            difference = c.difference if c.first == name else _turned(c.difference)
        rows.append((name, score_interval(counts, metric), difference, c and c.p_joint))
    columns = (
        Column("shape"),
        Column(metric_name(metric), "percent"),
        Column(f"difference from {best}", "points", "paired by speaker"),
        Column("family-wise adjusted p", "p", "over all pairs of these shapes"),
    )
    return Table(
        f"matched_{best}",
        f"Shapes with as many weights as {best}",
        columns,
        tuple(rows),
        frozenset(k for k, row in enumerate(rows) if row[0] == best),
    )


def _turned(interval: Interval) -> Interval:
    return replace(interval, estimate=-interval.estimate, low=-interval.high, high=-interval.low)
