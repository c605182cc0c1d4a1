"""How far a filter reaches in Hz, in words: the same everywhere, or by the place among the rows."""

from collections.abc import Iterable

from ablation.errors import counted
from ablation.study.data import FeaturesSpec

PLACES = ("lowest", "middle", "highest")


def places_differ(features: FeaturesSpec) -> bool:
    """Return whether a filter's extent in Hz depends on its place, as with mel bands."""
    return features.kind != "linear" and features.front_end.extent_hz is not None


def at_places(features: FeaturesSpec) -> str:
    """Return where the Hz of :func:`hz_values` are: "at the lowest, middle and highest band"."""
    unit = features.row_unit.removesuffix("s")
    return f"at the {PLACES[0]}, {PLACES[1]} and {PLACES[2]} {unit}"


def hz_headers(features: FeaturesSpec) -> tuple[str, ...]:
    """Return the headers of :func:`hz_values`: "Hz", one for each place, or none."""
    if features.front_end.extent_hz is None:
        return ()
    if not places_differ(features):
        return ("Hz",)
    unit = features.row_unit.removesuffix("s")
    return tuple(f"Hz ({place} {unit})" for place in PLACES)


def hz_values(features: FeaturesSpec, height: float) -> tuple[float, ...]:
    """Return how far ``height`` rows reach in Hz: one number, one for each place, or none."""
    found = features.extents_hz(height) or ()
    return found if places_differ(features) else found[:1]


def hz_text(features: FeaturesSpec, height: float) -> str:
    """Return "100 Hz", "72, 89 and 281 Hz at the lowest, middle and highest band", or nothing."""
    values = hz_values(features, height)
    if len(values) < 2:
        return "".join(f"{value:g} Hz" for value in values)
    return f"{joined_hz(values)} Hz {at_places(features)}"


def joined_hz(values: Iterable[float]) -> str:
    """Return "72.1, 88.9 and 281"."""
    *others, last = map(number_text, values)
    return f"{', '.join(others)} and {last}"


def number_text(value: float) -> str:
    """Return Hz or ms with three digits, or as a whole number: "46.9", "1016"."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def rows_text(features: FeaturesSpec, bins: str = "bin") -> str:
    """Return what the rows of a segment are, as "400 bins of 10 Hz"; ``bins`` names a linear one.

    Mel bands come with their widths: "64 mel bands from 0 to 4000 Hz (36.1, 44.4 and 143 Hz wide
    at the lowest, middle and highest band)".
    """
    if features.kind == "linear":
        return f"{counted(features.height, bins)} of {features.bin_hz:g} Hz"
    unit = features.row_unit.removesuffix("s")
    text = counted(features.height, f"{features.kind} {unit}")
    if features.kind == "mfcc":
        text += f" of {counted(features.mel_bands, 'mel band')}"
    if "min_hz" in features.front_end.fields:
        text += f" from {features.min_hz:g} to {features.max_hz:g} Hz"
    if places_differ(features):
        text += f" ({joined_hz(hz_values(features, 1))} Hz wide {at_places(features)})"
    return text


def noise_text(features: FeaturesSpec) -> str:
    """Return "pink noise at 10 dB", or nothing where recordings are left as they are."""
    if features.snr_db == "clean":
        return ""
    folder = features.noise_folder
    source = f"{features.noise} noise" if folder is None else f"noise of the folder {folder.name}"
    return f"{source} at {features.snr_db:g} dB (seed {features.noise_seed})"
