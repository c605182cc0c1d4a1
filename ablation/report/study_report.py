"""``ablate report``: everything a study says, on one page, as Markdown and as LaTeX tables."""

import os
import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ablation.analysis.evidence import Evidence, references_scores
from ablation.analysis.networks import StoredNetwork, stored_networks
from ablation.analysis.study_results import StudyResults
from ablation.errors import counted
from ablation.figures import svg_text
from ablation.figures.catalogue import drawings
from ablation.figures.drawing import Drawing
from ablation.figures.plot import remarks, shown_classes
from ablation.files import write_text
from ablation.report import (
    Document,
    Picture,
    render_html,
    render_latex,
    render_markdown,
    wording,
)
from ablation.report.sections.listings import hours
from ablation.report.sections.search import search_answer
from ablation.report.sections.study import sections
from ablation.report.sections.table1 import table1_rows
from ablation.results.run_record import SEARCH, Request, RunRecord, as_study
from ablation.study import AXES, Shape, shapes_text


@dataclass(frozen=True)
class Reported:
    """The result of reporting: the files written, the answer, and the warnings."""

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
        Pre-specified shapes, one per axis; None: the paper's.
    metric
        Score that choices and tests go by: ``wa``, ``ua`` or a class.
    classes
        Classes in Figure 2; None: all but happy.

    Raises
    ------
    UnknownName
        For an unknown metric or class.
    ReferenceOffAxes, ReferencesShareAxis
        For references that are not one per axis.
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
        lacking=tuple(report_warnings(evidence, networks)),
        sections=tuple(sections(evidence, networks, pictures)),
        facts=tuple(_facts(evidence, networks)),
        commands=tuple(_commands(results, figures, stored, networks)),
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
    """Return what the axes say; where there is none, what a search has found."""
    found = search_answer(evidence.stored) if not evidence.axes else ""
    return found or wording.answer(evidence.axes, evidence.run.majority)


def _picture(drawing: Drawing) -> Picture:
    svg = svg_text(drawing.draw())
    return Picture(drawing.name, drawing.caption, drawing.description, svg)


def _subtitle(evidence: Evidence) -> str:
    run, study = evidence.run, evidence.run.study
    counts = ", ".join(f"{n} {label}" for label, n in zip(run.classes, run.counts, strict=True))
    scheme = "leave-one-speaker-out" if study.folds.scheme == "speaker" else "speaker groups"
    return (
        f"{study.corpus.name}: {counted(sum(run.counts), 'utterance')} ({counts}); "
        f"{counted(len(run.folds), 'fold')}, {scheme}; settings {run.digest}"
    )


def report_warnings(evidence: Evidence, networks: Sequence[StoredNetwork]) -> list[str]:
    """Return what is missing, failed or doubtful: what a reader must know before the numbers."""
    stored = evidence.stored
    asked, done = sum(stored.run.expected.values()), stored.done
    baselines = {n: counts.score("wa") for n, counts in references_scores(stored).items()}
    probes = {name: counts.score("wa") for name, counts in evidence.shapes.items()}
    scores = {n.label: n.counts.score("wa") for n in networks if n.complete}
    found = wording.doubts(evidence.axes, evidence.run.classes, probes, scores, baselines)
    if asked > done:
        failed = f", {len(stored.failed)} of them failed" if len(stored.failed) else ""
        found.append(
            f"{asked - done} of {asked} probe cells are not finished{failed}: ablate grid with the "
            f"same options trains what is missing. All statements here rest on complete shapes "
            f"only."
        )
    found += remarks(evidence)
    for axis in evidence.axes.values():
        lone = axis.speakers < 2
        if lone or (axis.pairs is not None and not axis.pairs.can_reject):
            found.append(
                f"With {counted(axis.speakers, 'speaker')}, no difference between "
                f"{axis.axis.name}s can be significant at 5 %, whatever the scores: more speakers "
                f"are needed."
            )
    seeds = stored.named.groupby(["height", "width", "window_ms"])["seed"].nunique()
    if seeds.nunique() > 1:
        found.append(
            f"Shapes have different numbers of seeds ({seeds.min()} to {seeds.max()}), and each is "
            f"averaged over its own; ablate grid with the same --seeds for all makes them alike."
        )
    if evidence.axes and all(axis.noise.seeds < 2 for axis in evidence.axes.values()):
        found.append(
            "One seed: differences between shapes cannot be separated from variation between "
            "training runs (--seeds 0,1,2)."
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
        ("corpus fingerprint", run.fingerprint or "not recorded by the version that ran it"),
        ("folds", ", ".join(run.folds)),
        ("seeds", ", ".join(map(str, sorted(run.seeds())))),
        (
            "spectrogram",
            f"{counted(features.height, 'bin')} of {features.bin_hz:g} Hz x "
            f"{counted(features.width, 'frame')} of {features.hop_ms:g} ms, window "
            f"{features.window_ms:g} ms, normalised by {features.scope}",
        ),
        (
            "probe training",
            f"{training.optimizer}, {budget}, batch size {training.batch_size}, learning rate "
            f"{training.learning_rate:g} ({training.schedule})",
        ),
        ("engine", seen("engine")),
        ("device", seen("device")),
        ("threads per cell", seen("threads")),
        ("trained with ablation", seen("version")),
        ("reported with", f"Python {platform.python_version()}, {_versions()}"),
        ("probe cells", f"{len(stored.probes)} finished, {len(stored.failed)} failed"),
        ("networks", f"{len(networks)} stored"),
        (
            "training time (one worker)",
            f"{hours(stored.probes):.2f} h probes, {hours(stored.networks):.2f} h networks",
        ),
    ]


