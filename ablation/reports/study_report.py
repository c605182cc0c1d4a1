"""``ablate report``: everything a study says, on one page, as Markdown and as LaTeX tables."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablation.analysis.evidence import Evidence
from ablation.analysis.networks import StoredNetwork, stored_networks
from ablation.analysis.study_results import StudyResults
from ablation.analysis.verdicts import MARGIN
from ablation.errors import counted
from ablation.figures import svg_text
from ablation.figures.catalogue import drawings
from ablation.figures.drawing import Drawing
from ablation.figures.plot import shown_classes
from ablation.files import write_text
from ablation.reports import Document, Picture, Section, render_html, render_latex, render_markdown
from ablation.reports.answer import answer
from ablation.reports.document import picked
from ablation.reports.provenance import commands, facts
from ablation.reports.sections.axes import axes_section
from ablation.reports.sections.controls import controls_section
from ablation.reports.sections.field_axes import field_axes_answer, field_axes_sections
from ablation.reports.sections.method import METHOD
from ablation.reports.sections.networks import networks_section
from ablation.reports.sections.search import search_answer, search_section
from ablation.reports.sections.statistics import statistics_section
from ablation.reports.sections.stored import failures_section, shapes_section
from ablation.reports.sections.training import training_section
from ablation.reports.warnings import report_warnings
from ablation.results.run_record import RunRecord
from ablation.study import Shape


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
    margin: float = MARGIN,
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
    margin
        The difference (0..1) within which two shapes are practically equivalent.

    Raises
    ------
    UnknownName
        For an unknown metric or class.
    ReferenceOffAxes, ReferencesShareAxis
        For references that are not one per axis.
    """
    stored = StudyResults(results, run)
    evidence = Evidence(stored, references, metric, margin)
    shown = shown_classes(run, classes)
    networks = stored_networks(stored)
    pictures = {drawing.name: _picture(drawing) for drawing in drawings(evidence, networks, shown)}
    again = commands(results, figures, stored, networks)
    document = document_of(evidence, networks, pictures, again)
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


def document_of(
    evidence: Evidence,
    networks: Sequence[StoredNetwork],
    pictures: Mapping[str, Picture],
    again: Sequence[str],
) -> Document:
    """Return everything that a study says, with ``pictures`` by name and the commands ``again``."""
    return Document(
        title=f"{evidence.run.study.title}: which receptive field?",
        subtitle=_subtitle(evidence),
        answer=_answer(evidence),
        lacking=tuple(report_warnings(evidence, networks)),
        sections=tuple(_sections(evidence, networks, pictures)),
        facts=tuple(facts(evidence, networks)),
        commands=tuple(again),
    )


def _sections(
    evidence: Evidence, networks: Sequence[StoredNetwork], pictures: Mapping[str, Picture]
) -> list[Section]:
    """Return all sections for which there is something to say; ``pictures`` by name."""
    classes = picked(pictures, "classes", "confusion")
    made = [
        axes_section(evidence, pictures),
        search_section(evidence, pictures),
        statistics_section(evidence, pictures),
        *field_axes_sections(evidence, pictures),
        Section("classes", "Classes and confusions", pictures=classes),
        controls_section(evidence, pictures),
        networks_section(evidence, networks, pictures),
        training_section(evidence, pictures),
        shapes_section(evidence),
        failures_section(evidence),
        Section("method", "How to read this", paragraphs=METHOD),
    ]
    return [
        part
        for part in made
        if part is not None and (part.paragraphs or part.pictures or part.tables)
    ]


def _answer(evidence: Evidence) -> str:
    """Return what the axes say; where there is none, a search, or the axes of fields."""
    found = search_answer(evidence.stored) if not evidence.axes else ""
    if not found and not evidence.axes:
        found = field_axes_answer(evidence)
    return found or answer(evidence.axes, evidence.run.majority, settled=evidence.settled)


def _picture(drawing: Drawing) -> Picture:
    svg = svg_text(drawing.draw())
    return Picture(drawing.name, drawing.caption, drawing.description, svg)


def _subtitle(evidence: Evidence) -> str:
    run, study = evidence.run, evidence.run.study
    counts = ", ".join(f"{n} {label}" for label, n in zip(run.classes, run.counts, strict=True))
    scheme = "leave-one-speaker-out" if study.folds.scheme == "speaker" else "speaker groups"
    own = study.probe.factory
    return (
        f"{study.corpus.name}: {counted(sum(run.counts), 'utterance')} ({counts}); "
        f"{counted(len(run.folds), 'fold')}, {scheme}; settings {run.digest}"
        + (f'; every "probe" below is a model of your own, {own}' if own else "")
    )
