"""``ablate predict``, ``explain`` and ``export``, which use a saved network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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

if TYPE_CHECKING:
    from ablation.saved import SavedNetwork

NetworkOption = Annotated[
    Path | None,
    typer.Option(
        "--network", help="Folder of a saved network; default: the one trained on all speakers."
    ),
]

NetworkDigestOption = Annotated[
    str,
    typer.Option(
        "--digest", help="Use the best network of the settings with this digest; default: of any."
    ),
]


def predict(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Recordings, folders or patterns.")
    ],
    network: NetworkOption = None,
    study: StudyOption = DEMO,
    json_: Annotated[
        bool,
        typer.Option("--json", help="Print JSON, with the scores of every segment."),
    ] = False,
    segments: Annotated[
        bool, typer.Option("--segments", help="Print a line for every segment, with its times.")
    ] = False,
    digest: NetworkDigestOption = "",
    results: ResultsOption = RESULTS,
) -> None:
    """Predict the emotion of recordings."""
    from ablation.cli import network_printing
    from ablation.progress import Reporter
    from ablation.saved.predict import expand_recordings, predict_recordings

    recordings = expand_recordings(files)
    _, saved = _opened(network, study, results, digest)
    predictions = predict_recordings(saved, recordings, Reporter(quiet=len(recordings) == 1))
    unusable = (
        network_printing.print_predictions_json(saved.record, predictions)
        if json_
        else network_printing.print_predictions(saved.record, predictions, segments)
    )
    if unusable:
        raise typer.Exit(EXPECTED_ERROR)


def explain(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    network: NetworkOption = None,
    study: StudyOption = DEMO,
    start: Annotated[float | None, typer.Option(min=0, help="Start at this second.")] = None,
    end: Annotated[float | None, typer.Option(min=0, help="End at this second.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Default: FIGURES/STUDY/explain-FOLDER-NAME.png (or .pdf, .svg)."),
    ] = None,
    digest: NetworkDigestOption = "",
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
) -> None:
    """Draw what the network attends to in a recording."""
    from ablation.runs.explain import explain as draw

    _, saved = _opened(network, study, results, digest)
    # Many corpora use the same file names in every speaker's folder.
    name = f"explain-{file.absolute().parent.name}-{file.stem}.png"
    path = output or figures / saved.record.study / name
    for drawn in draw(saved, file, path, start, end):
        print(drawn)


def export(
    network: NetworkOption = None,
    study: StudyOption = DEMO,
    output: Annotated[
        Path | None, typer.Option(help="Default: network.onnx in the network's folder.")
    ] = None,
    digest: NetworkDigestOption = "",
    results: ResultsOption = RESULTS,
) -> None:
    """Export a saved network as ONNX, checked against torch."""
    from ablation.saved.export import export_onnx

    folder, saved = _opened(network, study, results, digest)
    path = output or folder / "network.onnx"
    difference = export_onnx(saved, path)
    say(f"scores differ from torch's by at most {difference:.1g}")
    print(path)


def _opened(
    network: Path | None, study: Path, results: Path, digest: str
) -> tuple[Path, SavedNetwork]:
    """Load the network asked for, print which one it is, and return its folder and itself."""
    from ablation.cli import network_printing
    from ablation.saved.predict import open_network

    name = study_name(study) if network is None else ""
    folder, saved = open_network(results, name, network, digest)
    network_printing.say_network(folder, saved.record)
    return folder, saved
