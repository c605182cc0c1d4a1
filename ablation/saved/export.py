"""Conversion of a saved network to ONNX, checked against torch."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ablation.errors.common import MissingPackage
from ablation.errors.networks import NotTranslated, OnnxDiffers
from ablation.files import atomic_write
from ablation.saved.network import SavedNetwork

TOLERANCE = 1e-5  # of the scores, relative to the larger of 1 and the largest of them


def export_onnx(network: SavedNetwork, path: Path) -> float:
    """Write the network as ONNX: ``segments`` (n, 1, height, width) to ``scores`` (n, classes).

    The input must be normalised as ``network.json`` says; the model does not compute spectrograms.

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
    content = program.model_proto.SerializeToString()
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
