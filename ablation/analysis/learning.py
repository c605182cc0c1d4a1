"""Loss and training accuracy over epochs, with their range over folds and seeds."""

import pandas as pd

_WHAT = ["train_loss", "train_wa"]


def learning_curves(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return mean and range of each model's training over its folds and seeds.

    Parameters
    ----------
    epochs
        One row per epoch, with ``name``, ``epoch``, ``train_loss`` and ``train_wa``.

    Returns
    -------
    curves
        ``name``, ``epoch`` and for both quantities the mean, ``_low`` and ``_high`` (the extremes).
    """
    groups = epochs.groupby(["name", "epoch"], sort=False)[_WHAT]
    parts = {"": groups.mean(), "_low": groups.min(), "_high": groups.max()}
    joined = pd.concat([part.add_suffix(end) for end, part in parts.items()], axis=1)
    return joined.reset_index()
