"""What ``compare`` prints, and every command that takes stored settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ablation.analysis import AXES
from ablation.analysis.axes import MOST_PAIRED
from ablation.cli.failures import say
from ablation.cli.options import load_given
from ablation.errors import counted, named
from ablation.errors.common import UnknownName
from ablation.errors.reading import NoCompleteAxis, NoReference, TooManyPairs
from ablation.report import points, show, wording
from ablation.results import run_record

if TYPE_CHECKING:
    from ablation.analysis.evidence import Evidence
    from ablation.report.compare import Confirmed


def say_taken(run: run_record.RunRecord, study: Path, results: Path) -> None:
    """Say which stored settings were taken, and how they differ from the file ``study``."""
    say(
        f"study {run.study.name}: settings {run.digest}, last run {run.last_run:%Y-%m-%d %H:%M} UTC"
    )
    say_differing(run, study, results)


def say_differing(run: run_record.RunRecord, study: Path, results: Path) -> None:
    """Warn when the file ``study`` is another study, or has other settings than those used.

    Warn too of stored settings that cannot be read.
    """
    for fault in run_record.unreadable(results, run):
        say(f"warning: {fault.what}; it is ignored")
    given = load_given(study, [], None, None)
    found = run_record.differing(run, given)
    if not found:
        return
    own = [o for o in run_record.others(results, run) if not run_record.differing(o, given)]
    remedy = f"; --digest {own[0].digest} takes those of the file" if own else ""
    others = {name for name in found if name in ("corpus.name", "corpus.root", "corpus.labels")}
    if others:
        say(
            f"warning: these settings were run on another corpus than that of {study} "
            f"({run.study.corpus.name}, {run.study.corpus.root or 'no root given'}){remedy}; "
            f"studies of two corpora need two names, or separate --results folders"
        )
    else:
        say(f"note: these settings differ from {study} in {named(found, 4)}{remedy}")


def print_comparisons(evidence: Evidence, axis: str | None, pairs: bool) -> None:
    """Print the comparisons of an axis, with the reference or of all pairs."""
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
        for c in family.comparisons:
            mark = "*" if c.significant else " "
            print(
                f"{mark} {c.first:>7} - {c.second:<7} {points(c.difference):>22} points  "
                f"d_z {show(c.effect.estimate, 'number'):>6}  p {show(c.p, 'p'):>6}  "
                f"adjusted p {show(c.p_joint, 'p'):>6}"
            )
        for line in wording.limits(known):
            print(line)


def print_confirmed(confirmed: Confirmed) -> None:
    """Print a contrast and what the second study says of it."""
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
    print(wording.confirmation(found, contrast.difference))
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
