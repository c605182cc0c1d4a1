"""``ablate predict``, ``explain`` and ``export``: a kept network at work."""

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
    from ablation.kept import SavedNetwork

NetworkOption = Annotated[
    Path | None,
    typer.Option("--network", help="Folder of a kept network; default: the study's best."),
]

KeptDigestOption = Annotated[
    str, typer.Option("--digest", help="The best of these settings; default: of all settings.")
]


def predict(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Recordings, folders or patterns.")
    ],
    network: NetworkOption = None,
    study: StudyOption = DEMO,
    json_: Annotated[
        bool, typer.Option("--json", help="Everything, with the scores of every segment.")
    ] = False,
    segments: Annotated[
        bool, typer.Option("--segments", help="A line for every segment, with its times.")
    ] = False,
    digest: KeptDigestOption = "",
    results: ResultsOption = RESULTS,
) -> None:
    """Name the emotion of recordings."""
    from ablation.cli import network_printing
    from ablation.drivers.predict import expand_recordings, predict_recordings
    from ablation.drivers.progress import Reporter

    recordings = expand_recordings(files)
    _, kept = _opened(network, study, results, digest)
    heard = predict_recordings(kept, recordings, Reporter(quiet=len(recordings) == 1))
    faults = (
        network_printing.print_predictions_json(kept.record, heard)
        if json_
        else network_printing.print_predictions(kept.record, heard, segments)
    )
    if faults:
        raise typer.Exit(EXPECTED_ERROR)


def explain(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    network: NetworkOption = None,
    study: StudyOption = DEMO,
    start: Annotated[float | None, typer.Option(min=0, help="Look from this second on.")] = None,
    end: Annotated[float | None, typer.Option(min=0, help="Look up to this second.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Default: FIGURES/STUDY/explain-FOLDER-NAME.png (or .pdf, .svg)."),
    ] = None,
    digest: KeptDigestOption = "",
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
) -> None:
    """Draw what the network looked at in a recording."""
    from ablation.drivers.explain import explain as draw

    _, kept = _opened(network, study, results, digest)
    # Many corpora name recordings alike in every speaker's folder.
    name = f"explain-{file.absolute().parent.name}-{file.stem}.png"
    path = output or figures / kept.record.study / name
    for drawn in draw(kept, file, path, start, end):
        print(drawn)


def export(
    network: NetworkOption = None,
    study: StudyOption = DEMO,
    output: Annotated[
        Path | None, typer.Option(help="Default: network.onnx in the network's folder.")
    ] = None,
    digest: KeptDigestOption = "",
    results: ResultsOption = RESULTS,
) -> None:
    """Write a kept network as ONNX, checked against torch."""
    from ablation.kept.export import export_onnx

    folder, kept = _opened(network, study, results, digest)
    path = output or folder / "network.onnx"
    difference = export_onnx(kept, path)
    say(f"its scores differ from torch's by {difference:.1g} at most")
    print(path)


def _opened(
    network: Path | None, study: Path, results: Path, digest: str
) -> tuple[Path, SavedNetwork]:
    """The network asked for, and what is said of it."""
    from ablation.cli import network_printing
    from ablation.drivers.predict import open_network

    name = study_name(study) if network is None else ""
    folder, kept = open_network(results, name, network, digest)
    network_printing.say_network(folder, kept.record)
    return folder, kept
