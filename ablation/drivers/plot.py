"""Figure 2 from stored rows, with the numbers it shows beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablation.analysis import AXES, Axis, axis_curve
from ablation.drivers import settings
from ablation.drivers.settings import AsRun, study_folder
from ablation.errors import SelectionError, StudyError, suggestion
from ablation.figures import FORMATS, Panel, draw_figure2, save_figure
from ablation.files import atomic_write, write_text
from ablation.records import OK
from ablation.store import ResultStore


@dataclass(frozen=True)
class Drawn:
    """The files written, and remarks on what the rows lack."""

    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def finished_probes(results: Path, run: AsRun) -> tuple[pd.DataFrame, list[str]]:
    """Finished probe cells of the digest, and the files that could not be read."""
    content = ResultStore(study_folder(results, run.study.name)).read("probes")
    rows = content.frame()
    return rows[(rows["digest"] == run.digest) & (rows["status"] == OK)], content.damaged


def curve_of(
    rows: pd.DataFrame, run: AsRun, axis: Axis, window_ms: float | None = None
) -> pd.DataFrame:
    """The axis' curve at the study's fixed side; ``window_ms`` is the study's unless given."""
    fixed = fixed_side(run, axis)
    window_ms = window_ms or run.study.features.window_ms
    expected: Counter[int] = Counter()
    for height, width, window, _, _ in run.cell_keys():
        extent, other = (height, width) if axis.name == "height" else (width, height)
        if (other, window) == (fixed, window_ms):
            expected[extent] += 1
    return axis_curve(rows, axis, fixed, window_ms, run.classes, expected)


def fixed_side(run: AsRun, axis: Axis) -> int:
    """The extent of the side that an axis does not vary."""
    grid = run.study.grid
    return grid.fixed_width if axis.name == "height" else grid.fixed_height


def plot(
    results: Path,
    figures: Path,
    run: AsRun,
    classes: Sequence[str] | None = None,
    formats: Sequence[str] = ("png",),
) -> Drawn:
    """Draw Figure 2 into ``figures/<study>``.

    Parameters
    ----------
    classes
        Classes to draw beside WA; None: all but happy, as in the paper.

    Raises
    ------
    SelectionError
        When no cell of either axis is finished.
    StudyError
        For an unknown class or format.
    """
    shown = _classes(run, classes)
    for name in formats:
        if name not in FORMATS:
            raise StudyError(f"unknown figure format {name!r}", suggestion(name, FORMATS))
    rows, damaged = finished_probes(results, run)
    remarks = [f"{file} is damaged and left out" for file in damaged]
    if hidden := [label for label in run.classes if label not in shown]:
        remarks.append(f"not drawn: {', '.join(hidden)} (--classes {','.join(run.classes)})")
    windows = sorted(set(rows["window_ms"]) - {run.study.features.window_ms})
    if windows:
        remarks.append(
            f"not drawn: analysis windows of {', '.join(f'{window:g}' for window in windows)} ms"
        )
    panels = []
    for axis in AXES.values():
        curve = curve_of(rows, run, axis)
        if len(curve) < 2:
            remarks.append(
                f"no {axis.name} axis: {len(curve)} shape of it is stored "
                f"(ablate grid --axis {axis.name})"
            )
            continue
        panels.append(_panel(run, axis, curve))
        for row in curve[~curve["complete"]].to_dict("records"):
            remarks.append(
                f"{axis.name} {row['extent']}: {row['cells']} of {row['expected']} cells are "
                f"finished (drawn hollow)"
            )
    if not panels:
        raise SelectionError(
            f"nothing to draw: study {run.study.name}, settings {run.digest}, has no axis with two "
            f"finished shapes",
            f"run ablate grid --axis both with the same --study"
            f"{settings.others_text(results, run)}",
        )
    folder = figures / run.study.name
    files = []
    for name in formats:
        path = folder / f"figure2.{name}"
        # Drawn anew for each: a layout settled for one format's resolution would shift the next.
        figure = draw_figure2(panels, shown, run.majority, _title(run))
        with atomic_write(path) as file:
            save_figure(figure, file, name)
        files.append(path)
    data = pd.concat([panel.curve.assign(axis=panel.axis.name) for panel in panels])
    table = folder / "figure2.csv"
    write_text(table, data.to_csv(index=False))
    return Drawn((*files, table), tuple(remarks))


def _panel(run: AsRun, axis: Axis, curve: pd.DataFrame) -> Panel:
    features = run.study.features
    height = axis.name == "height"
    complete = curve[curve["complete"]]  # sorted by extent: of equal ones the smallest
    chosen = None if complete.empty else int(complete.nlargest(1, "wa")["extent"].iloc[0])
    # In time the window spans window_ms; in frequency its main lobe is 4 / window_ms wide.
    span = (
        4000 / features.window_ms / features.bin_hz
        if height
        else (features.window_ms / features.hop_ms)
    )
    return Panel(axis, curve, fixed_side(run, axis), chosen, span)


def _classes(run: AsRun, classes: Sequence[str] | None) -> list[str]:
    if classes is None:
        return [label for label in run.classes if label != "happy"]
    for label in classes:
        if label not in run.classes:
            raise StudyError(f"--classes: no class {label!r}", suggestion(label, run.classes))
    return list(classes)


def _title(run: AsRun) -> str:
    features = run.study.features
    return (
        f"{run.study.name}: accuracy over filter shape, {len(run.folds)} folds, "
        f"{len(run.seeds())} seed{'s' * (len(run.seeds()) > 1)}, "
        f"window {features.window_ms:g} ms ({run.digest})"
    )
