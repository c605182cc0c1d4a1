"""Promotion: shapes chosen from the probes, cross-validated in the full network, as Table 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablation.analysis import AXES, choose_best, pooled_scores
from ablation.drivers import settings
from ablation.drivers.plot import curve_of, finished_probes, fixed_side
from ablation.drivers.prepare import Prepared, check_shapes, fold_data, prepare
from ablation.drivers.progress import Reporter
from ablation.drivers.running import Tally, run_cells, slots_of
from ablation.drivers.settings import AsRun, study_folder
from ablation.errors import SelectionError, StudyError, suggestion
from ablation.files import require_writable, write_text
from ablation.records import OK
from ablation.report import table1_markdown
from ablation.store import ResultStore
from ablation.study import Study, override_study
from ablation.training.task import Cell, CellTask

METRICS = ("wa", "ua")
_CHANGEABLE = ("network", "execution")


@dataclass(frozen=True)
class Chosen:
    """The shapes of Conv1, and the sentences that say why."""

    shapes: tuple[tuple[int, int], ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class PromotePlan:
    """The networks to be cross-validated and the cells still missing."""

    prepared: Prepared
    run: AsRun
    chosen: Chosen
    digests: dict[str, str]  # of the network with each pooling
    cells: tuple[Cell, ...]
    missing: tuple[Cell, ...]


def choose_shapes(results: Path, run: AsRun, metric: str = "wa") -> Chosen:
    """The best height and the best width among the stored probes (paper, section 3.2).

    An axis with one finished shape leaves nothing to choose and gives no shape.

    Raises
    ------
    SelectionError
        When neither axis has two finished shapes.
    StudyError
        For an unknown metric.
    """
    allowed = [*METRICS, *run.classes]
    if metric not in allowed:
        raise StudyError(f"--metric: no score {metric!r}", suggestion(metric, allowed))
    column = metric if metric in METRICS else f"acc_{metric}"
    rows, _ = finished_probes(results, run)
    shapes, reasons = [], []
    for axis in AXES.values():
        curve = curve_of(rows, run, axis)
        if curve["complete"].sum() < 2:
            reasons.append(
                f"no {axis.name} was chosen: fewer than two shapes of that axis are complete "
                f"(ablate grid --axis {axis.name})"
            )
            continue
        choice = choose_best(curve, column)
        fixed = fixed_side(run, axis)
        shape = (choice.extent, fixed) if axis.name == "height" else (fixed, choice.extent)
        shapes.append(shape)
        reasons.append(f"{axis.name}: {shape[0]}x{shape[1]}, {choice.reason}")
    if not shapes:
        raise SelectionError(
            f"no shape can be chosen: study {run.study.name}, settings {run.digest}, has no axis "
            f"with two complete shapes",
            f"run ablate grid --axis both with the same --study"
            f"{settings.others_text(results, run)}",
        )
    return Chosen(settings.unique(shapes), tuple(reasons))


def change_settings(run: AsRun, overrides: Sequence[str]) -> Study:
    """The study as run with ``--set`` of what a probe's row does not depend on.

    Raises :class:`StudyError` for any other field.
    """
    for override in overrides:
        table = override.partition("=")[0].partition(".")[0].strip()
        if table not in _CHANGEABLE:
            raise StudyError(
                f"--set {override}: the probes were trained with [{table}] as it was run",
                "promote changes fields of network and execution only; for others run "
                "ablate grid again",
            )
    return override_study(run.study, overrides)


def with_pooling(study: Study, pooling: str) -> Study:
    """The study with another pooling."""
    return override_study(study, [f'network.pooling="{pooling}"'])


def plan_promote(
    results: Path,
    run: AsRun,
    study: Study,
    chosen: Chosen,
    poolings: Sequence[str],
    fresh: bool = False,
) -> PromotePlan:
    """Check the corpus against the probes' and list the cells; nothing is written.

    ``study`` is the one as run, with its network, execution and seeds as they are wanted now.

    Raises
    ------
    StudyError
        When the corpus is not the one the probes were trained on, or a shape is too large.
    """
    slots_of(study.execution)  # refuses a device that is not there
    check_shapes(study, chosen.shapes)
    prepared = prepare(study)
    if prepared.digest != run.digest:
        raise StudyError(
            f"the corpus in {study.corpus.root} is not the one that the probes of "
            f"{run.study.name} ({run.digest}) were trained on",
            "give that corpus by --corpus-root, or run ablate grid on this one",
        )
    cells = tuple(
        Cell("network", chosen.shapes, study.features.window_ms, seed, fold.name, pooling)
        for pooling in poolings
        for seed in settings.unique(study.grid.seeds)
        for fold in prepared.folds
    )
    digests = {pooling: _network_digest(run, study, chosen, pooling) for pooling in poolings}
    done = {
        (row["network_digest"], row["seed"], row["fold"])
        for row in ResultStore(study_folder(results, study.name)).read("networks").rows.to_pylist()
        if row["digest"] == run.digest and row["status"] == OK
    }
    missing = tuple(c for c in cells if fresh or (digests[c.pooling], c.seed, c.fold) not in done)
    return PromotePlan(prepared, run, chosen, digests, cells, missing)


def _network_digest(run: AsRun, study: Study, chosen: Chosen, pooling: str) -> str:
    names = [f"{height}x{width}" for height, width in chosen.shapes]
    return with_pooling(study, pooling).network_digest(run.digest, names)


def run_promote(plan: PromotePlan, results: Path, reporter: Reporter) -> Tally:
    """Cross-validate the missing networks; raises as :func:`ablation.drivers.grid.run_grid`."""
    study = plan.prepared.study
    tally = Tally(cells=len(plan.cells), stored=len(plan.cells) - len(plan.missing))
    if not plan.missing:
        return tally
    folder = study_folder(results, study.name)
    require_writable(folder)
    window = study.features.window_ms
    data = fold_data(plan.prepared, [window], reporter)
    studies = {pooling: with_pooling(study, pooling) for pooling in plan.digests}
    tasks = [
        CellTask(
            cell=cell,
            study=studies[cell.pooling],
            classes=plan.prepared.corpus.classes,
            digest=plan.run.digest,
            fold=data[window, cell.fold],
            network_digest=plan.digests[cell.pooling],
        )
        for cell in plan.missing
    ]
    run_cells(tasks, folder, study.execution, tally, reporter)
    return tally


def write_table1(plan: PromotePlan, results: Path) -> tuple[Path, str]:
    """Write ``table1.md`` of the plan's networks; return its path and text.

    Raises :class:`SelectionError` when none of their cells is finished.
    """
    folder = study_folder(results, plan.run.study.name)
    rows = ResultStore(folder).read("networks").frame()
    rows = rows[rows["network_digest"].isin(plan.digests.values()) & (rows["status"] == OK)]
    seeds = {cell.seed for cell in plan.cells}
    rows = rows[rows["seed"].isin(seeds)]
    if rows.empty:
        raise SelectionError("no fold of a network is finished", "run ablate promote again")
    scores = pooled_scores(rows, ["network", "pooling", "shapes"], plan.run.classes)
    order = pd.CategoricalIndex(scores["pooling"], categories=list(plan.digests), ordered=True)
    scores = scores.iloc[order.argsort()]
    scores["expected"] = len(plan.prepared.folds) * len(seeds)
    text = table1_markdown(
        scores,
        corpus=plan.run.study.corpus.name,
        classes=len(plan.run.classes),
        folds=len(plan.prepared.folds),
        majority=plan.run.majority,
        notes=[
            *(f"Conv1, {reason}." for reason in plan.chosen.reasons),
            f"Settings {plan.run.digest}; network "
            + ", ".join(f"{name} {digest}" for name, digest in plan.digests.items())
            + ".",
        ],
    )
    path = folder / "table1.md"
    write_text(path, text)
    return path, text
