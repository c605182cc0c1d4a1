"""``ablate plot`` and ``ablate report``: what they write of a study's stored rows."""

import os
from collections.abc import Iterable
from contextlib import chdir
from pathlib import Path
from typing import Annotated

from typer import Option

from ablation.cli.failures import say
from ablation.cli.options import (
    DEMO,
    FIGURES,
    FiguresOption,
    MetricOption,
    ReferenceOption,
    Stored,
    StudyOption,
    WithinOption,
    parse_margin,
    parse_references,
    parse_words,
)


def plot(
    *,
    study: StudyOption = DEMO,
    classes: Annotated[
        str | None,
        Option(
            help="Classes whose recall to draw with WA; default: all but happy, as in the paper."
        ),
    ] = None,
    format_: Annotated[str, Option("--format", help="Comma-separated: png, pdf, svg.")] = "png",
    only: Annotated[str | None, Option(help="Draw only these figures, e.g. figure2,costs.")] = None,
    stored: Stored,
    figures: FiguresOption = FIGURES,
) -> None:
    """Draw the paper's Figure 2 and all other figures."""
    import_matplotlib()
    from ablation.figures.plot import plot as draw

    run = stored.taken(study)
    chosen = None if classes is None else parse_words(classes)
    wanted = None if only is None else parse_words(only)
    drawn = draw(stored.results, figures, run, chosen, parse_words(format_), wanted)
    _print_written("note", drawn.remarks, drawn.files)


def report(
    *,
    study: StudyOption = DEMO,
    reference: ReferenceOption = None,
    metric: MetricOption = "wa",
    classes: Annotated[
        str | None,
        Option(help="Classes in Figure 2 beside WA; default: all but happy, as in the paper."),
    ] = None,
    within: WithinOption = None,
    stored: Stored,
    figures: FiguresOption = FIGURES,
) -> None:
    """Write the report as HTML, Markdown and LaTeX."""
    import_matplotlib()
    from ablation.reports.study_report import report as write

    run = stored.taken(study)
    shown = None if classes is None else parse_words(classes)
    given = parse_references(reference)
    margin = parse_margin(within)
    written = write(stored.results, figures, run, given, metric, shown, margin)
    _print_written("warning", written.lacking, [written.answer, *written.files])


def import_matplotlib() -> None:
    """Import matplotlib without the user's settings, which its import would read and complain of.

    They may name a backend that does not exist, and lie in the working folder before all others.
    """
    os.environ |= {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}
    with chdir(Path(__file__).parent):
        import matplotlib  # noqa: F401


def _print_written(kind: str, remarks: Iterable[str], written: Iterable[object]) -> None:
    """Say what is lacking, as a ``kind`` of line; print the files."""
    for remark in remarks:
        say(f"{kind}: {remark}")
    for line in written:
        print(line)
