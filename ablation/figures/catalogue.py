"""The figures of a study: what each shows, in words and numbers, and how it is drawn."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from ablation.analysis import (
    all_pairs,
    indistinct_groups,
    mean_ranks,
    pooled_scores,
    simultaneous_half_widths,
    window_extent,
)
from ablation.analysis.evidence import Evidence
from ablation.analysis.extents import PHYSICAL
from ablation.analysis.networks import StoredNetwork
from ablation.analysis.verdicts import verdicts
from ablation.errors import counted, named
from ablation.figures import (
    DifferencePanel,
    Panel,
    WindowPanel,
    draw_classes,
    draw_critical,
    draw_differences,
    draw_figure2,
    draw_heatmap,
    draw_windows,
)
from ablation.figures.drawing import Drawing, largest_classes, metric_label, title_of
from ablation.figures.field_axes_catalogue import field_axes_drawings
from ablation.figures.field_catalogue import field_drawing
from ablation.figures.network_catalogue import (
    budget_drawing,
    confusion_drawing,
    costs_drawing,
    filters_drawing,
    learning_drawing,
    speakers_drawing,
)
from ablation.figures.search_catalogue import search_drawing
from ablation.study import Study
from ablation.study.axes import axes_of
from ablation.study.extents import hz_values, places_differ

_MOST_RANKED = 27  # names that a diagram of ranks has room for
_MOST_MAPPED = 100  # shapes of a map of which all pairs are compared
_MOST_CLASSES = 12  # panels of a column


def drawings(
    evidence: Evidence, networks: Sequence[StoredNetwork], shown: Sequence[str]
) -> Iterator[Drawing]:
    """Yield the figures that the stored rows are enough for, Figure 2 first.

    Parameters
    ----------
    shown
        Classes whose accuracy is drawn in Figure 2 beside WA.
    """
    for part in (
        _figure2(evidence, shown),
        _heatmap(evidence),
        search_drawing(evidence),
        _differences(evidence),
        _classes(evidence),
        _windows(evidence),
        field_axes_drawings(evidence, shown),
        _critical(evidence),
        speakers_drawing(evidence, networks),
        confusion_drawing(evidence, networks),
        budget_drawing(evidence),
        learning_drawing(evidence, networks),
        filters_drawing(evidence, networks),
        field_drawing(evidence, networks),
        costs_drawing(evidence, networks),
    ):
        yield from part


def curves_of(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """Return the curve of each axis that has two finished shapes, complete or not."""
    found = {}
    for axis in axes_of(evidence.run.study.features).values():
        known = evidence.axes.get(axis.name)
        curve = known.curve if known else evidence.stored.curve(axis)
        if not curve.empty and curve["wa"].notna().sum() > 1:
            found[axis.name] = curve
    return found


def _figure2(evidence: Evidence, shown: Sequence[str]) -> Iterator[Drawing]:
    curves = curves_of(evidence)
    if not curves:
        return
    panels, features = [], evidence.run.study.features
    named_axes = axes_of(features)
    for name, curve in curves.items():
        axis = named_axes[name]
        known = evidence.axes.get(name)
        panels.append(
            Panel(
                axis,
                curve,
                axis.fixed_in(evidence.run.study.grid),
                known.best if known and evidence.metric == "wa" else None,
                known.plateau if known and evidence.metric == "wa" else None,
                window_extent(features, axis),
                named_axes[axis.other].unit,
            )
        )
    hidden = [label for label in evidence.run.classes if label not in shown]
    title = title_of(evidence, "accuracy over filter shape")
    yield Drawing(
        "figure2",
        "Accuracy over filter height and filter width: WA and the classes' own accuracies, pooled "
        "over the utterances of all held-out speakers. Band: 95 % confidence interval of WA by "
        "speaker. Ring: highest WA. Diamond: where the plateau begins, the smallest filter than "
        "which no larger one is significantly better. Vertical line: what the analysis window "
        "itself can resolve. Hollow: folds or seeds are missing."
        + (f" Not drawn: {named(hidden, 9)} (--classes)." if hidden else ""),
        _of_curves(curves),
        pd.concat([curve.assign(axis=name) for name, curve in curves.items()]),
        partial(draw_figure2, panels, shown, evidence.run.majority, title),
    )


def _of_curves(curves: dict[str, pd.DataFrame]) -> str:
    parts = []
    for name, curve in curves.items():
        known = curve[curve["wa"].notna()]
        low, high = known.nsmallest(1, "wa").iloc[0], known.nlargest(1, "wa").iloc[0]
        parts.append(
            f"{name}: WA lowest at {low['extent']:g} ({100 * low['wa']:.1f} %), highest at "
            f"{high['extent']:g} ({100 * high['wa']:.1f} %)"
        )
    return "; ".join(parts)


def _heatmap(evidence: Evidence) -> Iterator[Drawing]:
    run, stored = evidence.run, evidence.stored
    rows = stored.named[stored.named["window_ms"] == run.study.features.window_ms]
    # Two axes are a cross, and a few shapes beside them are not a map either.
    fixed = (run.study.grid.fixed_height, run.study.grid.fixed_width)
    off_axis = (rows["height"] != fixed[0]) & (rows["width"] != fixed[1])
    shapes = rows[["height", "width"]].drop_duplicates()
    cells = shapes["height"].nunique() * shapes["width"].nunique()
    if not off_axis.any() or len(shapes) < max(4, 0.5 * cells):
        return
    scores = pooled_scores(rows, ["height", "width", "height_hz", "width_ms"], run.classes)
    if places_differ(run.study.features):
        found = [_heights_hz(run.study, height) for height in scores["height"]]
        scores["height_hz_low"], scores["height_hz_high"] = zip(*found, strict=True)
    window = run.study.features.window_ms
    scores["complete"] = [
        (height, width, window) in stored.complete
        for height, width in zip(scores["height"], scores["width"], strict=True)
    ]
    whole = scores[scores["complete"]]
    chosen, highest = None, ""
    if not whole.empty:
        best = whole.nlargest(1, "wa").iloc[0]
        chosen = (int(best["height"]), int(best["width"]))
        highest = f", highest {100 * best['wa']:.1f} % at {chosen[0]}x{chosen[1]}"
    like, span = ([], 0.0) if chosen is None else _like_best(evidence, "{}x{}".format(*chosen))
    names = scores["height"].astype(str) + "x" + scores["width"].astype(str)
    scores["like_highest"] = names.isin(like)
    title = title_of(evidence, "WA over height and width")
    yield Drawing(
        "heatmap",
        "WA of the stored shapes; the highest, which is biased upwards as the best of many, is "
        "outlined. Dots: not significantly different from it (all pairs, sign-flip test by "
        "speaker, family-wise adjusted). The colours span at least the difference that would be "
        "significant.",
        f"WA of {counted(len(scores), 'shape')}{highest}",
        scores,
        partial(draw_heatmap, scores, "wa", "WA", title, chosen, span, axes_of(run.study.features)),
    )


def _heights_hz(study: Study, height: int) -> tuple[float, float]:
    """Return how far a height reaches in Hz at the lowest and at the highest row."""
    low, _, high = hz_values(study.features, study.probe.extent(height, 1)[0])
    return low, high


def _like_best(evidence: Evidence, best: str) -> tuple[list[str], float]:
    """Return the shapes not significantly different in WA from ``best``, and the difference (0..1)
    that would be significant, the median over them; nothing of too many shapes."""
    shapes = evidence.shapes
    if best not in shapes or not 1 < len(shapes) <= _MOST_MAPPED:
        return [], 0.0
    family = all_pairs(shapes)
    halves = simultaneous_half_widths(family.gains) if family.comparisons else np.array([])
    of_best = [k for k, c in enumerate(family.comparisons) if best in (c.first, c.second)]
    found = [family.comparisons[k] for k in of_best]
    like = [c.second if c.first == best else c.first for c in found if not c.significant]
    known = halves[of_best][np.isfinite(halves[of_best])]
    return like, float(np.median(known)) if len(known) else 0.0


def _differences(evidence: Evidence) -> Iterator[Drawing]:
    panels, data, told = [], [], []
    for name, known in evidence.axes.items():
        family = known.against
        if family is None or not family.comparisons:
            continue
        physical = dict(zip(known.curve["extent"], known.curve["physical"], strict=True))
        extents = {known.name(extent): extent for extent in known.shapes}
        judged = verdicts(family, evidence.margin)
        rows = pd.DataFrame({
            "extent": [extents[c.first] for c in family.comparisons],
            "physical": [physical[extents[c.first]] for c in family.comparisons],
            "difference": family.gains.mean(axis=1),
            "half": simultaneous_half_widths(family.gains),
            "verdict": judged.of,
        })  # fmt: skip
        reference = extents[str(family.reference)]
        panels.append(
            DifferencePanel(known.axis, rows, (reference, physical[reference]), known.curve)
        )
        data.append(rows.assign(axis=name, reference=family.reference))
        told.append(f"{name}: {judged.count('different')} of {len(rows)} differ")
    if not panels:
        return
    score, points = metric_label(evidence.metric), 100 * evidence.margin
    yield Drawing(
        "differences",
        f"{score} of every shape less that of the pre-specified reference, paired by speaker. "
        f"Bars: 95 % intervals that hold for all shapes of a panel together; where one excludes 0, "
        f"the two differ significantly. Band: practically equivalent, within ±{points:g} points; "
        f"that is tested one-sided, so an equivalent shape's bar may end outside.",
        "; ".join(told),
        pd.concat(data),
        partial(
            draw_differences, panels, evidence.margin, score,
            title_of(evidence, "differences to the reference"),
        ),
    )  # fmt: skip


def _classes(evidence: Evidence) -> Iterator[Drawing]:
    curves = {name: axis.curve for name, axis in evidence.axes.items()}
    if not curves:
        return
    every = evidence.run.classes
    drawn = largest_classes(evidence.run, _MOST_CLASSES)
    what = (
        "classes" if len(drawn) == len(every) else f"{len(drawn)} largest of {len(every)} classes"
    )
    scores = [("ua", "UA"), *((f"acc_{label}", label) for label in drawn)]
    physical = {name for curve in curves.values() for name in PHYSICAL if name in curve}
    columns = ["extent", *sorted(physical), "complete"]
    columns += [
        f"{score}{end}"
        for score in ("ua", *(f"acc_{label}" for label in every))
        for end in ("", "_low", "_high")
    ]
    yield Drawing(
        "classes",
        f"UA and the accuracy of the {what} over filter height and width, with 95 % confidence "
        f"intervals by speaker.",
        f"UA and {len(drawn)} class accuracies over {' and '.join(curves)}",
        pd.concat(
            [curve.reindex(columns=columns).assign(axis=name) for name, curve in curves.items()]
        ),
        partial(
            draw_classes,
            curves,
            scores,
            title_of(evidence, f"{what} over filter shape"),
            axes_of(evidence.run.study.features),
        ),
    )


def _windows(evidence: Evidence) -> Iterator[Drawing]:
    panels, data = [], []
    for reading in evidence.windows.values():
        curves = {w: evidence.stored.curve(reading.axis, w) for w in sorted(reading.chosen)}
        chosen = {w: choices["best"].extent for w, choices in reading.chosen.items()}
        panels.append(WindowPanel(reading.axis, curves, reading.spans, chosen))
        data += [
            curve.assign(axis=reading.axis.name, window_ms=w, window_extent=reading.spans[w])
            for w, curve in curves.items()
        ]
    if not panels:
        return
    title = title_of(evidence, "the analysis window as a control", False)
    yield Drawing(
        "windows",
        "WA with several analysis windows. Vertical lines in a curve's colour mark what its window "
        "itself can resolve (main lobe in frequency, length in time), rings its highest WA. Where "
        "rings move with these lines, the best filter reflects the window rather than emotion.",
        f"WA over {' and '.join(evidence.windows)} with several analysis windows",
        pd.concat(data),
        partial(draw_windows, panels, title),
    )


def _critical(evidence: Evidence) -> Iterator[Drawing]:
    for name, axis in evidence.axes.items():
        if axis.pairs is None or len(axis.shapes) > _MOST_RANKED or not axis.pairs.comparisons:
            continue
        named = {axis.name(extent): counts for extent, counts in axis.shapes.items()}
        ranks = mean_ranks(named, evidence.metric)
        groups = indistinct_groups(ranks, axis.pairs)
        data = pd.DataFrame({"shape": list(ranks), "mean_rank": list(ranks.values())})
        for number, group in enumerate(groups, 1):
            data[f"group_{number}"] = data["shape"].isin(group)
        pairs = counted(len(axis.pairs.comparisons), "pair")
        apart = sum(c.significant for c in axis.pairs.comparisons)
        note = (
            f"all pairs, sign-flip test by speaker, family-wise level 5 %, "
            f"{counted(axis.pairs.speakers, 'speaker')}"
        )
        title = title_of(evidence, f"mean ranks of {name}s")
        yield Drawing(
            f"ranks_{name}",
            f"Mean rank over speakers of every filter {name} (1 is best). A bar joins shapes of "
            f"which no two are significantly different (all pairs, sign-flip test by speaker, "
            f"family-wise adjusted p at most 0.05).",
            f"{apart} of {pairs} of {name}s are significantly different",
            data,
            partial(draw_critical, pd.Series(ranks), groups, title, note),
        )
