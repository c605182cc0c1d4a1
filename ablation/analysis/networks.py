"""Promoted networks as they are stored: scores by speaker, cost, learned filters.

Without torch, except for the cost of networks of older versions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ablation.analysis import Counts, speaker_counts
from ablation.analysis.study_results import StudyResults
from ablation.errors import AblationError
from ablation.results.schema import OK
from ablation.study import CellKind, Shape, load_study

_CONV1 = "backbone.conv1.groups.{}.weight"  # in a saved network's weights


@dataclass(frozen=True)
class StoredNetwork:
    """A stored network: the same settings and shapes in every fold.

    Attributes
    ----------
    title
        What Table 1 calls it.
    label
        Pooling and shapes, and where two have the same, the beginning of the digest.
    folds, seeds
        The numbers of folds and of seeds with finished cells.
    steps
        Training steps; for a budget in epochs, those of the fold with most.
    complete
        Whether every fold of every seed is finished.
    tallied
        Its counted predictions.
    parameters, multiply_adds
        None where neither the rows nor their settings give them.
    """

    digest: str
    title: str
    label: str
    pooling: str
    shapes: str
    folds: int
    seeds: int
    steps: int
    complete: bool
    counts: Counts
    tallied: pd.DataFrame
    parameters: int | None
    multiply_adds: int | None


def stored_networks(stored: StudyResults) -> list[StoredNetwork]:
    """Return all networks with a finished cell, in the order they were stored.

    Nested selection may give every fold its own network, which is then not complete.
    """
    rows = stored.networks
    rows = rows[rows["status"] == OK]
    tallied = stored.tallied[stored.tallied["kind"] == CellKind.NETWORK]
    found = []
    for digest, cells in rows.sort_values("started_at").groupby("network_digest", sort=False):
        first = cells.iloc[0]
        mine = tallied[tallied["network_digest"] == digest]
        if mine.empty:
            continue
        seeds = cells["seed"].nunique()
        cost = _cost(cells) or _counted(stored, str(digest), str(first["shapes"]))
        parameters, adds = cost or (None, None)
        found.append(
            StoredNetwork(
                digest=str(digest),
                title=str(first["network"]),
                label=_label(first["pooling"], first["network"], first["shapes"]),
                pooling=str(first["pooling"]),
                shapes=str(first["shapes"]),
                folds=cells["fold"].nunique(),
                seeds=seeds,
                steps=int(cells["steps"].max()),
                complete=len(cells) == len(stored.run.folds) * seeds,
                counts=speaker_counts(mine, stored.run.classes),
                tallied=mine,
                parameters=parameters,
                multiply_adds=adds,
            )
        )
    return _distinguished(found)


def learned_filters(
    stored: StudyResults, networks: Sequence[StoredNetwork]
) -> tuple[str, dict[str, np.ndarray]] | None:
    """Return label and Conv1 filters of the best complete network (by WA) that is saved.

    The filters are given by shape, each (filters, height, width). The network trained on all
    speakers comes first.
    """
    from safetensors import SafetensorError, safe_open

    order = sorted(
        (network for network in networks if network.complete),
        key=lambda network: -network.counts.score("wa"),
    )
    for network in order:
        places = stored.folder.glob(f"networks/*-{network.digest}/network.safetensors")
        for path in sorted(places, key=lambda path: ("-all-" not in path.parent.name, path)):
            shapes = network.shapes.split(",")
            try:
                with safe_open(path, framework="np") as file:
                    filters = {
                        shape.partition(":")[0]: file.get_tensor(_CONV1.format(k))[:, 0]
                        for k, shape in enumerate(shapes)
                    }
            except (SafetensorError, OSError):  # damaged, or a network of the user's own
                continue
            return network.label, filters
    return None


def _label(pooling: str, title: str, shapes: str) -> str:
    return f"{pooling or title} {shapes.replace(',', '+')}"


def _distinguished(networks: list[StoredNetwork]) -> list[StoredNetwork]:
    labels = [network.label for network in networks]
    return [
        network
        if labels.count(network.label) == 1
        else replace(network, label=f"{network.label} ({network.digest[:6]})")
        for network in networks
    ]


def _cost(cells: pd.DataFrame) -> tuple[int, int] | None:
    """Return parameters and multiply-adds as they were counted when a network was trained."""
    known = cells.reindex(columns=["parameters", "multiply_adds"]).dropna().astype(int)
    return next(known.itertuples(index=False, name=None), None)


def _counted(stored: StudyResults, digest: str, shapes: str) -> tuple[int, int] | None:
    """Return the same for rows of an older version, which did not store it, from the settings."""
    path = stored.folder / "studies" / "networks" / f"{digest}.toml"
    try:
        study = load_study(path)
        network = study.network
        if network.factory is not None:  # no code of the user's runs for a figure
            return None
        from ablation.models.network import network_cost

        wanted = [Shape.parse(text) for text in shapes.split(",")]
        classes = len(stored.run.classes)
        cost = network_cost(wanted, network.pooling, classes, network, study.features)
    except (AblationError, RuntimeError):
        # No such file, or an edited one whose sizes torch rejects.
        return None
    return cost.parameters, cost.multiply_adds
