"""Every figure of a study: what it shows, in words and numbers, and how it is drawn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.analysis import (
    AXES,
    AxisEvidence,
    confusion,
    indistinct_groups,
    learning_curves,
    mean_ranks,
    pareto_front,
    pooled_scores,
    probe_cost,
    score_interval,
    window_extent,
)
from ablation.drivers.evidence import Evidence
from ablation.drivers.networks import StoredNetwork, learned_filters, stored_networks
from ablation.drivers.stored import fixed_side
from ablation.figures import (
    Panel,
    Scales,
    WindowPanel,
    draw_classes,
    draw_confusion,
    draw_costs,
    draw_critical,
    draw_figure2,
    draw_filters,
    draw_heatmap,
    draw_learning,
    draw_speakers,
    draw_windows,
)
from ablation.study import Shape

_MOST_LINES = 8  # that can be told apart in one panel
_MOST_RANKED = 27  # names that a diagram of ranks has room for
_MOST_COSTS = 400  # points that can be drawn quickly


@dataclass(frozen=True)
class Drawing:
    """A figure: its file's stem, texts for the reader, its numbers, and the drawing itself."""

    name: str
    caption: str
    description: str
    data: pd.DataFrame
    draw: Callable[[], Figure]


def drawings(evidence: Evidence, shown: Sequence[str]) -> Iterator[Drawing]:
    """The figures that the stored rows are enough for, Figure 2 first.

    Parameters
    ----------
    shown
        Classes whose accuracy is drawn in Figure 2 beside WA.
    """
    networks = stored_networks(evidence.stored)
    for part in (
        _figure2(evidence, shown),
        _heatmap(evidence),
        _classes(evidence),
        _windows(evidence),
        _critical(evidence),
        _speakers(evidence, networks),
        _confusion(evidence, networks),
        _learning(evidence, networks),
        _filters(evidence, networks),
        _costs(evidence, networks),
    ):
        yield from part


def title_of(evidence: Evidence, what: str) -> str:
    run = evidence.run
    seeds = len(run.seeds())
    return (
        f"{run.study.name}: {what}, {len(run.folds)} folds, {seeds} seed{'s' * (seeds > 1)}, "
        f"window {run.study.features.window_ms:g} ms ({run.digest})"
    )


def curves_of(evidence: Evidence) -> dict[str, pd.DataFrame]:
    """By axis, for those with two finished shapes, complete or not."""
    found = {}
    for axis in AXES.values():
        known = evidence.axes.get(axis.name)
        curve = known.curve if known else evidence.stored.curve(axis)
        if not curve.empty and curve["wa"].notna().sum() > 1:
            found[axis.name] = curve
    return found


def _figure2(evidence: Evidence, shown: Sequence[str]) -> Iterator[Drawing]:
    curves = curves_of(evidence)
    if not curves:
        return
    panels = []
    for name, curve in curves.items():
        axis = AXES[name]
        known = evidence.axes.get(name)
        panels.append(
            Panel(
                axis,
                curve,
                fixed_side(evidence.run, axis),
                known.best if known and evidence.metric == "wa" else None,
                known.choices["plateau"].extent if known and evidence.metric == "wa" else None,
                window_extent(evidence.run.study.features, axis),
            )
        )
    yield Drawing(
        "figure2",
        "Accuracy over filter height and filter width: WA and the classes' own accuracies, pooled "
        "over the utterances of all held-out speakers. The band is WA's 95 % interval by speaker; "
        "the ring is the highest WA, the diamond where the plateau begins; the grey bar is what "
        "the analysis window itself can tell apart. Hollow: not all folds and seeds are there.",
        _of_curves(curves),
        pd.concat([curve.assign(axis=name) for name, curve in curves.items()]),
        lambda: draw_figure2(
            panels, shown, evidence.run.majority, title_of(evidence, "accuracy over filter shape")
        ),
    )


def _of_curves(curves: dict[str, pd.DataFrame]) -> str:
    parts = []
    for name, curve in curves.items():
        known = curve[curve["wa"].notna()]
        low, high = known.nsmallest(1, "wa").iloc[0], known.nlargest(1, "wa").iloc[0]
        parts.append(
            f"{name}: WA lowest at {low['extent']:g} ({low['wa']:.1%}), highest at "
            f"{high['extent']:g} ({high['wa']:.1%})"
        )
    return "; ".join(parts)


def _heatmap(evidence: Evidence) -> Iterator[Drawing]:
    run, stored = evidence.run, evidence.stored
    rows = stored.probes[stored.probes["window_ms"] == run.study.features.window_ms]
    # Two axes are a cross, not a map.
    fixed = (run.study.grid.fixed_height, run.study.grid.fixed_width)
    off_axis = (rows["height"] != fixed[0]) & (rows["width"] != fixed[1])
    if rows.loc[off_axis, ["height", "width"]].drop_duplicates().shape[0] < 2:
        return
    scores = pooled_scores(rows, ["height", "width", "height_hz", "width_ms"], run.classes)
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
        highest = f", highest {best['wa']:.1%} at {chosen[0]}x{chosen[1]}"
    yield Drawing(
        "heatmap",
        "WA of every shape of the grid; the highest is outlined. Of many shapes the highest is "
        "high by luck too.",
        f"WA of {len(scores)} shapes{highest}",
        scores,
        lambda: draw_heatmap(
            scores, "wa", "WA", title_of(evidence, "WA over height and width"), chosen
        ),
    )


