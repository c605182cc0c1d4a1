"""Figures that show models side by side: speakers, confusions, training, filters, cost."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.analysis import (
    confusion,
    learning_curves,
    pareto_front,
    probe_cost,
    score_interval,
)
from ablation.analysis.evidence import Evidence
from ablation.analysis.networks import StoredNetwork, learned_filters
from ablation.errors import counted
from ablation.figures import (
    Scales,
    draw_confusion,
    draw_costs,
    draw_filters,
    draw_learning,
    draw_speakers,
)
from ablation.figures.drawing import Drawing, title_of
from ablation.study import CellKind, Shape

_MOST_LINES = 8  # that a reader can distinguish in one panel
_MOST_COSTS = 400  # points that can be drawn quickly


def speakers_drawing(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
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
        f"{label} of each held-out speaker for some shapes (smallest, chosen, largest, reference) "
        f"and the networks. Diamonds are pooled scores; lines join the scores of a speaker.",
        f"{label} by speaker of {counted(len(models), 'model')}",
        data,
        lambda: draw_speakers(data, title_of(evidence, f"{label} by speaker"), "shape or network"),
    )


def confusion_drawing(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
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
        "Confusion matrices, summed over folds and seeds: for each true class (row), the share of "
        "its utterances predicted as each class (column).",
        f"confusion matrices of {', '.join(matrices)}",
        pd.concat(
            [m.rename_axis("label").reset_index().assign(name=n) for n, m in matrices.items()]
        ),
        lambda: draw_confusion(matrices, title_of(evidence, "confusions")),
    )


def learning_drawing(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    epochs = evidence.stored.epochs
    own = evidence.run.study.features.window_ms
    epochs = epochs[(epochs["window_ms"] == own) & epochs["train_loss"].notna()]
    names = _spread_names(evidence)
    probes = epochs[(epochs["kind"] == CellKind.PROBE) & epochs["name"].isin(names)]
    labels = {network.digest: network.label for network in networks if network.complete}
    of_networks = epochs["kind"] == CellKind.NETWORK
    trained = epochs[of_networks & epochs["network_digest"].isin(list(labels))]
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
            f"Training loss and accuracy of the {kind}: mean and range over folds and seeds. A "
            f"loss that still falls at the end suggests a larger training budget.",
            f"learning curves of {', '.join(kept)}",
            data,
            _draw_learning(evidence, kind, data),
        )


def _draw_learning(evidence: Evidence, kind: str, data: pd.DataFrame) -> Callable[[], Figure]:
    return lambda: draw_learning(data, title_of(evidence, f"training of {kind}"))


def _spread_names(evidence: Evidence) -> list[str]:
    """Return up to eight shapes over both axes, from the smallest to the largest."""
    names: list[str] = []
    for axis in evidence.axes.values():
        extents = sorted(axis.shapes)
        most = _MOST_LINES // len(evidence.axes)
        picks = np.unique(np.linspace(0, len(extents) - 1, most).round().astype(int))
        names += [axis.name(extents[k]) for k in picks]
    return list(dict.fromkeys(names))


def filters_drawing(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
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
        f"Filters learned by Conv1 of {label}.",
        f"learned filters of {label}",
        data,
        lambda: draw_filters(filters, scales, f"{evidence.run.study.name}: Conv1 of {label}"),
    )


def costs_drawing(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    data = cost_table(evidence, networks)
    if len(data) < 2:
        return
    on_front = data["front_parameters"] | data["front_multiply_adds"]
    drawn = data if len(data) <= _MOST_COSTS else data[on_front]
    front = ", ".join(data.loc[on_front, "name"])
    yield Drawing(
        "costs",
        "WA against the number of parameters and the multiply-adds per segment. The line joins the "
        "models that no cheaper one beats (Pareto front); it does not show that its steps are "
        "significant.",
        f"Pareto front: {front}",
        data,
        lambda: draw_costs(drawn, title_of(evidence, "WA against cost")),
    )


def cost_table(evidence: Evidence, networks: Sequence[StoredNetwork]) -> pd.DataFrame:
    """Return cost and WA of every complete probe and network, and which are on a Pareto front."""
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
