"""The receptive field of a saved network, measured beside that of its untrained self."""

import torch
from torch import nn

from ablation.errors.networks import NoMap
from ablation.models.network import Network, build_network
from ablation.models.network.field import (
    LayerField,
    effective_field,
    last_map,
    layer_fields,
    settle_norms,
)
from ablation.results.field_record import FieldRecord, LayerExtent, rounded
from ablation.saved.network import SavedNetwork
from ablation.saved.record import Record
from ablation.study import NetworkSpec, Shape
from ablation.study.extents import hz_values, places_differ
from ablation.training.seeds import seeded


def measure_field(network: SavedNetwork, segments: torch.Tensor) -> FieldRecord:
    """Return what the layers of a network can see, and what its last map sees.

    Parameters
    ----------
    segments
        Normalised segments (n, 1, height, width) to average gradients over.

    Raises
    ------
    NoMap
        When no layer has a map over bins and frames.
    """
    record, features = network.record, network.record.features
    size = (features.height, features.width)
    layers = layer_fields(_thin(record) or network.model, *size)
    if not layers:
        raise NoMap(record.title)
    pooled = last_map(network.model, layers, size)
    untrained = initial_network(record)
    settle_norms(untrained, segments)
    part = (slice(pooled.bottom, pooled.top), slice(pooled.left, pooled.right))
    trained, initial = (
        rounded(effective_field(model, pooled, segments)[part])
        for model in (network.model, untrained)
    )
    return FieldRecord(
        weights=record.weights,
        bin_hz=features.bin_hz if features.kind == "linear" else None,
        frame_ms=features.hop_ms,
        row_unit=features.row_unit,
        bands_hz=(
            [hz_values(features, rows) for rows in range(1, features.height + 1)]  # type: ignore[misc]
            if places_differ(features)
            else []
        ),
        segments=len(segments),
        layers=[_extent(layer) for layer in layers],
        pooled=pooled.name,
        trained=trained,
        untrained=initial,
    )


def initial_network(record: Record) -> nn.Module:
    """Return the network with the weights that its training began with."""
    shapes = [Shape.parse(text) for text in record.shapes]
    names = ("init", record.title, ",".join(record.shapes), record.seed, record.fold)
    with seeded(*names):  # as ablation.training.cell does
        model = build_network(
            shapes, record.pooling, len(record.classes), record.network, record.features
        )
    return model.eval()


def _thin(record: Record) -> nn.Module | None:
    """Return the network with one channel a layer, which sees as far; None for a user's own."""
    spec = record.network
    if spec.factory is not None:
        return None
    shapes = [Shape.parse(text) for text in record.shapes]
    thin = NetworkSpec(filters=1, channels=[1] * len(spec.channels), pools=spec.pools)
    return Network([(s.height, s.width) for s in shapes], "gap", len(record.classes), thin).eval()


def _extent(layer: LayerField) -> LayerExtent:
    return LayerExtent(name=layer.name, kind=layer.kind, bins=layer.bins, frames=layer.frames)
