"""The figure of what a saved network attended to in a recording."""

from pathlib import Path
from typing import TYPE_CHECKING

from ablation.errors.common import UnknownName
from ablation.figures import FORMATS, Scales, draw_explanation, draw_filters, save_figure
from ablation.files import atomic_write

if TYPE_CHECKING:
    from ablation.saved import SavedNetwork


def explain(
    network: "SavedNetwork",
    file: Path,
    output: Path,
    start: float | None = None,
    end: float | None = None,
) -> list[Path]:
    """Draw a recording's spectrogram and attention maps, and Conv1's filters; return the files.

    Parameters
    ----------
    output
        The figure's file; its suffix (.png, .pdf, .svg) is its format. The filters are drawn
        beside it in a file whose name ends in "-filters".
    start, end
        The part of the recording to explain, in seconds.

    Raises
    ------
    AudioError
        When the recording cannot be used.
    StudyError
        For another suffix.
    StorageError
        When a file cannot be written.
    """
    kind = output.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise UnknownName(f"--output {output}", kind, FORMATS, "figure format")
    record = network.record
    explanation = network.explain(file, start, end)
    scales = Scales.of(record.features, start or 0.0)
    prediction = explanation.prediction
    title = f"{file.name}: {prediction.label} ({record.title}, {', '.join(record.shapes)})"
    figure = draw_explanation(
        explanation.spectrum,
        explanation.bottom_up,
        explanation.top_down,
        record.classes,
        prediction.scores,
        scales,
        title,
    )
    files = [output]
    with atomic_write(output) as stream:
        save_figure(figure, stream, kind)
    beside = output.with_name(f"{output.stem}-filters{output.suffix}")
    if not explanation.filters:
        beside.unlink(missing_ok=True)  # another network's
    else:
        figure = draw_filters(explanation.filters, scales, f"Conv1 of {record.title}")
        with atomic_write(beside) as stream:
            save_figure(figure, stream, kind)
        files.append(beside)
    return files
