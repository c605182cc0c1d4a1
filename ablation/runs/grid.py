"""The grid of probes, over filter heights, widths, both axes or their product, and its controls."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ablation.corpora.folds import Fold
from ablation.files import require_writable
from ablation.models.given import packed
from ablation.progress import Reporter
from ablation.results import ResultStore, run_record
from ablation.results.schema import OK
from ablation.runs.baseline_plan import baseline_cells
from ablation.runs.best_so_far import BestSoFar
from ablation.runs.callbacks import Callbacks
from ablation.runs.plans import GridPlan, Plan
from ablation.runs.prepare import (
    Prepared,
    check_model,
    check_shapes,
    check_speakers,
    fold_data,
    prepare,
)
from ablation.runs.runner import Tally, check_devices, run_cells
from ablation.study import CellKey, CellKind, FeaturesSpec, Shape, Study, at_window
from ablation.study.baselines import CONTROLS
from ablation.training.task import Cell, CellTask, FoldData

AXES = ("height", "width", "both", "product")


def axis_shapes(study: Study, axis: str) -> tuple[Shape, ...]:
    """Return the shapes of an axis of the study's grid, without repetitions."""
    grid = study.grid
    heights = [Shape(height, grid.fixed_width) for height in grid.heights]
    widths = [Shape(grid.fixed_height, width) for width in grid.widths]
    shapes = {
        "height": heights,
        "width": widths,
        "both": heights + widths,
        "product": [Shape(height, width) for height in grid.heights for width in grid.widths],
    }[axis]
    return run_record.unique(shapes)


