"""Which baselines a promotion trains beside its networks, and on what."""

from collections.abc import Mapping, Sequence

from ablation.corpora.folds import Fold
from ablation.errors.common import UnknownName
from ablation.features.frame_features import FrameSpec
from ablation.features.noise import Noise
from ablation.study import CellKind, FeaturesSpec, Study
from ablation.study.baselines import (
    CONTROLS,
    DEFAULT_BASELINES,
    TITLES,
    CnnLstmSpec,
    DnnElmSpec,
    RnnElmSpec,
)
from ablation.study.data import NOISE_FIELDS
from ablation.training.task import Cell

Development = Mapping[str, Sequence[str]]


def chosen_baselines(names: Sequence[str] | None) -> tuple[str, ...]:
    """Return baselines by name, in the order of Table 1; None: the two that take seconds.

    Raises :class:`UnknownName` for one that does not exist, and where ``all`` or ``none`` is one
    of several.
    """
    if names is None:
        names = DEFAULT_BASELINES
    elif list(names) == ["none"]:
        return ()
    elif list(names) == ["all"]:
        names = tuple(TITLES)
    for name in names:
        if name not in TITLES:
            raise UnknownName("--baselines", name, ["all", "none", *TITLES])
    return tuple(name for name in TITLES if name in names)


def baseline_cells(
    study: Study, names: Sequence[str], folds: Sequence[Fold], seeds: Sequence[int]
) -> list[Cell]:
    """Return the cells of baselines; those that draw nothing at random have one seed, 0."""
    window, titles = study.features.window_ms, TITLES | CONTROLS
    return [
        Cell(CellKind.BASELINE, (), window, seed, fold.name, title=titles[name])
        for name in names
        for seed in (seeds if tunes(study, name) else (0,))
        for fold in folds
    ]


def tunes(study: Study, name: str) -> bool:
    """Return whether a baseline has settings: then it draws at random, and may be tuned."""
    return study.baselines.of(name) is not None


def features_of(study: Study, name: str) -> FeaturesSpec | FrameSpec:
    """Return the features that a baseline is trained on: its own, or the study's spectrogram.

    They hear the noise that the networks hear.
    """
    spec, features = study.baselines.of(name), study.features
    if isinstance(spec, CnnLstmSpec):
        if not features.noise_mixed:
            return spec.spectrogram
        same = {field: getattr(features, field) for field in NOISE_FIELDS}
        return spec.spectrogram.model_copy(update=same)
    noise = Noise.of(features)
    if isinstance(spec, DnnElmSpec):
        return FrameSpec(spec.frame_features, noise=noise)
    if isinstance(spec, RnnElmSpec):
        return FrameSpec(spec.features, noise=noise)
    return features.linear
