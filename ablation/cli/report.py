"""``ablate report`` and ``ablate compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablation.cli import completion
from ablation.cli.failures import say
from ablation.cli.options import (
    DEMO,
    FIGURES,
    RESULTS,
    DigestOption,
    FiguresOption,
    ResultsOption,
    StudyOption,
    parse_shapes,
    parse_words,
    study_name,
)

if TYPE_CHECKING:
    from ablation.study import Shape

ReferenceOption = Annotated[
    str | None,
    typer.Option(
        "--reference", help="Pre-specified shapes, e.g. 10x2,2x8; default: the paper's extents."
    ),
]
MetricOption = Annotated[
    str, typer.Option(help="wa, ua or a class (its recall).", autocompletion=completion.metrics)
]


def report(
    study: StudyOption = DEMO,
    reference: ReferenceOption = None,
    metric: MetricOption = "wa",
    classes: Annotated[
        str | None,
        typer.Option(
            help="Classes in Figure 2 beside WA; default: all but happy, as in the paper."
        ),
    ] = None,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
) -> None:
    """Write the report as HTML, Markdown and LaTeX."""
    from ablation.cli import evidence_printing
    from ablation.report.study_report import report as write
    from ablation.results import run_record

    run = run_record.find_run(results, study_name(study), digest)
    evidence_printing.say_taken(run, study, results)
    shown = None if classes is None else parse_words(classes)
    written = write(results, figures, run, _references(reference), metric, shown)
    for line in written.lacking:
        say(f"warning: {line}")
    print(written.answer)
    for file in written.files:
        print(file)


def compare(
    study: Annotated[
        list[Path] | None,
        typer.Option(
            "--study",
            help="The study; given twice: choose on the first, test on the second.",
            autocompletion=completion.studies,
        ),
    ] = None,
    axis: Annotated[
        str | None, typer.Option(help="height or width.", autocompletion=completion.axes)
    ] = None,
    reference: ReferenceOption = None,
    metric: MetricOption = "wa",
    rule: Annotated[
        str,
        typer.Option(
            help="best, one-se or plateau (two studies).", autocompletion=completion.rules
        ),
    ] = "best",
    pairs: Annotated[
        bool,
        typer.Option("--pairs", help="All pairs instead of one reference (one study)."),
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Choose again even if a choice is already recorded.")
    ] = False,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
) -> None:
    """Test which shapes differ significantly.

    With two studies: choose a shape on the first and test that one contrast on the second.
    """
    from ablation.analysis.evidence import Evidence
    from ablation.analysis.study_results import StudyResults
    from ablation.cli import evidence_printing
    from ablation.errors.common import InvalidOption
    from ablation.report.compare import Choosing, confirm
    from ablation.results import run_record

    files = study or [DEMO]
    names = [study_name(path) for path in files]
    if len(names) > 2:
        raise InvalidOption("--study", ", ".join(names), "one study or two")
    first = run_record.find_run(results, names[0], digest)
    evidence_printing.say_taken(first, files[0], results)
    given = _references(reference)
    if len(names) == 1:
        evidence = Evidence(StudyResults(results, first), given, metric)
        evidence_printing.print_comparisons(evidence, axis, pairs)
        return
    there = run_record.any_run(results, names[1])
    second = run_record.find_run(results, names[1]) if there else None
    if second is not None:
        evidence_printing.say_taken(second, files[1], results)
    if given is not None and len(given) > 1:
        raise InvalidOption("--reference", reference, "one shape", "10x2")
    how = Choosing(axis, rule, metric, given[0] if given else None, anew)
    evidence_printing.print_confirmed(confirm(results, first, second, names[1], how))


def _references(text: str | None) -> tuple[Shape, ...] | None:
    return None if text is None else parse_shapes(parse_words(text), "--reference")
