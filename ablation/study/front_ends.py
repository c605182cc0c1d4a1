"""The front ends: which features a segment has, and what their rows mean.

An entry says how rows are counted and how far they reach in Hz; the function that computes them is
in the module of the same name in :mod:`ablation.features.front_ends`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ablation.study.data import FeaturesSpec

MEL_FIELDS = ("mel_bands", "min_hz", "mel_formula")


@dataclass(frozen=True)
class FrontEnd:
    """A front end turns a recording into rows over frames.

    Attributes
    ----------
    unit
        What a row is, in the plural: bins, bands or coefficients.
    rows
        The number of rows with some settings.
    extent_hz
        How far so many rows from row ``first`` (may be half) on reach in Hz: (settings, rows,
        first). None where rows are no frequencies.
    decibels
        Whether ``scale = "log"`` stores decibels, of which ``floor_db`` are mapped. Rows of another
        front end that are no level are normalised by ``normalise`` whatever the scale.
    signed
        Whether values may be negative, and rows have ranges of their own: each row is then
        normalised by itself, from its least to its largest value.
    rise_per_db
        By how much each signed row rises where the recording is louder by 1 dB; None: not at all.
    fields
        Fields of ``[features]`` that change nothing with a front end that does not name them.
    stored_with
        Fields of normalisation on which the stored rows depend already.
    defaults
        Values of fields that a study leaves open, where they are not those of ``[features]``.
    check
        Raises ValueError for settings that cannot be computed.
    """

    unit: str
    rows: Callable[["FeaturesSpec"], int]
    extent_hz: Callable[["FeaturesSpec", float, float], float] | None
    decibels: bool = True
    signed: bool = False
    rise_per_db: Callable[["FeaturesSpec"], tuple[float, ...]] | None = None
    fields: tuple[str, ...] = ()
    stored_with: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[["FeaturesSpec"], None] | None = None


def mel(hz: float, formula: str) -> float:
    """Return a frequency in mel: ``slaney`` (linear below 1 kHz, 200/3 Hz a mel) or ``htk``."""
    if formula == "htk":
        return 2595 * math.log10(1 + hz / 700)
    if hz < 1000:
        return hz * 3 / 200
    return 15 + 27 * math.log(hz / 1000) / math.log(6.4)


def hertz(mels: float, formula: str) -> float:
    """Return the frequency of so many mel, the inverse of :func:`mel`."""
    if formula == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    if mels < 15:
        return mels * 200 / 3
    return 1000 * 6.4 ** ((mels - 15) / 27)


def _mel_hz(spec: "FeaturesSpec", row: float) -> float:
    """Return the frequency at a place between bands; band k reaches from k to k + 1.

    That is half-way in mel to its neighbours' centres: its triangle reaches as far again.
    """
    low, high = (mel(hz, spec.mel_formula) for hz in (spec.min_hz, spec.max_hz))
    return hertz(low + (row + 0.5) * (high - low) / (spec.mel_bands + 1), spec.mel_formula)


def _mel_extent(spec: "FeaturesSpec", rows: float, first: float) -> float:
    return _mel_hz(spec, first + rows) - _mel_hz(spec, first)


def _check_mel(spec: "FeaturesSpec") -> None:
    if spec.min_hz >= spec.max_hz:
        raise ValueError(f"min_hz = {spec.min_hz:g} is not below max_hz = {spec.max_hz:g}")
    for band in range(spec.mel_bands):
        low, high = (_mel_hz(spec, band + edge) / spec.bin_hz for edge in (-0.5, 1.5))
        if math.floor(low) + 1 >= high:
            raise ValueError(
                f"mel_bands = {spec.mel_bands} are so many that one near {low * spec.bin_hz:.0f} "
                f"Hz has no bin of the Fourier transform ({spec.bin_hz:g} Hz); take fewer, or a "
                f"larger n_fft"
            )


def _check_mfcc(spec: "FeaturesSpec") -> None:
    _check_mel(spec)
    if spec.coefficients > spec.mel_bands:
        raise ValueError(
            f"coefficients = {spec.coefficients} are more than mel_bands = {spec.mel_bands}"
        )
    if spec.scale != "log":
        raise ValueError(f'scale = "{spec.scale}": the coefficients are those of decibels ("log")')
    if spec.normalise != "minmax":
        raise ValueError(
            f'normalise = "{spec.normalise}": the coefficients have signs, so it must be "minmax"'
        )


FRONT_ENDS: dict[str, FrontEnd] = {
    "linear": FrontEnd(
        "bins",
        lambda spec: round(spec.max_hz / spec.bin_hz),
        lambda spec, rows, _first: rows * spec.bin_hz,
    ),
    "mel": FrontEnd(
        "bands",
        lambda spec: spec.mel_bands,
        _mel_extent,
        fields=MEL_FIELDS,
        defaults={"scale": "log", "mu": 0.0},
        check=_check_mel,
    ),
    "mfcc": FrontEnd(
        "coefficients",
        lambda spec: spec.coefficients,
        None,
        decibels=False,
        signed=True,
        # The cosine transform is orthonormal: the 0th is the mean of the bands by that root.
        rise_per_db=lambda spec: (math.sqrt(spec.mel_bands), *[0.0] * (spec.coefficients - 1)),
        fields=(*MEL_FIELDS, "coefficients"),
        stored_with=("floor_db",),
        defaults={"scale": "log", "mu": 0.0, "normalise": "minmax"},
        check=_check_mfcc,
    ),
}
