"""Figures that show models side by side: speakers, confusions, training, filters, cost."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from ablation.analysis import (
    confusion,
    pareto_front,
    probe_cost,
    score_interval,
)
from ablation.analysis.evidence import Evidence
from ablation.analysis.networks import StoredNetwork, learned_filters
from ablation.errors import counted
from ablation.figures import (
    Scales,
    draw_budget,
    draw_confusion,
    draw_costs,
    draw_filters,
    draw_learning,
    draw_speakers,
)
from ablation.figures.drawing import Drawing, largest_classes, metric_label, title_of
from ablation.study import CellKind, Shape

_MOST_LINES = 8  # that a reader can distinguish in one panel
_MOST_COMPARED = 24  # names below a panel
_MOST_CONFUSED = 30  # classes along a side of a matrix
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
    metric = evidence.metric
    data = pd.concat(
        pd.DataFrame(
            {
                "name": name,
                "speaker": counts.speakers,
                "score": counts.by_speaker(metric),
                "pooled": counts.score(metric),
            }
        )
        for name, counts in models.items()
    )
    label = metric_label(metric)
    what, drawn = f"{label} by speaker", data
    if len(models) > _MOST_COMPARED:
        what += f" of the first {_MOST_COMPARED} of {len(models)} models"
        drawn = data[data["name"].isin(list(models)[:_MOST_COMPARED])]
    yield Drawing(
        "speakers",
        f"{label} of each held-out speaker for some shapes (smallest, chosen, largest, reference) "
        f"and the networks. Diamonds are pooled scores; lines join the scores of a speaker.",
        f"{label} by speaker of {counted(len(models), 'model')}",
        data,
        partial(draw_speakers, drawn, title_of(evidence, what), "shape or network"),
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
    largest = largest_classes(evidence.run, _MOST_CONFUSED)
    what, note = "confusions", ""
    drawn = matrices
    if len(largest) < len(classes):
        what = f"confusions of the {len(largest)} largest of {len(classes)} classes"
        note = f" Of {len(classes)} classes, the {len(largest)} largest are drawn."
        drawn = {name: _largest(matrix, largest) for name, matrix in matrices.items()}
    yield Drawing(
        "confusion",
        "Confusion matrices, summed over folds and seeds: for each true class (row), the share of "
        f"its utterances predicted as each class (column).{note}",
        f"confusion matrices of {', '.join(matrices)}",
        pd.concat(
            [m.rename_axis("label").reset_index().assign(name=n) for n, m in matrices.items()]
        ),
        partial(draw_confusion, drawn, title_of(evidence, what)),
    )


def _largest(matrix: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Return a confusion matrix of some classes; others are one column."""
    kept = matrix.loc[list(labels), list(labels)]
    return kept.assign(**{"(all others)": matrix.loc[list(labels)].sum(axis=1) - kept.sum(axis=1)})


def learning_drawing(evidence: Evidence, networks: Sequence[StoredNetwork]) -> Iterator[Drawing]:
    epochs = evidence.stored.epochs
    own = evidence.run.study.features.window_ms
    epochs = epochs[(epochs["window_ms"] == own) & epochs["train_loss"].notna()]
    probes = epochs[epochs["kind"] == CellKind.PROBE]
    labels = {network.digest: network.label for network in networks if network.complete}
    of_networks = epochs["kind"] == CellKind.NETWORK
    trained = epochs[of_networks & epochs["network_digest"].isin(list(labels))]
    trained = trained.assign(name=trained["network_digest"].map(labels))
    for kind, rows, names in (
        ("probes", probes, _spread_names(evidence)),
        ("networks", trained, list(dict.fromkeys(labels.values()))),
    ):
        kept = [name for name in names if (rows["name"] == name).any()][:_MOST_LINES]
        if not kept:
            continue
        rows = pd.concat(
            [rows[rows["name"] == name].sort_values("epoch", kind="stable") for name in kept]
        )
        data = _mean_and_range(rows)
        yield Drawing(
            f"learning_{kind}",
            f"Training loss and accuracy of the {kind}: mean and range over folds and seeds. A "
            f"loss that still falls at the end suggests a larger training budget; the last epoch "
            f"may be cut short by it.",
            f"learning curves of {', '.join(kept)}",
            data,
            partial(draw_learning, data, title_of(evidence, f"training of {kind}")),
        )


def budget_drawing(evidence: Evidence) -> Iterator[Drawing]:
    budget = evidence.budget
    if budget is None:
        return
    drawn = [name for name in _spread_names(evidence) if name in budget.scores.index]
    score = metric_label(evidence.metric)
    title = title_of(evidence, f"{score} and training budget")
    yield Drawing(
        "budget",
        f"{score} of the held-out speakers after shares of the training budget. Where lines still "
        f"rise, cross or part at the end, the verdict depends on the budget. Nothing is chosen by "
        f"these scores.",
        f"{score} of {counted(len(budget.scores), 'shape')} after "
        f"{len(budget.scores.columns)} shares of the budget",
        budget.scores.rename_axis("shape").reset_index(),
        partial(draw_budget, budget.scores, drawn, title, f"{score}, held-out speakers (%)"),
    )


def _mean_and_range(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean, ``_low`` and ``_high`` of each model's training by epoch."""
    groups = epochs.groupby(["name", "epoch"], sort=False)[["train_loss", "train_wa"]]
    parts = {"": groups.mean(), "_low": groups.min(), "_high": groups.max()}
    joined = pd.concat([part.add_suffix(end) for end, part in parts.items()], axis=1)
    return joined.reset_index()


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
    scales = Scales.of(features)
    weights = {}
    for shape, values in filters.items():
        places = pd.MultiIndex.from_product([range(size) for size in values.shape])
        weights[shape] = pd.Series(values.ravel(), places)
    data = pd.concat(weights, names=["shape", "filter", "bin", "frame"])
    yield Drawing(
        "filters",
        f"Filters learned by Conv1 of {label}.",
        f"learned filters of {label}",
        data.rename("weight").reset_index(),
        partial(draw_filters, filters, scales, f"{evidence.run.study.name}: Conv1 of {label}"),
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
        partial(draw_costs, drawn, title_of(evidence, "WA against cost")),
    )


def cost_table(evidence: Evidence, networks: Sequence[StoredNetwork]) -> pd.DataFrame:
    """Return cost and WA of every complete probe and network, and which are on a Pareto front.

    Models of the user's own in place of the probe are left out.
    """
    study, classes = evidence.run.study, len(evidence.run.classes)
    models = []
    ours = study.probe.factory is None  # what a model of the user's own costs is not stored
    for name, counts in evidence.shapes.items() if ours else ():
        shape = Shape.parse(name)
        cost = probe_cost(study, shape.height, shape.width, classes)
        models.append(("probe", name, *cost, counts))
    for net in networks:
        if net.complete and net.parameters is not None:
            models.append(("network", net.label, net.parameters, net.multiply_adds, net.counts))
    rows = []
    for *model, counts in models:
        wa = score_interval(counts, "wa")
        rows.append((*model, wa.estimate, wa.low, wa.high))
    columns = ["kind", "name", "parameters", "multiply_adds", "wa", "wa_low", "wa_high"]
    data = pd.DataFrame(rows, columns=columns)
    for cost in ("parameters", "multiply_adds"):
        data[f"front_{cost}"] = pareto_front(data[cost], data["wa"])
    return data
