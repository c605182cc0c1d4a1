"""``ablate compare``: which shapes of a study differ, or whether a choice holds on a second one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ablation.cli import completion
from ablation.cli.options import (
    DEMO,
    MetricOption,
    ReferenceOption,
    Stored,
    WithinOption,
    parse_margin,
    parse_references,
    study_name,
)
from ablation.errors import counted
from ablation.errors.common import InvalidOption, UnknownName
from ablation.errors.reading import NoCompleteAxis, NoReference, TooManyPairs

if TYPE_CHECKING:
    from ablation.analysis.evidence import Evidence
    from ablation.reports.compare import Confirmed


def compare(
    *,
    study: Annotated[
        list[Path] | None,
        Option(
            help="The study; given twice: choose on the first, test on the second.",
            autocompletion=completion.studies,
        ),
    ] = None,
    axis: Annotated[
        str | None,
        Option(help="height or width.", autocompletion=completion.among("height", "width")),
    ] = None,
    reference: ReferenceOption = None,
    metric: MetricOption = "wa",
    rule: Annotated[
        str,
        Option(
            help="best, one-se or plateau (two studies).",
            autocompletion=completion.among(*completion.RULES),
        ),
    ] = "best",
    within: WithinOption = None,
    pairs: Annotated[
        bool, Option("--pairs", help="All pairs instead of one reference (one study).")
    ] = False,
    anew: Annotated[
        bool, Option("--anew", help="Choose again even if a choice is already recorded.")
    ] = False,
    stored: Stored,
) -> None:
    """Test which shapes differ significantly, and which are practically equivalent.

    With two studies: choose a shape on the first and test that one contrast on the second.
    """
    from ablation.analysis.evidence import Evidence
    from ablation.analysis.study_results import StudyResults
    from ablation.reports.compare import Choosing, confirm
    from ablation.results import run_record

    files = study or [DEMO]
    if len(files) > 2:
        names = ", ".join(map(study_name, files))
        raise InvalidOption("--study", names, "one study or two")
    first = stored.taken(files[0])
    given = parse_references(reference)
    if len(files) == 1:
        margin = parse_margin(within)
        evidence = Evidence(StudyResults(stored.results, first), given, metric, margin)
        _print_comparisons(evidence, axis, pairs)
        return
    if within is not None:
        raise InvalidOption("--within", f"{within:g}", "one --study only")
    tested_on = study_name(files[1])
    there = run_record.any_run(stored.results, tested_on)
    second = Stored(None, stored.results).taken(files[1]) if there else None
    if given is not None and len(given) > 1:
        raise InvalidOption("--reference", reference, "one shape", "10x2")
    how = Choosing(axis, rule, metric, given[0] if given else None, anew)
    _print_confirmed(confirm(stored.results, first, second, tested_on, how))


def _print_comparisons(evidence: Evidence, axis: str | None, pairs: bool) -> None:
    """Print the comparisons of an axis, with the reference or of all pairs."""
    from ablation.analysis.axes import MOST_PAIRED
    from ablation.analysis.verdicts import verdicts
    from ablation.reports import points, show
    from ablation.reports.sections.statistics import verdicts_sentence
    from ablation.reports.wording import capital, limits
    from ablation.study import AXES

    if axis is not None and axis not in AXES:
        raise UnknownName("--axis", axis, list(AXES))
    found = [known for name, known in evidence.axes.items() if axis in (None, name)]
    if not found:
        raise NoCompleteAxis(evidence.run.study.name, evidence.run.digest, axis or "")
    shown = [(known, known.pairs if pairs else known.against) for known in found]
    if not any(family for _, family in shown):
        if pairs:
            raise TooManyPairs(min(len(known.shapes) for known in found), MOST_PAIRED)
        names = [known.name(extent) for known in found for extent in known.shapes]
        raise NoReference(list(dict.fromkeys(names)))
    for known, family in shown:
        if family is None:
            why = (
                "too many shapes"
                if pairs
                else "its reference has not finished all its folds and seeds"
            )
            print(f"{known.axis.name}: not compared, {why}")
            continue
        title = "all pairs" if pairs else f"compared with the pre-specified {family.reference}"
        number = counted(len(family.comparisons), "comparison")
        print(f"{known.axis.name}: {title} by sign-flip tests; p adjusted for {number}")
        for c, verdict in zip(
            family.comparisons, verdicts(family, evidence.margin).of, strict=True
        ):
            print(
                f"  {c.first:>7} - {c.second:<7} {points(c.difference):>22} points  "
                f"d_z {show(c.effect.estimate, 'number'):>6}  p {show(c.p, 'p'):>6}  "
                f"adjusted p {show(c.p_joint, 'p'):>6}  {verdict}"
            )
        print(capital(verdicts_sentence(family, evidence.margin)))
        for line in limits(known, evidence.settled):
            print(line)


def _print_confirmed(confirmed: Confirmed) -> None:
    """Print a contrast and what the second study says of it."""
    from ablation.reports import points, show

    contrast, found = confirmed.contrast, confirmed.found
    written = "recorded now" if confirmed.new else "recorded"
    print(f"contrast: {contrast.chosen} compared with {contrast.reference} ({contrast.metric})")
    print(
        f"chosen on {contrast.study} ({contrast.rule}: {contrast.reason}), where the difference is "
        f"{show(contrast.difference, 'points')} points"
    )
    print(f"{written} {contrast.written_at:%Y-%m-%d %H:%M} UTC: {confirmed.file}")
    if contrast.stored_before:
        print(
            f"{contrast.tested_on} had {counted(contrast.stored_before, 'cell')} of these shapes "
            f"before the contrast was recorded: their scores may have been seen"
        )
    print(
        f"tested on {contrast.tested_on}, {counted(confirmed.speakers, 'speaker')}: "
        f"{points(found.difference)} points, d_z {show(found.effect, 'number')}, "
        f"p = {show(found.p, 'p')}"
    )
    print(confirmed.verdict)
    for test in contrast.tests[:-1]:
        print(
            f"tested before, {test.at:%Y-%m-%d %H:%M} UTC on settings {test.digest}: "
            f"{show(test.difference, 'points')} points, p = {show(test.p, 'p')}; report the first "
            f"test"
        )
    if confirmed.standing > 1:
        print(
            f"{confirmed.standing} contrasts of these two studies are recorded: compare each p "
            f"with 5 % divided by {confirmed.standing}"
        )
