"""Figures from stored rows, each with the numbers it shows beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ablation.analysis.evidence import Evidence, other_settings
from ablation.analysis.networks import stored_networks
from ablation.analysis.study_results import StudyResults
from ablation.errors import named
from ablation.errors.common import InvalidOption, UnknownName
from ablation.errors.reading import NoCompleteAxis
from ablation.figures import FORMATS, save_figure
from ablation.figures.catalogue import drawings
from ablation.figures.drawing import Drawing, largest_classes
from ablation.files import atomic_write, write_text
from ablation.results.run_record import RunRecord
from ablation.study import AXES

_MOST_SHOWN = 9  # classes whose lines a reader can distinguish in one panel


@dataclass(frozen=True)
class Drawn:
    """The result of drawing: the files written, and remarks on what the rows lack."""

    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def plot(
    results: Path,
    figures: Path,
    run: RunRecord,
    classes: Sequence[str] | None = None,
    formats: Sequence[str] = ("png",),
    only: Sequence[str] | None = None,
) -> Drawn:
    """Draw what the rows are enough for into ``figures/<study>``, Figure 2 first.

    A figure that is already there in other formats too is renewed in all of them.

    Parameters
    ----------
    classes
        Classes to draw beside WA in Figure 2; None: all but happy, as in the paper, and at most
        the nine largest.
    formats
        Of ``png``, ``pdf`` and ``svg``.
    only
        Names of the figures to draw; None: all.

    Raises
    ------
    NoCompleteAxis
        When no axis has two finished shapes and no network is there to draw.
    UnknownName
        For an unknown class, format or figure.
    InvalidOption
        When no format or no figure is given.
    """
    shown = shown_classes(run, classes)
    _check("--format", formats, FORMATS)
    stored = StudyResults(results, run)
    evidence = Evidence(stored)
    found = list(drawings(evidence, stored_networks(stored), shown))
    if not found:
        raise NoCompleteAxis(run.study.name, run.digest, others=other_settings(results, run))
    if only is not None:
        _check("--only", only, [drawing.name for drawing in found])
        found = [drawing for drawing in found if drawing.name in only]
    files = [
        file for drawing in found for file in _write(drawing, figures / run.study.name, formats)
    ]
    return Drawn(tuple(files), (*_hidden(run, shown), *remarks(evidence)))


def _check(option: str, given: Sequence[str], known: Sequence[str]) -> None:
    if not given:
        raise InvalidOption(option, "", f"one or more of {', '.join(known)}")
    for name in given:
        if name not in known:
            raise UnknownName(option, name, known)


def _write(drawing: Drawing, folder: Path, formats: Sequence[str]) -> Iterator[Path]:
    there = [name for name in FORMATS if (folder / f"{drawing.name}.{name}").exists()]
    for name in dict.fromkeys([*formats, *there]):
        path = folder / f"{drawing.name}.{name}"
        # Drawn anew for each: a layout settled for one's resolution would shift the next.
        figure = drawing.draw()
        with atomic_write(path) as file:
            save_figure(figure, file, name)
        yield path
    table = folder / f"{drawing.name}.csv"
    write_text(table, drawing.data.to_csv(index=False))
    yield table


def _hidden(run: RunRecord, shown: Sequence[str]) -> list[str]:
    """Return a sentence on the classes that Figure 2 leaves out."""
    hidden = [label for label in run.classes if label not in shown]
    if not hidden:
        return []
    every = f"--classes {','.join(run.classes)}" if len(run.classes) <= _MOST_SHOWN else "--classes"
    return [f"not in Figure 2: {named(hidden, _MOST_SHOWN)} ({every})"]


def remarks(evidence: Evidence) -> list[str]:
    """Return what the rows lack, a sentence each."""
    run, stored = evidence.run, evidence.stored
    found = [f"{file} is damaged and was left out" for file in stored.damaged]
    if stored.unsound:
        names = ", ".join(f"{h}x{w} ({window:g} ms)" for h, w, window in sorted(stored.unsound))
        found.append(
            f"left out because predictions are missing: {names} (ablate grid --fresh trains them "
            f"again)"
        )
    drawn = {run.study.features.window_ms}
    drawn |= {window for reading in evidence.windows.values() for window in reading.chosen}
    if hidden := [window for window in stored.windows if window not in drawn]:
        found.append(
            f"not drawn: analysis windows of {', '.join(f'{window:g}' for window in hidden)} ms "
            f"(no axis has two complete shapes under them)"
        )
    for axis in AXES.values():
        curve = stored.curve(axis)
        finished = int((curve["cells"] > 0).sum()) if not curve.empty else 0
        if finished < 2 and run.axes:
            continue  # other fields were asked for
        if finished < 2:
            found.append(
                f"no {axis.name} axis: {'only one' if finished else 'no'} shape of it is stored "
                f"(ablate grid --axis {axis.name})"
            )
            continue
        for row in curve[~curve["complete"]].to_dict("records"):
            failed = f", {row['failed']} failed" if row["failed"] else ""
            found.append(
                f"{axis.name} {row['extent']}: {row['cells']} of {row['expected']} cells are "
                f"finished{failed} ({'drawn hollow' if row['cells'] else 'marked with a cross'})"
            )
    return found


def shown_classes(run: RunRecord, classes: Sequence[str] | None) -> list[str]:
    """Return the classes of Figure 2. Raise :class:`UnknownName` for an unknown one.

    None: all but happy, as in the paper, and of many classes the largest.
    """
    if classes is None:
        return [label for label in largest_classes(run, _MOST_SHOWN) if label != "happy"]
    for label in classes:
        if label not in run.classes:
            raise UnknownName("--classes", label, run.classes)
    return list(classes)
