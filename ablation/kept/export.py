"""A kept network as ONNX, checked against torch."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from ablation.errors import StorageError, StudyError
from ablation.files import atomic_write
from ablation.kept.network import SavedNetwork

TOLERANCE = 1e-5  # of the scores, relative to the larger of 1 and the largest of them


def export_onnx(network: SavedNetwork, path: Path) -> float:
    """Write the network as ONNX: ``segments`` (n, 1, height, width) to ``scores`` (n, classes).

    The input is normalised as in ``network.json``; the spectrogram is not part of the model.

    Returns
    -------
    difference
        The largest difference to torch's scores, of random segments.

    Raises
    ------
    StudyError
        When the extra ``export`` is not installed.
    StorageError
        When the file cannot be written, or its scores are not torch's; nothing is written then.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise StudyError(
            f"ONNX needs the extra 'export' ({error.name} is not installed)",
            "in a checkout: pip install -c constraints.txt -e '.[export]'",
        ) from error
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
        raise StorageError(f"torch could not translate {network.record.title} to ONNX")
    content = program.model_proto.SerializeToString()
    onnx.checker.check_model(content)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        wanted = network.model(segments).numpy()
    found = np.asarray(session.run(None, {"segments": segments.numpy()})[0])
    difference = float(np.abs(found - wanted).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(wanted).max())):
        raise StorageError(
            f"the ONNX model's scores differ from torch's by {difference:.2g}; nothing is written"
        )
    with atomic_write(path) as file:
        file.write(content)
    return difference


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter's remarks on its own inner workings are nobody's concern here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
