"""Front ends: a recording in, rows over frames out; one module each, by the name of its kind.

A module has a function ``front_end(samples, spec)``; what its rows are and how far they reach is
its entry in :data:`ablation.study.front_ends.FRONT_ENDS`.
"""

from importlib import import_module

import numpy as np

from ablation.study import FeaturesSpec


def compute(samples: np.ndarray, spec: FeaturesSpec) -> np.ndarray:
    """Return the features of a recording, by the front end that ``spec.kind`` names.

    Parameters
    ----------
    samples
        Shape (n,), at ``spec.sample_rate``; full scale is 1.

    Returns
    -------
    rows
        Shape (``spec.height``, max(1, n // hop)), float32, finite; frame k is centred on sample
        k * hop.
    """
    module = import_module(f"{__name__}.{spec.kind}")
    return module.front_end(samples, spec)
