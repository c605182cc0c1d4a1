"""``ablate compare``: a contrast chosen on one study and tested on another.

What is chosen on a corpus has a score that is biased upwards there. So the contrast is recorded
first, and the other study tests it once, which needs no adjustment.
"""

import glob
import re
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from ablation.analysis import RULES, SIGNIFICANCE, Comparison, Counts, against_reference
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.errors.common import UnknownName
from ablation.errors.reading import (
    ContrastOfOtherSettings,
    ContrastUntested,
    NoCompleteAxis,
    OtherContrast,
    PlateauAtStart,
    ReferenceIsChoice,
    ReferenceNotComplete,
    RowsDiffer,
    SameRecordings,
    SameStudy,
    SpeakersDiffer,
    TooFewSpeakers,
    UnitsDiffer,
    UnreadableContrast,
)
from ablation.reports.contrast import Contrast, Tested, read_contrast, write_contrast
from ablation.results.run_record import RunRecord, now, study_folder
from ablation.study import AXES, Shape
from ablation.study.extents import rows_text


@dataclass(frozen=True)
class Confirmed:
    """A contrast, its file, whether it is new, and what the second study says of it.

    ``standing`` is how many contrasts of the two studies are recorded, this one included.
    """

    contrast: Contrast
    file: Path
    new: bool
    found: Comparison
    speakers: int
    standing: int

    @property
    def verdict(self) -> str:
        """What the one test says of the difference that was chosen on the first study."""
        if self.found.p > SIGNIFICANCE:
            return "Not confirmed: in the second study, the two are not significantly different."
        if self.found.difference.estimate * self.contrast.difference > 0:
            direction, word = "same", "Confirmed"
        else:
            direction, word = "other", "Contradicted"
        return (
            f"{word}: the second study finds a significant difference in the {direction} direction."
        )


@dataclass(frozen=True)
class Choosing:
    """How to choose the contrast; ``axis`` None: the first axis with two complete shapes."""

    axis: str | None = None
    rule: str = "best"
    metric: str = "wa"
    reference: Shape | None = None
    anew: bool = False


def confirm(
    results: Path, first: RunRecord, second: RunRecord | None, name: str, how: Choosing
) -> Confirmed:
    """Record the contrast of ``first``, or take the recorded one, and test it on ``second``.

    Parameters
    ----------
    second
        None: nothing of the study ``name`` is stored yet. The contrast is recorded all the same.

    Raises
    ------
    SelectionError
        When ``first`` has no axis to choose from, or ``second`` lacks a shape: the contrast is
        then recorded, and the error names the command that trains what is missing.
    StudyError
        For an unknown rule, metric or reference, the same study twice, or studies whose bins or
        frames differ.
    """
    if name == first.study.name:
        raise SameStudy(name)
    if second is not None:
        _check_units(first, second)
        if first.fingerprint and first.fingerprint == second.fingerprint:
            raise SameRecordings([first.study.name, name])
    if how.rule not in RULES:
        raise UnknownName("--rule", how.rule, list(RULES))
    evidence = Evidence(StudyResults(results, first), None, how.metric)
    axis = _axis(evidence, how.axis)
    folder = study_folder(results, first.study.name) / "contrasts"
    file = folder / _name(name, axis, how, evidence.metric)
    target = None if second is None else StudyResults(results, second)
    standing = read_contrast(file)
    if standing is not None and how.anew:
        aside = f"{file.stem}-until-{now():%Y%m%dT%H%M%S}.json"
        write_contrast(file.with_name(aside), standing)
        standing = None
    if standing is not None:
        _check_standing(standing, file, evidence, name)
    contrast = standing or _choose(evidence, axis, how, name, target)
    if standing is None:
        write_contrast(file, contrast)
    models = _models(contrast, file, target)
    family = against_reference(models, contrast.reference, contrast.metric)
    if not family.comparisons or target is None:
        raise TooFewSpeakers(name, family.speakers)
    found = family.comparisons[0]
    contrast = _noted(contrast, found, target.run.digest, family.speakers)
    write_contrast(file, contrast)
    others = len(list(folder.glob(f"{glob.escape(file.stem.partition('-' + axis)[0])}-*.json")))
    return Confirmed(contrast, file, standing is None, found, family.speakers, others)


def _check_standing(contrast: Contrast, file: Path, evidence: Evidence, name: str) -> None:
    """Raise StudyError when the recorded contrast is not of these studies and settings."""
    run = evidence.run
    if (contrast.study, contrast.tested_on) != (run.study.name, name):
        recorded = (contrast.study, contrast.tested_on)
        raise OtherContrast(file, recorded, (run.study.name, name))
    if contrast.digest != run.digest:
        raise ContrastOfOtherSettings(file, contrast.digest, run.digest)
    if contrast.chosen == contrast.reference or contrast.metric != evidence.metric:
        raise UnreadableContrast(file, "it was edited")