def _versions() -> str:
    from importlib.metadata import version

    packages = ("ablation", "torch", "numpy", "scipy", "pandas")
    return ", ".join(f"{name} {version(name)}" for name in packages)


def _commands(
    results: Path, figures: Path, stored: StudyResults, networks: Sequence[StoredNetwork]
) -> list[str]:
    """Return the command lines that make the study anew, quoted for a shell."""
    run = stored.run
    study, folder = as_study(results, run), ""
    if results != Path("results"):  # the commands' default
        folder = f" --results {shlex.quote(str(results))}"
    drawn = "" if figures == Path("figures") else f" --figures {shlex.quote(str(figures))}"
    lines = ["# the file named by --study has every setting of the probes or of the network"]
    lines += [
        f"ablate {_asked(request)} {study}{folder}"
        for request in run.requests
        if request.axis not in ("none", "nested")
    ]
    promoted = {}
    for network in networks:
        if network.complete and network.pooling:
            seeds = sorted(network.tallied["seed"].unique().tolist())
            kept = f"{results}/{run.study.name}/studies/networks/{network.digest}.toml"
            words = ["ablate", "promote", "--shapes", network.shapes, "--pooling", network.pooling]
            words += ["--seeds", ",".join(map(str, seeds)), "--study", kept]
            promoted[network.digest] = shlex.join(words) + folder
    lines += promoted.values()
    if any(", nested" in row.name for row in table1_rows(stored, networks)):
        lines.append("# nested rows of Table 1: the same with --best --nested instead of --shapes")
    lines += [f"ablate {command} {study}{folder}{drawn}" for command in ("plot", "report")]
    return lines


def _asked(request: Request) -> str:
    """Return the command and options that ask for the same again, quoted for a shell."""
    if request.axis == SEARCH:  # whose own options are stored as they are typed
        seeds = ",".join(map(str, request.seeds))
        return f"search --trials {request.trials} {request.options} --seeds {seeds}"
    return shlex.join(["grid", *_grid_options(request)])


def _grid_options(request: Request) -> list[str]:
    windows = ",".join(_shortest(window) for window in request.windows)
    rest = ["--windows", windows, "--seeds", ",".join(map(str, request.seeds))]
    if request.axis not in (*AXES, "both", "product"):
        return ["--shapes", shapes_text(request.shapes), *rest]
    # Which shapes of "both" lie on which axis is for the grid to say; named one by one they are
    # the same cells.
    heights = sorted({shape.height for shape in request.shapes})
    widths = sorted({shape.width for shape in request.shapes})
    if request.axis == "both":
        return ["--shapes", shapes_text(request.shapes), *rest]
    tall, wide = (",".join(map(str, extents)) for extents in (heights, widths))
    values = {
        "height": ["--values", tall],
        "width": ["--values", wide],
        "product": ["--set", f"grid.heights=[{tall}]", "--set", f"grid.widths=[{wide}]"],
    }[request.axis]
    return ["--axis", request.axis, *values, *rest]


def _shortest(number: float) -> str:
    """Return the shortest text that is read as the same number: "40", "23.219955"."""
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)
