"""``ablate predict``, ``explain`` and ``export``, which use a saved network."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from ablation.cli.failures import EXPECTED_ERROR, say
from ablation.cli.options import (
    DEMO,
    FIGURES,
    RESULTS,
    FiguresOption,
    ResultsOption,
    StudyOption,
    study_name,
)
from ablation.cli.plan_printing import print_object
from ablation.cli.report import import_matplotlib
from ablation.errors.common import OptionsExclude

if TYPE_CHECKING:
    from ablation.saved import SavedNetwork
    from ablation.saved.predict import RecordingPrediction
    from ablation.saved.record import Record


@dataclass(frozen=True)
class Choice:
    """Which saved network is used."""

    network: Annotated[
        Path | None,
        Option(help="Folder of a saved network; default: the one trained on all speakers."),
    ] = None
    study: StudyOption = DEMO
    digest: Annotated[
        str, Option(help="Use the best network of the settings with this digest; default: of any.")
    ] = ""
    results: ResultsOption = RESULTS

    def opened(self) -> tuple[Path, SavedNetwork]:
        """Load the network, say which one it is, and return its folder and itself."""
        from ablation.saved.predict import open_network

        name = study_name(self.study) if self.network is None else ""
        folder, saved = open_network(self.results, name, self.network, self.digest)
        record, scores = saved.record, saved.record.scores
        known = "" if scores is None else f", WA {scores.wa:.1%} on {scores.measured_on}"
        say(f"network {folder}: {record.title}, settings {record.digest}{known}")
        return folder, saved


def predict(
    *,
    files: Annotated[
        list[str], Argument(metavar="FILE...", help="Recordings, folders or patterns.")
    ],
    choice: Choice,
    json_: Annotated[
        bool, Option("--json", help="Print JSON, with the scores of every segment.")
    ] = False,
    csv_: Annotated[
        bool, Option("--csv", help="Print a CSV table: file, label, probabilities, remarks.")
    ] = False,
    segments: Annotated[
        bool, Option("--segments", help="Print a line for every segment, with its times.")
    ] = False,
) -> None:
    """Predict the emotion of recordings, with the probability of each.

    A recording that was padded, or is shorter or quieter than all that the network was trained on,
    has a remark.
    """
    from ablation.progress import Reporter
    from ablation.saved.predict import expand_recordings, predict_recordings

    given = {"--json": json_, "--csv": csv_, "--segments": segments}
    if sum(given.values()) > 1:
        raise OptionsExclude([name for name, value in given.items() if value])
    recordings = expand_recordings(files)
    _, saved = choice.opened()
    predictions = predict_recordings(saved, recordings, Reporter(quiet=len(recordings) == 1))
    if json_:
        unusable = _print_json(saved.record, predictions)
    elif csv_:
        unusable = _print_csv(saved.record, predictions)
    else:
        unusable = _print_predictions(saved.record, predictions, segments)
    if unusable:
        raise Exit(EXPECTED_ERROR)


def explain(
    *,
    file: Annotated[Path, Argument(help="A recording.")],
    choice: Choice,
    start: Annotated[float | None, Option(min=0, help="Start at this second.")] = None,
    end: Annotated[float | None, Option(min=0, help="End at this second.")] = None,
    output: Annotated[
        Path | None, Option(help="Default: FIGURES/STUDY/explain-FOLDER-NAME.png (or .pdf, .svg).")
    ] = None,
    figures: FiguresOption = FIGURES,
) -> None:
    """Draw what the network attends to in a recording."""
    import_matplotlib()
    from ablation.runs.explain import explain as draw

    _, saved = choice.opened()
    # Many corpora use the same file names in every speaker's folder.
    name = f"explain-{file.absolute().parent.name}-{file.stem}.png"
    study = study_name(choice.study) if choice.network is None else saved.record.study
    path = output or figures / study / name
    for drawn in draw(saved, file, path, start, end):
        print(drawn)


def export(
    *,
    choice: Choice,
    output: Annotated[
        Path | None, Option(help="Default: network.onnx in the network's folder.")
    ] = None,
) -> None:
    """Export a saved network as ONNX, checked against torch."""
    from ablation.saved.export import expected_input, export_onnx

    folder, saved = choice.opened()
    path = output or folder / "network.onnx"
    difference = export_onnx(saved, path)
    say(f"input: {expected_input(saved.record.features)}")
    say(f"scores differ from torch's by at most {difference:.1g}")
    print(path)


def _print_predictions(
    record: Record, predictions: Iterable[RecordingPrediction], segments: bool
) -> int:
    """Print a line per recording (label, probabilities, file), and below it what is remarkable.

    With ``segments`` there is a line of scores for each of them. Return how many recordings could
    not be used.
    """
    faults = 0
    widths = [max(6, len(label)) for label in record.classes]
    first = max(5, *widths)
    titles = [f"{label:>{width}}" for label, width in zip(record.classes, widths, strict=True)]
    print("  ".join([f"{'label':{first}}", *titles, "file"]), flush=True)
    for item in predictions:
        if (found := item.prediction) is None:
            say(f"error: {item.fault}")
            faults += 1
            continue
        shares = [f"{value:.1%}" for value in found.probabilities.values()]
        print("  ".join([f"{found.label:{first}}", *_aligned(shares, widths), str(item.file)]))
        for remark in found.remarks:
            say(f"note: {item.file}: {remark}")
        for part in found.segments if segments else ():
            scores = [f"{value:.2f}" for value in part.scores.values()]
            times = f"{part.start:.2f} to {part.end:.2f} s (scores)"
            print("  ".join([" " * first, *_aligned(scores, widths), times]), flush=True)
    return faults


def _aligned(values: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [f"{value:>{width}}" for value, width in zip(values, widths, strict=True)]


def _print_csv(record: Record, predictions: Iterable[RecordingPrediction]) -> int:
    """Print a table with a row per recording, and return how many could not be used."""
    faults = 0
    table = csv.writer(sys.stdout, lineterminator="\n")
    shares = [f"p_{label}" for label in record.classes]
    table.writerow(["file", "label", *shares, "seconds", "remarks", "error"])
    for item in predictions:
        if (found := item.prediction) is None:
            table.writerow([item.file, "", *["" for _ in shares], "", "", item.fault])
            faults += 1
        else:
            values = [f"{value:.6f}" for value in found.probabilities.values()]
            remarks = "; ".join(found.remarks)
            row = [item.file, found.label, *values, f"{found.duration:.3f}", remarks, ""]
            table.writerow(row)
    return faults


def _print_json(record: Record, predictions: Iterable[RecordingPrediction]) -> int:
    """Print one JSON object: the network, and an entry per recording; return how many failed."""
    entries, faults = [], 0
    for item in predictions:
        if item.prediction is None:
            say(f"error: {item.fault}")
            entries.append({"file": str(item.file), "error": str(item.fault)})
            faults += 1
        else:
            entries.append({"file": str(item.file)} | asdict(item.prediction))
    fields = ("study", "title", "shapes", "network_digest", "classes")
    network = {name: getattr(record, name) for name in fields}
    print_object({"network": network, "recordings": entries})
    return faults