def _models(contrast: Contrast, file: Path, target: StudyResults | None) -> dict[str, Counts]:
    """Return the two shapes' counts on the second study."""
    shapes = {} if target is None else {str(s): c for s, c in target.shapes().items()}
    wanted = (contrast.chosen, contrast.reference)
    if missing := [name for name in wanted if name not in shapes]:
        digest = "" if target is None else target.run.digest
        raise ContrastUntested(file, wanted, contrast.tested_on, digest, missing)
    models = {name: shapes[name] for name in wanted}
    if len({counts.speakers for counts in models.values()}) > 1:
        raise SpeakersDiffer(contrast.tested_on, wanted)
    return models


def _noted(contrast: Contrast, found: Comparison, digest: str, speakers: int) -> Contrast:
    """Return the contrast with this test added, unless the same rows were tested before."""
    test = Tested(
        at=now(),
        digest=digest,
        speakers=speakers,
        difference=found.difference.estimate,
        low=found.difference.low,
        high=found.difference.high,
        p=found.p,
    )
    same = any(t.model_copy(update={"at": test.at}) == test for t in contrast.tests)
    return contrast if same else contrast.model_copy(update={"tests": (*contrast.tests, test)})


def _check_units(first: RunRecord, second: RunRecord) -> None:
    one, other = first.study.features, second.study.features
    if one.kind != "linear" or other.kind != "linear":
        rows = rows_text(one), rows_text(other)
        if rows[0] != rows[1]:
            raise RowsDiffer((first.study.name, second.study.name), rows)
        if one.hop_ms == other.hop_ms:
            return
    if (one.bin_hz, one.hop_ms) != (other.bin_hz, other.hop_ms):
        raise UnitsDiffer(
            (first.study.name, second.study.name),
            (one.bin_hz, other.bin_hz),
            (one.hop_ms, other.hop_ms),
        )


def _axis(evidence: Evidence, wanted: str | None) -> str:
    if wanted is not None and wanted not in AXES:
        raise UnknownName("--axis", wanted, list(AXES))
    found = [name for name in evidence.axes if wanted in (None, name)]
    if not found:
        raise NoCompleteAxis(evidence.run.study.name, evidence.run.digest, wanted or "")
    return found[0]


def _name(second: str, axis: str, how: Choosing, metric: str) -> str:
    against = f"-against-{how.reference}" if how.reference else ""
    plain = re.sub(r"[^\w.+-]", "_", f"{second}-{axis}-{how.rule}-{metric}{against}")
    return f"{plain[:120].lstrip('.')}.json"


def _choose(
    evidence: Evidence, name: str, how: Choosing, other: str, target: StudyResults | None
) -> Contrast:
    axis = evidence.axes[name]
    choice = axis.choices[how.rule]
    chosen = axis.name(choice.extent)
    reference = _reference(evidence, name, how, choice.extent)
    named = {axis.name(extent): counts for extent, counts in axis.shapes.items()}
    stored_before = 0
    if target is not None:
        cells = target.probes["height"].astype(str) + "x" + target.probes["width"].astype(str)
        stored_before = int(cells.isin([chosen, reference]).sum())
    return Contrast(
        study=evidence.run.study.name,
        digest=evidence.run.digest,
        tested_on=other,
        axis=AXES[name].name,
        rule=how.rule,
        metric=evidence.metric,
        chosen=chosen,
        reference=reference,
        reason=choice.reason,
        difference=named[chosen].score(evidence.metric) - named[reference].score(evidence.metric),
        written_at=now().astimezone(UTC),
        stored_before=stored_before,
    )


def _reference(evidence: Evidence, name: str, how: Choosing, chosen: int) -> str:
    """Return what the choice is compared with.

    The shape named; for the plateau the next smaller extent, which it claims to beat; else the
    paper's, or where that is the choice or not stored, the smallest or largest.
    """
    axis = evidence.axes[name]
    if how.reference is not None:
        complete = [axis.name(extent) for extent in axis.shapes]
        if str(how.reference) not in complete:
            raise ReferenceNotComplete("--reference", str(how.reference), complete)
        if str(how.reference) == axis.name(chosen):
            raise ReferenceIsChoice(how.rule, str(how.reference))
        return str(how.reference)
    smaller = [extent for extent in axis.shapes if extent < chosen]
    if how.rule == "plateau":
        if not smaller:
            raise PlateauAtStart(name, axis.name(chosen))
        return axis.name(max(smaller))
    extents = [evidence.reference(AXES[name]), min(axis.shapes), max(axis.shapes)]
    return next(axis.name(e) for e in extents if e in axis.shapes and e != chosen)
