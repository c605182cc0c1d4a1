"""``ablate report``: everything a study says, on one page, as Markdown and as LaTeX tables."""

import os
import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ablation.analysis import AXES
from ablation.drivers.evidence import Evidence, references_scores
from ablation.drivers.settings import SEARCH, Request, RunRecord, as_study
from ablation.drivers.showing.drawing import Drawing
from ablation.drivers.showing.drawings import drawings
from ablation.drivers.showing.listings import hours
from ablation.drivers.showing.networks import StoredNetwork, stored_networks
from ablation.drivers.showing.plot import remarks, shown_classes
from ablation.drivers.showing.search_section import search_answer
from ablation.drivers.showing.sections import sections
from ablation.drivers.showing.table1 import table1_rows
from ablation.drivers.stored import StudyResults
from ablation.errors import counted
from ablation.figures import svg_text
from ablation.files import write_text
from ablation.report import (
    Document,
    Picture,
    render_html,
    render_latex,
    render_markdown,
    wording,
)
from ablation.study import Shape, shapes_text


@dataclass(frozen=True)
class Reported:
    """The files written, the answer, and what is missing."""

    files: tuple[Path, ...]
    answer: str
    lacking: tuple[str, ...]


def report(
    results: Path,
    figures: Path,
    run: RunRecord,
    references: tuple[Shape, ...] | None = None,
    metric: str = "wa",
    classes: Sequence[str] | None = None,
) -> Reported:
    """Write ``report.html``, ``report.md`` and ``report.tex`` into the study's results folder.

    The figures go beside ``ablate plot``'s as SVG, for the Markdown.

    Parameters
    ----------
    references
        Shapes fixed in advance, one an axis; None: the paper's.
    metric
        Score that choices and tests go by: ``wa``, ``ua`` or a class.
    classes
        Classes in Figure 2; None: all but happy.

    Raises
    ------
    StudyError
        For an unknown metric or class.
    """
    stored = StudyResults(results, run)
    evidence = Evidence(stored, references, metric)
    shown = shown_classes(run, classes)
    networks = stored_networks(stored)
    drawn = list(drawings(evidence, networks, shown))
    pictures = {drawing.name: _picture(drawing) for drawing in drawn}
    document = Document(
        title=f"{run.study.name}: which receptive field?",
        subtitle=_subtitle(evidence),
        answer=_answer(evidence),
        lacking=tuple(_lacking(evidence, networks)),
        sections=tuple(sections(evidence, networks, pictures)),
        facts=tuple(_facts(evidence, networks)),
        commands=tuple(_commands(results, stored, networks)),
    )
    places = {name: figures / run.study.name / f"{name}.svg" for name in pictures}
    for name, place in places.items():
        write_text(place, pictures[name].svg)
    folder = stored.folder
    relative = {name: os.path.relpath(place, folder) for name, place in places.items()}
    texts = {
        "report.html": render_html(document),
        "report.md": render_markdown(document, relative),
        "report.tex": "\n".join(render_latex(table) for table in document.tables),
    }
    for name, text in texts.items():
        write_text(folder / name, text)
    files = tuple(folder / name for name in texts)
    return Reported(files, document.answer, document.lacking)


def _answer(evidence: Evidence) -> str:
    """What the axes say; where there is none, what a search has found."""
    found = search_answer(evidence.stored) if not evidence.axes else ""
    return found or wording.answer(evidence.axes, evidence.run.majority)


def _picture(drawing: Drawing) -> Picture:
    svg = svg_text(drawing.draw())
    return Picture(drawing.name, drawing.caption, drawing.description, svg)


def _subtitle(evidence: Evidence) -> str:
    run, study = evidence.run, evidence.run.study
    counts = ", ".join(f"{n} {label}" for label, n in zip(run.classes, run.counts, strict=True))
    scheme = "a fold a speaker" if study.folds.scheme == "speaker" else "speaker groups"
    return (
        f"{study.corpus.name}: {counted(sum(run.counts), 'utterance')} ({counts}); "
        f"{counted(len(run.folds), 'fold')}, {scheme}; settings {run.digest}"
    )


def _lacking(evidence: Evidence, networks: Sequence[StoredNetwork]) -> list[str]:
    """What is missing, failed or not to be believed: what a reader must know before the numbers."""
    stored = evidence.stored
    asked, done = sum(stored.expected.values()), stored.done
    held = {n: counts.score("wa") for n, counts in references_scores(stored).items()}
    scores = {n.label: n.counts.score("wa") for n in networks if n.complete}
    found = wording.doubts(evidence.axes, evidence.run.classes, scores, held)
    if asked > done:
        failed = f", {len(stored.failed)} of them failed" if len(stored.failed) else ""
        found.append(
            f"{asked - done} of {asked} probe cells are not finished{failed}: ablate grid with the "
            f"same options trains what is missing. What is said here rests on complete shapes "
            f"alone."
        )
    found += remarks(evidence)
    for axis in evidence.axes.values():
        lone = axis.speakers < 2
        if lone or (axis.pairs is not None and not axis.pairs.can_reject):
            found.append(
                f"{counted(axis.speakers, 'speaker')} cannot show any difference between "
                f"{axis.axis.name}s at 5 %, whatever the scores: more speakers are needed."
            )
    seeds = stored.named.groupby(["height", "width", "window_ms"])["seed"].nunique()
    if seeds.nunique() > 1:
        found.append(
            f"Shapes have different numbers of seeds ({seeds.min()} to {seeds.max()}); each is "
            f"averaged over its own. The same ablate grid --seeds for all would make them alike."
        )
    if evidence.axes and all(axis.noise.seeds < 2 for axis in evidence.axes.values()):
        found.append(
            "One seed: a shape cannot be told from a lucky training of it (--seeds 0,1,2)."
        )
    return found