def plan_grid(
    study: Study,
    axis: str | Sequence[Shape],
    results: Path,
    fresh: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> GridPlan:
    """Check everything and list the cells; nothing is written.

    Parameters
    ----------
    axis
        One of :data:`AXES`, the shapes themselves, or the name of a baseline that is a control
        (:data:`~ablation.study.baselines.CONTROLS`).
    fresh
        Whether stored cells are to be trained again.
    shard
        (i, n): every n-th cell, from the i-th on. The parts of a request have no cell in common,
        whatever is stored.

    Raises
    ------
    AblationError
        Whatever is wrong with study, corpus, folds or stored rows.
    """
    windows = run_record.unique(study.grid.windows or [study.features.window_ms])
    if not isinstance(axis, str):
        return plan_shapes(study, "shapes", axis, windows, results, fresh, shard)
    if axis in CONTROLS:
        return _plan_control(study, axis, results, fresh, shard)
    return plan_shapes(study, axis, axis_shapes(study, axis), windows, results, fresh, shard)


def plan_shapes(
    study: Study,
    axis: str,
    shapes: Sequence[Shape],
    windows: Sequence[float],
    results: Path,
    fresh: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> GridPlan:
    """Plan given shapes and analysis windows (ms), named ``axis``, as :func:`plan_grid` does."""
    check_devices(study)
    prepared = prepare(study)
    return plan_cells(prepared, axis, shapes, windows, results, fresh, shard)


def plan_cells(
    prepared: Prepared,
    axis: str,
    shapes: Sequence[Shape],
    windows: Sequence[float],
    results: Path,
    fresh: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> GridPlan:
    """Plan the cells of a study whose corpus is read, as :func:`plan_shapes` does."""
    study = prepared.study
    for window in windows:
        check_shapes(at_window(study, window), shapes)
    check_speakers(prepared, study.training.speakers, "training.speakers")
    request = run_record.Request(
        axis, tuple(shapes), tuple(windows), run_record.unique(study.grid.seeds), run_record.now()
    )
    cells = _cells(request, prepared.folds)[shard[0] :: shard[1]]
    content = ResultStore(run_record.study_folder(results, study.name)).read("probes", [])
    done = {
        CellKey.of(row)
        for row in content.rows.to_pylist()
        if row["digest"] == prepared.digest and row["status"] == OK
    }
    missing = tuple(cell for cell in cells if fresh or cell.key not in done)
    check_model(study, len(prepared.corpus.classes), (cell.shapes[0] for cell in missing))
    return GridPlan(prepared, request, cells, missing, tuple(content.damaged), fresh, shard)


def _plan_control(
    study: Study, control: str, results: Path, fresh: bool, shard: tuple[int, int]
) -> GridPlan:
    """Plan a control on the folds of the grid, with the study's own window.

    Its request has no shapes and no seeds, as it draws nothing at random.
    """
    check_devices(study)
    prepared = prepare(study)
    window = study.features.window_ms
    request = run_record.Request(control, (), (window,), (), run_record.now())
    cells = tuple(baseline_cells(study, [control], prepared.folds, ()))[shard[0] :: shard[1]]
    content = ResultStore(run_record.study_folder(results, study.name)).read("references", [])
    done = {
        row["fold"]
        for row in content.rows.to_pylist()
        if (row["digest"], row["reference"], row["window_ms"], row["status"])
        == (prepared.digest, CONTROLS[control], window, OK)
    }
    missing = tuple(cell for cell in cells if fresh or cell.fold not in done)
    return GridPlan(prepared, request, cells, missing, tuple(content.damaged), fresh, shard)


def run_grid(
    plan: Plan, results: Path, reporter: Reporter, callbacks: Callbacks | None = None
) -> Tally:
    """Train the plan's missing cells into ``results``; ``callbacks`` are told what happens.

    Raises
    ------
    InterruptedRun
        On an interrupt; the finished cells are stored.
    AblationError
        For a recording that cannot be used (before anything is trained) or a store that cannot
        be written.
    """
    study = plan.prepared.study
    folder = run_record.study_folder(results, study.name)
    require_writable(folder)
    tally = Tally(cells=len(plan.cells), stored=len(plan.cells) - len(plan.missing))
    used = [
        at_window(part.prepared.study, window).features
        for part in plan.parts
        for window in part.request.windows
    ]
    tasks = [task for part in plan.parts for task in _tasks(part, used, reporter)]
    for record in plan.records():
        run_record.save(results, record)
    told = callbacks or Callbacks()
    told.on_run_start(plan)
    if tasks:
        run_cells(
            tasks, folder, study, tally, reporter,
            again=plan.parts[0].fresh, leading=_leading(plan, folder), callbacks=told,
        )  # fmt: skip
    else:
        ResultStore(folder).compact()  # parts left by a run that could not, as on a full disk
    told.on_run_end(tally)
    return tally


def _tasks(plan: GridPlan, used: Sequence[FeaturesSpec], reporter: Reporter) -> list[CellTask]:
    """Return the tasks of a plan's missing cells, after making their spectrograms."""
    if not plan.missing:
        return []
    prepared, classes = plan.prepared, plan.prepared.corpus.classes
    windows, control = plan.request.windows, plan.is_control
    data = fold_data(prepared, windows, reporter, beside=used, linear=control)
    by_window = {window: at_window(prepared.study, window) for window in plan.request.windows}

    @cache  # many cells share a fold, which is pickled once
    def fold_of(window: float, fold: str, seed: int) -> FoldData:
        number = None if control else prepared.study.training.speakers
        return data[window, fold].trained_on(number, seed, classes)

    return [
        CellTask(
            cell=cell,
            study=by_window[cell.window_ms],
            classes=classes,
            digest=prepared.digest,
            fold=fold_of(cell.window_ms, cell.fold, cell.seed),
            model=packed(prepared.study.probe.factory),
        )
        for cell in plan.missing
    ]


def _leading(plan: Plan, folder: Path) -> BestSoFar | None:
    """Return the best shape so far, from the plan's cells that are already stored.

    None where shapes are not all that is compared, or not on all folds: those of a shard are not.
    """
    (part, *more) = plan.parts
    if more or plan.shard[1] > 1 or part.is_control:
        return None
    leading = BestSoFar(Counter(cell.key.filter for cell in part.cells))
    if not part.fresh:
        rows = ResultStore(folder).read("probes", ["n_correct", "n_test"]).rows
        for row in rows.to_pylist():
            if row["digest"] == part.prepared.digest:
                leading.add(row)
    return leading


def as_given(study: Study) -> run_record.RunRecord:
    """Return the record of a study without probes, for networks with given shapes.

    Raises as :func:`plan_grid`.
    """
    request = run_record.Request(
        "none", (), (), run_record.unique(study.grid.seeds), run_record.now()
    )
    return GridPlan(prepare(study), request, (), (), ()).records()[0]


def _cells(request: run_record.Request, folds: Sequence[Fold]) -> tuple[Cell, ...]:
    return tuple(
        Cell(CellKind.PROBE, (shape,), window, seed, fold.name)
        for seed in request.seeds
        for window in request.windows
        for shape in request.shapes
        for fold in folds
    )