def _classes(evidence: Evidence) -> Iterator[Drawing]:
    curves = {name: axis.curve for name, axis in evidence.axes.items()}
    if not curves:
        return
    scores = [("ua", "UA"), *((f"acc_{label}", label) for label in evidence.run.classes)]
    columns = ["extent", "physical", "complete"]
    columns += [f"{score}{end}" for score, _ in scores for end in ("", "_low", "_high")]
    yield Drawing(
        "classes",
        "UA and the accuracy of each class over filter height and width, with 95 % intervals by "
        "speaker.",
        f"UA and {len(evidence.run.classes)} class accuracies over {' and '.join(curves)}",
        pd.concat([curve[columns].assign(axis=name) for name, curve in curves.items()]),
        lambda: draw_classes(curves, scores, title_of(evidence, "classes over filter shape")),
    )


def _windows(evidence: Evidence) -> Iterator[Drawing]:
    panels, data = [], []
    for reading in evidence.windows.values():
        curves = {w: evidence.stored.curve(reading.axis, w) for w in sorted(reading.chosen)}
        chosen = {w: choices["best"].extent for w, choices in reading.chosen.items()}
        panels.append(WindowPanel(reading.axis, curves, reading.spans, chosen))
        data += [
            curve.assign(axis=reading.axis.name, window_ms=window, window_extent=span)
            for window, curve in curves.items()
            for span in (reading.spans[window],)
        ]
    if not panels:
        return
    yield Drawing(
        "windows",
        "WA under several analysis windows. Bars in a line's colour mark what its window itself "
        "can tell apart (main lobe in frequency, length in time), rings its highest WA. If rings "
        "move with bars, the best filter is the window's and not emotion's.",
        f"WA over {' and '.join(evidence.windows)} under several analysis windows",
        pd.concat(data),
        lambda: draw_windows(panels, title_of(evidence, "the analysis window as a control")),
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
        apart = sum(c.significant for c in axis.pairs.comparisons)
        yield Drawing(
            f"ranks_{name}",
            f"Mean rank over speakers of every filter {name} (1 is best). A bar joins shapes of "
            f"which no two can be told apart (all pairs tested jointly at 5 %, sign flips by "
            f"speaker).",
            f"{apart} of {len(axis.pairs.comparisons)} pairs of {name}s can be told apart",
            data,
            _draw_ranks(evidence, name, ranks, groups, axis),
        )


def _draw_ranks(
    evidence: Evidence,
    name: str,
    ranks: dict[str, float],
    groups: list[list[str]],
    axis: AxisEvidence,
) -> Callable[[], Figure]:
    speakers = axis.pairs.speakers if axis.pairs else 0
    note = f"joint sign-flip test of all pairs by speaker, level 5 %, {speakers} speakers"
    return lambda: draw_critical(
        pd.Series(ranks), groups, title_of(evidence, f"mean ranks of {name}s"), note
    )


def _speakers(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    models = {}
    for axis in evidence.axes.values():
        wanted = {axis.choices[rule].extent for rule in ("plateau", "best")}
        reference = evidence.reference(axis.axis)
        extents = {min(axis.shapes), *wanted, max(axis.shapes), reference} & set(axis.shapes)
        models |= {axis.name(extent): axis.shapes[extent] for extent in sorted(extents)}
    models |= {network.label: network.counts for network in networks if network.complete}
    if not models:
        return
    frames = [
        pd.DataFrame(
            {
                "name": name,
                "speaker": counts.speakers,
                "score": counts.by_speaker(evidence.metric),
                "pooled": counts.score(evidence.metric),
            }
        )
        for name, counts in models.items()
    ]
    data = pd.concat(frames)
    label = evidence.metric.upper() if evidence.metric in ("wa", "ua") else evidence.metric
    yield Drawing(
        "speakers",
        f"{label} of each held-out speaker with some shapes (smallest, chosen, largest, reference) "
        f"and the networks; diamonds are pooled scores. Lines join a speaker's scores.",
        f"{label} by speaker of {len(models)} models",
        data,
        lambda: draw_speakers(data, title_of(evidence, f"{label} by speaker"), "shape or network"),
    )


def _confusion(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    rows, classes = evidence.stored.probe_tally(), evidence.run.classes
    names = list(dict.fromkeys(axis.name(axis.best) for axis in evidence.axes.values()))
    matrices = {f"probe {name}": confusion(rows[rows["name"] == name], classes) for name in names}
    best = max(
        (network for network in networks if network.complete),
        key=lambda network: network.counts.score("wa"),
        default=None,
    )
    if best is not None:
        matrices[best.label] = confusion(best.tallied, classes)
    if not matrices:
        return
    yield Drawing(
        "confusion",
        "Confusion matrices, summed over folds and seeds: share of a true class' utterances (row) "
        "that was called what.",
        f"confusion matrices of {', '.join(matrices)}",
        pd.concat(
            [m.rename_axis("label").reset_index().assign(name=n) for n, m in matrices.items()]
        ),
        lambda: draw_confusion(matrices, title_of(evidence, "confusions")),
    )


def _learning(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    epochs = evidence.stored.epochs
    own = evidence.run.study.features.window_ms
    epochs = epochs[(epochs["window_ms"] == own) & epochs["train_loss"].notna()]
    names = _spread_names(evidence)
    probes = epochs[(epochs["kind"] == "probe") & epochs["name"].isin(names)]
    labels = {network.digest: network.label for network in networks if network.complete}
    trained = epochs[(epochs["kind"] == "network") & epochs["network_digest"].isin(list(labels))]
    kinds = {
        "probes": probes.assign(order=probes["name"].map({n: k for k, n in enumerate(names)})),
        "networks": trained.assign(
            name=trained["network_digest"].map(labels),
            order=trained["network_digest"].map({d: k for k, d in enumerate(labels)}),
        ),
    }
    for kind, rows in kinds.items():
        if rows.empty:
            continue
        rows = rows.sort_values(["order", "epoch"], kind="stable")
        kept = list(rows["name"].unique())[:_MOST_LINES]
        data = learning_curves(rows[rows["name"].isin(kept)])
        yield Drawing(
            f"learning_{kind}",
            f"Loss and accuracy in training of {kind}: mean and range over folds and seeds. A "
            f"curve that still falls at its end speaks for a larger budget.",
            f"learning curves of {', '.join(kept)}",
            data,
            _draw_learning(evidence, kind, data),
        )


def _draw_learning(evidence: Evidence, kind: str, data: pd.DataFrame) -> Callable[[], Figure]:
    return lambda: draw_learning(data, title_of(evidence, f"training of {kind}"))


def _spread_names(evidence: Evidence) -> list[str]:
    """Up to eight shapes over both axes, from the smallest to the largest."""
    names: list[str] = []
    for axis in evidence.axes.values():
        extents = sorted(axis.shapes)
        most = _MOST_LINES // len(evidence.axes)
        picks = np.unique(np.linspace(0, len(extents) - 1, most).round().astype(int))
        names += [axis.name(extents[k]) for k in picks]
    return list(dict.fromkeys(names))


def _filters(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    found = learned_filters(evidence.stored, networks)
    if found is None:
        return
    label, filters = found
    features = evidence.run.study.features
    scales = Scales(features.bin_hz, features.hop_ms / 1000)
    data = pd.concat(
        [
            pd.DataFrame(
                {
                    "shape": shape,
                    "filter": np.repeat(np.arange(len(w)), w[0].size),
                    "bin": np.tile(np.repeat(np.arange(w.shape[1]), w.shape[2]), len(w)),
                    "frame": np.tile(np.arange(w.shape[2]), len(w) * w.shape[1]),
                    "weight": w.ravel(),
                }
            )
            for shape, w in filters.items()
        ]
    )
    yield Drawing(
        "filters",
        f"The filters that Conv1 of {label} has learned.",
        f"learned filters of {label}",
        data,
        lambda: draw_filters(filters, scales, f"{evidence.run.study.name}: Conv1 of {label}"),
    )


def _costs(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    data = cost_table(evidence, networks)
    if len(data) < 2:
        return
    on_front = data["front_parameters"] | data["front_multiply_adds"]
    drawn = data if len(data) <= _MOST_COSTS else data[on_front]
    front = ", ".join(data.loc[on_front, "name"])
    yield Drawing(
        "costs",
        "WA against the number of parameters and the multiply-adds of a segment. The line joins "
        "those that nothing cheaper beats; whether its steps are more than luck is for the tests "
        "to say.",
        f"Pareto front: {front}",
        data,
        lambda: draw_costs(drawn, title_of(evidence, "WA against cost")),
    )


def cost_table(evidence: Evidence, networks: Sequence[StoredNetwork]) -> pd.DataFrame:
    """Cost and WA of every complete probe and network, and who is on the Pareto front."""
    rows = []
    for name, counts in evidence.shapes.items():
        shape = Shape.parse(name)
        cost = probe_cost(evidence.run.study, shape.height, shape.width, len(evidence.run.classes))
        rows.append(("probe", name, *cost, score_interval(counts, "wa")))
    for network in networks:
        if network.complete and network.parameters is not None:
            rows.append(
                (
                    "network",
                    network.label,
                    network.parameters,
                    network.multiply_adds,
                    score_interval(network.counts, "wa"),
                )
            )
    data = pd.DataFrame(
        [
            (kind, name, parameters, adds, wa.estimate, wa.low, wa.high)
            for kind, name, parameters, adds, wa in rows
        ],
        columns=["kind", "name", "parameters", "multiply_adds", "wa", "wa_low", "wa_high"],
    )
    for cost in ("parameters", "multiply_adds"):
        data[f"front_{cost}"] = pareto_front(data[cost], data["wa"])
    return data
