"""``ablate compare``: a contrast chosen on one study and tested on another.

What is chosen on a corpus scores too well on it. So the contrast is written down first, and what
the other study says of it is one test, which needs no adjustment.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from ablation.analysis import AXES, RULES, Comparison, against_reference
from ablation.drivers.evidence import Evidence
from ablation.drivers.settings import AsRun, now, study_folder
from ablation.drivers.stored import Stored, axis_shape, fixed_side
from ablation.errors import SelectionError, StorageError, StudyError, suggestion
from ablation.files import write_text
from ablation.study import Shape


class Contrast(BaseModel, frozen=True, extra="forbid"):
    """One comparison, written down before the study that tests it is asked.

    Attributes
    ----------
    chosen, reference
        The shape that the rule chose on the first study, and what it is held against.
    difference
        Of the scores on the first study (0..1), where the shape was chosen: flattering.
    stored_before
        How many cells of the two shapes the second study already had.
    """

    study: str
    digest: str
    tested_on: str
    axis: str
    rule: str
    metric: str
    chosen: str
    reference: str
    reason: str
    difference: float
    written_at: datetime
    stored_before: int


@dataclass(frozen=True)
class Confirmed:
    """A contrast, where it is written down, whether just now, and what the second study says."""

    contrast: Contrast
    file: Path
    new: bool
    found: Comparison
    speakers: int


@dataclass(frozen=True)
class Choosing:
    """How the contrast is chosen; ``axis`` None: the first that has two complete shapes."""

    axis: str | None = None
    rule: str = "best"
    metric: str = "wa"
    reference: Shape | None = None
    anew: bool = False


def confirm(results: Path, first: AsRun, second: AsRun, how: Choosing) -> Confirmed:
    """Write the contrast of ``first`` down, or take the one that stands, and test it on ``second``.

    Raises
    ------
    SelectionError
        When ``first`` has no axis to choose from, or ``second`` lacks a shape: the contrast then
        stands written, and the error names the command that trains what is missing.
    StudyError
        For an unknown rule, metric or reference, or studies whose bins or frames differ.
    """
    _check_units(first, second)
    if how.rule not in RULES:
        raise StudyError(f"--rule: no rule {how.rule!r}", suggestion(how.rule, RULES))
    evidence = Evidence(Stored(results, first), None, how.metric)
    axis = _axis(evidence, how.axis)
    file = study_folder(results, first.study.name) / "contrasts" / _name(second, axis, how)
    target = Stored(results, second)
    standing = None if how.anew else _read(file)
    contrast = standing or _choose(evidence, axis, how, target)
    if standing is None:
        write_text(file, contrast.model_dump_json(indent=2) + "\n")
    shapes = {str(shape): counts for shape, counts in target.shapes().items()}
    missing = [name for name in (contrast.chosen, contrast.reference) if name not in shapes]
    if missing:
        raise SelectionError(
            f"study {second.study.name}, settings {second.digest}, has not finished "
            f"{' and '.join(missing)}; the contrast {contrast.chosen} against "
            f"{contrast.reference} stands written in {file}",
            f"train: ablate grid --shapes {','.join(missing)} with that --study, then try again",
        )
    pair = {name: shapes[name] for name in (contrast.chosen, contrast.reference)}
    family = against_reference(pair, contrast.reference, contrast.metric)
    if not family.comparisons:
        raise SelectionError(
            f"study {second.study.name} has {family.speakers} speaker; a comparison needs two"
        )
    return Confirmed(contrast, file, standing is None, family.comparisons[0], family.speakers)


def _check_units(first: AsRun, second: AsRun) -> None:
    one, other = first.study.features, second.study.features
    if (one.bin_hz, one.hop_ms) != (other.bin_hz, other.hop_ms):
        raise StudyError(
            f"a bin is {one.bin_hz:g} Hz and a frame {one.hop_ms:g} ms in {first.study.name}, "
            f"{other.bin_hz:g} Hz and {other.hop_ms:g} ms in {second.study.name}",
            "the same filter is another extent there; compare studies of one spectrogram",
        )


def _axis(evidence: Evidence, wanted: str | None) -> str:
    if wanted is not None and wanted not in AXES:
        raise StudyError(f"--axis {wanted}", "allowed: height, width")
    found = [name for name in evidence.axes if wanted in (None, name)]
    if not found:
        which = f"{wanted} axis" if wanted else "axis"
        raise SelectionError(
            f"study {evidence.run.study.name} has no {which} with two complete shapes",
            "run ablate grid --axis height|width with that --study",
        )
    return found[0]


def _name(second: AsRun, axis: str, how: Choosing) -> str:
    against = f"-against-{how.reference}" if how.reference else ""
    return f"{second.study.name}-{axis}-{how.rule}-{how.metric}{against}.json"


def _read(file: Path) -> Contrast | None:
    if not file.exists():
        return None
    try:
        return Contrast.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise StorageError(
            f"cannot read the contrast {file}: {reason}", "restore it, or write it anew with --anew"
        ) from error


def _choose(evidence: Evidence, name: str, how: Choosing, target: Stored) -> Contrast:
    axis = evidence.axes[name]
    choice = axis.choices[how.rule]
    chosen = axis.name(choice.extent)
    reference = _reference(evidence, name, how.reference, choice.extent)
    named = {axis.name(extent): counts for extent, counts in axis.shapes.items()}
    cells = target.probes["height"].astype(str) + "x" + target.probes["width"].astype(str)
    return Contrast(
        study=evidence.run.study.name,
        digest=evidence.run.digest,
        tested_on=target.run.study.name,
        axis=name,
        rule=how.rule,
        metric=evidence.metric,
        chosen=chosen,
        reference=reference,
        reason=choice.reason,
        difference=named[chosen].score(evidence.metric) - named[reference].score(evidence.metric),
        written_at=now().astimezone(UTC),
        stored_before=int(cells.isin([chosen, reference]).sum()),
    )


def _reference(evidence: Evidence, name: str, wanted: Shape | None, chosen: int) -> str:
    """What the choice is held against: as named, else the paper's, else the smallest extent."""
    axis = evidence.axes[name]
    if wanted is not None:
        if str(wanted) not in {axis.name(extent) for extent in axis.shapes}:
            raise StudyError(
                f"--reference {wanted} is no complete shape of the {name} axis",
                f"there are: {', '.join(axis.name(extent) for extent in axis.shapes)}",
            )
        if str(wanted) == axis.name(chosen):
            raise SelectionError(f"the rule chooses {wanted} itself", "give another --reference")
        return str(wanted)
    kind = AXES[name]
    extents = [evidence.reference(kind), min(axis.shapes), max(axis.shapes)]
    extent = next(e for e in extents if e in axis.shapes and e != chosen)
    return str(axis_shape(evidence.run, kind, extent or fixed_side(evidence.run, kind)))