def _facts(evidence: Evidence, networks: Sequence[StoredNetwork]) -> list[tuple[str, str]]:
    run, stored = evidence.run, evidence.stored
    features, training = run.study.features, run.study.training
    budget = (
        counted(training.steps, "step")
        if training.steps is not None
        else counted(training.epochs or 0, "epoch")  # a study has one of the two
    )
    rows = [stored.probes, stored.networks]

    def seen(column: str) -> str:
        values = {str(value) for part in rows for value in part[column].dropna()}
        return ", ".join(sorted(values)) or "nothing stored"

    return [
        ("study", run.study.name),
        ("settings", f"{run.digest} (studies/{run.digest}.toml)"),
        ("last run", f"{run.last_run:%Y-%m-%d %H:%M} UTC"),
        ("corpus", run.study.corpus.name),
        ("corpus fingerprint", run.fingerprint or "not noted by the version that ran it"),
        ("folds", ", ".join(run.folds)),
        ("seeds", ", ".join(map(str, sorted(run.seeds())))),
        (
            "spectrogram",
            f"{counted(features.height, 'bin')} of {features.bin_hz:g} Hz x "
            f"{counted(features.width, 'frame')} of {features.hop_ms:g} ms, window "
            f"{features.window_ms:g} ms, normalised by "
            f"{features.scope}",
        ),
        (
            "probe training",
            f"{training.optimizer}, {budget} of batch {training.batch_size}, learning rate "
            f"{training.learning_rate:g} ({training.schedule})",
        ),
        ("engine", seen("engine")),
        ("device", seen("device")),
        ("threads of a cell", seen("threads")),
        ("trained with ablation", seen("version")),
        ("reported with", f"Python {platform.python_version()}, {_versions()}"),
        ("probe cells", f"{len(stored.probes)} finished, {len(stored.failed)} failed"),
        ("networks", f"{len(networks)} stored"),
        (
            "time of one worker",
            f"{hours(stored.probes):.2f} h probes, {hours(stored.networks):.2f} h networks",
        ),
    ]


def _versions() -> str:
    from importlib.metadata import version

    packages = ("ablation", "torch", "numpy", "scipy", "pandas")
    return ", ".join(f"{name} {version(name)}" for name in packages)


def _commands(results: Path, stored: StudyResults, networks: Sequence[StoredNetwork]) -> list[str]:
    """The command lines that make the study anew."""
    run = stored.run
    study = as_study(results, run)
    lines = ["# every setting of probes, and of each network, stands in the file named by --study"]
    lines += [
        f"ablate {_asked(request)} {study}"
        for request in run.requests
        if request.axis not in ("none", "nested")
    ]
    promoted = {}
    for network in networks:
        if network.complete and network.pooling:
            seeds = sorted(network.tallied["seed"].unique().tolist())
            kept = f"{results}/{run.study.name}/studies/networks/{network.digest}.toml"
            promoted[network.digest] = (
                f"ablate promote --shapes {network.shapes} --pooling {network.pooling} --seeds "
                f"{','.join(map(str, seeds))} --study {shlex.quote(kept)}"
            )
    lines += promoted.values()
    if any(", nested" in row.name for row in table1_rows(stored, networks)):
        lines.append("# nested rows of Table 1: the same promote with --best --nested for --shapes")
    lines += [f"ablate plot {study}", f"ablate report {study}"]
    return lines


def _asked(request: Request) -> str:
    """Command and options that ask for the same again."""
    if request.axis == SEARCH:
        seeds = ",".join(map(str, request.seeds))
        return f"search --trials {request.trials} {request.options} --seeds {seeds}"
    return f"grid {_grid_options(request)}"


def _grid_options(request: Request) -> str:
    windows = ",".join(f"{window:g}" for window in request.windows)
    rest = f"--windows {windows} --seeds {','.join(map(str, request.seeds))}"
    if request.axis not in (*AXES, "both", "product"):
        return f"--shapes {shapes_text(request.shapes)} {rest}"
    # Which shapes of "both" lie on which axis is for the grid to say; named one by one they are
    # the same cells.
    heights = sorted({shape.height for shape in request.shapes})
    widths = sorted({shape.width for shape in request.shapes})
    if request.axis == "both":
        return f"--shapes {shapes_text(request.shapes)} {rest}"
    values = {
        "height": f"--values {','.join(map(str, heights))}",
        "width": f"--values {','.join(map(str, widths))}",
        "product": f"--set grid.heights={heights} --set grid.widths={widths}".replace(" [", "["),
    }[request.axis]
    return f"--axis {request.axis} {values.replace(', ', ',')} {rest}"
