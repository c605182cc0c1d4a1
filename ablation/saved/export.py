"""Conversion of a saved network to ONNX, checked against torch."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ablation.errors import counted
from ablation.errors.common import MissingPackage
from ablation.errors.networks import NotTranslated, OnnxDiffers
from ablation.files import atomic_write
from ablation.saved.network import SavedNetwork
from ablation.study import FeaturesSpec
from ablation.study.extents import rows_text

TOLERANCE = 1e-5  # of the scores, relative to the larger of 1 and the largest of them


def export_onnx(network: SavedNetwork, path: Path) -> float:
    """Write the network as ONNX: ``segments`` (n, 1, height, width) to ``scores`` (n, classes).

    The input must be normalised as ``network.json`` says; the model does not compute spectrograms
    or other features. What it expects is in the model's ``doc_string`` and ``metadata_props``.

    Returns
    -------
    difference
        The largest difference from torch's scores, on random segments.

    Raises
    ------
    MissingPackage
        When the extra ``export`` is not installed.
    StorageError
        When the file cannot be written, or its scores are not torch's; then nothing is written.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise MissingPackage("export to ONNX", error.name or "onnx", "export") from error
    features = network.record.features
    random = torch.Generator().manual_seed(0)
    segments = torch.rand((3, 1, features.height, features.width), generator=random)
    with _quiet():
        program = torch.onnx.export(
            network.model,
            (segments[:2],),
            dynamo=True,
            input_names=["segments"],
            output_names=["scores"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            verbose=False,
        )
    if program is None:
        raise NotTranslated(network.record.title)
    proto = program.model_proto
    proto.doc_string = expected_input(features)
    onnx.helper.set_model_props(
        proto, {"input": proto.doc_string, "features": features.model_dump_json()}
    )
    content = proto.SerializeToString()
    onnx.checker.check_model(content)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = network.model(segments).numpy()
    found = np.asarray(session.run(None, {"segments": segments.numpy()})[0])
    difference = float(np.abs(found - wanted).max())
    tolerance = TOLERANCE * max(1.0, float(np.abs(wanted).max()))
    if not difference <= tolerance:
        raise OnnxDiffers(difference, tolerance)
    with atomic_write(path) as file:
        file.write(content)
    return difference


def expected_input(features: FeaturesSpec) -> str:
    """Return what ``segments`` must hold, in a sentence."""
    ends = "0 to 1" if features.normalise == "max" else "-1 to 1"
    each = ", each row by itself," if features.front_end.signed else ""
    scale = "" if features.front_end.signed else f" ({features.scale})"
    return (
        f"segments (n, 1, {features.height}, {features.width}): {rows_text(features)}{scale}, the "
        f"lowest first, by {counted(features.width, 'frame')} of {features.hop_ms:g} ms at "
        f"{features.sample_rate} Hz, window {features.window_ms:g} ms, mapped{each} to {ends} over "
        f"the {features.scope}"
        + f", then by the mu-law with mu = {features.mu:g}"
        * bool(features.mu and not features.decibels)
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's messages about its own internals."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
