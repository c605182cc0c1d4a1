"""Promotion: the chosen shapes are cross-validated in the full network, and the best one is saved.

A *variant* is a row of Table 1: a pooling with the shapes of each fold. A plain variant has the
same shapes in every fold, a nested one may not. Variants that need the same training share its
cell.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ablation.corpora.folds import development_speakers
from ablation.errors import counted
from ablation.errors.running import CorpusChanged
from ablation.errors.studies import FixedByProbes
from ablation.executors import Executor
from ablation.files import require_writable
from ablation.models.given import packed
from ablation.progress import Reporter
from ablation.results import ResultStore, run_record
from ablation.results.run_record import RunRecord, study_folder
from ablation.results.schema import OK
from ablation.runs.baseline_plan import (
    Development,
    baseline_cells,
    features_of,
    tunes,
)
from ablation.runs.prepare import (
    Prepared,
    baseline_data,
    check_shapes,
    check_speakers,
    code_of,
    fold_data,
    prepare,
)
from ablation.runs.runner import Tally, check_devices, run_cells
from ablation.runs.shape_selection import Selection
from ablation.saved import saver
from ablation.study import NETWORK_NAMES, CellKind, Shape, Study, override_study, shapes_text
from ablation.study.baselines import DEFAULT_BASELINES
from ablation.study.reading import Override
from ablation.training.task import Cell, CellTask, FoldData

if TYPE_CHECKING:
    from ablation.models.network import Cost

CHANGEABLE = ("network", "baselines", "development", "execution", "cluster")


@dataclass(frozen=True)
class NetworkVariant:
    """A row of Table 1: a network with the shapes and the network digest of each fold."""

    title: str
    pooling: str
    selection: Selection
    digests: Mapping[str, str]

    def shapes(self, fold: str) -> tuple[Shape, ...]:
        return self.selection.by_fold[fold].shapes

    @property
    def plain(self) -> bool:
        return not self.selection.manner


Key = tuple[str, str, int, str]  # a baseline's title, or none; digest, seed and fold


class CellRequest(NamedTuple):
    """A cell and the digest of its settings, which is empty for a baseline without any."""

    cell: Cell
    digest: str

    @property
    def key(self) -> Key:
        """The key of its row in the store."""
        title = self.cell.title if self.cell.kind == CellKind.BASELINE else ""
        return title, self.digest, self.cell.seed, self.cell.fold


@dataclass(frozen=True)
class PromotePlan:
    """The networks to cross-validate, their missing cells, and the missing cells of baselines.

    ``costs`` are by network digest; ``development`` are the development speakers of each fold.
    """

    prepared: Prepared
    run: RunRecord
    study: Study
    variants: tuple[NetworkVariant, ...]
    costs: "Mapping[str, Cost]"
    seeds: tuple[int, ...]
    cells: tuple[CellRequest, ...]
    missing: tuple[CellRequest, ...]
    baselines: tuple[CellRequest, ...]
    missing_baselines: tuple[CellRequest, ...]
    development: Development
    fresh: bool = False  # stored cells are trained again


def change_settings(run: RunRecord, overrides: Sequence[Override]) -> Study:
    """Return the study as run, with other values of fields that no probe's row depends on.

    Raises
    ------
    FixedByProbes
        When a field of any other table would change.
    """
    fixed, own = part_overrides(overrides)
    for field, value in fixed:
        if override_study(run.study, [(field, value)]) != run.study:
            raise FixedByProbes(f"--set {field}={value}", "with other settings", CHANGEABLE)
    return override_study(run.study, own)


def part_overrides(overrides: Sequence[Override]) -> tuple[list[Override], list[Override]]:
    """Part fields into those that a probe's row may depend on, and those of promotion alone."""
    fixed, own = [], []
    for field, value in overrides:
        (own if field.partition(".")[0] in CHANGEABLE else fixed).append((field, value))
    return fixed, own


def prepare_promotion(run: RunRecord, study: Study) -> Prepared:
    """Read the corpus of ``study``.

    Raises :class:`CorpusChanged` when it is not the corpus of the run.
    """
    check_devices(study)
    prepared = prepare(study, run.code)  # the probes are stored: their code may have changed
    if prepared.digest != run.digest:
        raise CorpusChanged(study.corpus.root, run.study.name, run.digest)
    return prepared


def plan_promote(
    results: Path,
    run: RunRecord,
    prepared: Prepared,
    selections: Sequence[Selection],
    poolings: Sequence[str],
    baselines: Sequence[str] = DEFAULT_BASELINES,
    fresh: bool = False,
) -> PromotePlan:
    """List variants and cells; nothing is written.

    ``prepared`` has the study as run, with the network, execution and seeds requested now.

    Raises
    ------
    StudyError
        For a shape that is too large, or a custom network that cannot be used.
    FoldError
        For folds without development speakers, if the study asks for them.
    """
    study = prepared.study
    development = development_speakers(prepared.corpus, prepared.folds, study.development.speakers)
    for selection in selections:
        for chosen in selection.by_fold.values():
            check_shapes(study, chosen.shapes)
    check_speakers(prepared, study.network.training.speakers, "network.training.speakers")
    costs: dict[str, Cost] = {}
    variants = tuple(
        _line(run, study, selection, pooling, costs, development)
        for pooling in ([""] if study.network.factory else poolings)
        for selection in selections
    )
    seeds = run_record.unique(study.grid.seeds)
    window = study.features.window_ms
    cells = run_record.unique(
        CellRequest(_cell(variant, fold.name, window, seed), variant.digests[fold.name])
        for variant in variants
        for seed in seeds
        for fold in prepared.folds
    )
    references = tuple(
        CellRequest(cell, study.baseline_digest(cell.baseline, development))
        for cell in baseline_cells(study, baselines, prepared.folds, seeds)
    )
    done = _stored(results, run, window)
    lacking = tuple(c for c in references if c.key not in done or (fresh and c.digest))
    missing = tuple(c for c in cells if fresh or c.key not in done)
    return PromotePlan(
        prepared=prepared,
        run=run,
        study=study,
        variants=variants,
        costs=costs,
        seeds=seeds,
        cells=cells,
        missing=missing,
        baselines=references,
        missing_baselines=lacking,
        development=development,
        fresh=fresh,
    )


def _cell(variant: NetworkVariant, fold: str, window_ms: float, seed: int) -> Cell:
    shapes = variant.shapes(fold)
    return Cell(CellKind.NETWORK, shapes, window_ms, seed, fold, variant.pooling, variant.title)


def _line(
    run: RunRecord,
    study: Study,
    selection: Selection,
    pooling: str,
    costs: "dict[str, Cost]",
    development: Development,
) -> NetworkVariant:
    from ablation.models.network import network_cost

    factory = study.network.factory
    variant = with_pooling(study, pooling)
    digests = {}
    for fold, chosen in selection.by_fold.items():
        code = code_of(factory)
        names = [str(shape) for shape in chosen.shapes]
        digest = variant.network_digest(run.digest, names, code, development)
        digests[fold] = digest
        if digest not in costs:
            costs[digest] = network_cost(
                chosen.shapes, pooling, len(run.classes), variant.network, variant.features
            )
    return NetworkVariant(factory or NETWORK_NAMES[pooling], pooling, selection, digests)


def with_pooling(study: Study, pooling: str) -> Study:
    """Return the study with another pooling, or unchanged for a custom network."""
    return override_study(study, [("network.pooling", pooling)]) if pooling else study


def _stored(results: Path, run: RunRecord, window_ms: float) -> set[Key]:
    """Return the keys of the finished network and baseline cells of these settings."""
    store = ResultStore(study_folder(results, run.study.name))
    networks, baselines = (
        [
            row
            for row in store.read(table, []).rows.to_pylist()
            if row["digest"] == run.digest and row["status"] == OK
        ]
        for table in ("networks", "references")
    )
    return {("", row["network_digest"], row["seed"], row["fold"]) for row in networks} | {
        (row["reference"], row["baseline_digest"] or "", row["seed"], row["fold"])
        for row in baselines
        if row["window_ms"] == window_ms
    }


def run_promote(
    plan: PromotePlan, results: Path, reporter: Reporter, executor: Executor | None = None
) -> Tally:
    """Train the missing cells; every network is saved beside its row.

    ``executor`` is one that other calls share. Raises as :func:`ablation.runs.grid.run_grid`.
    """
    tally = Tally(cells=len(plan.cells), stored=len(plan.cells) - len(plan.missing))
    if not plan.missing and not plan.missing_baselines:
        return tally
    folder = study_folder(results, plan.study.name)
    require_writable(folder)
    _save_settings(plan, results, folder)
    window = plan.study.features.window_ms
    data = fold_data(plan.prepared, [window], reporter)
    folds = {fold.name: data[window, fold.name] for fold in plan.prepared.folds}
    code = code_of(plan.study.network.factory)
    corpus, fingerprint = plan.prepared.corpus, plan.prepared.fingerprint
    keeper = saver.ModelSaver(folder, corpus, fingerprint, code)
    if plan.missing_baselines:
        titles = dict.fromkeys(request.cell.title for request in plan.missing_baselines)
        reporter.say(
            f"training the baselines first ({', '.join(titles)}): "
            f"{counted(len(plan.missing_baselines), 'cell')}"
        )
        beside = Tally(cells=len(plan.missing_baselines), stored=0)
        tasks = _baseline_tasks(plan, folder, folds, reporter)
        again = plan.fresh
        run_cells(tasks, folder, plan.study, beside, reporter, again=again, executor=executor)
        tally.failures += beside.failures
    if plan.missing:
        folds = _tuned(plan, folds)
        number, classes = plan.study.network.training.speakers, corpus.classes
        tasks = [
            _task(plan, folder, c, folds[c.cell.fold].trained_on(number, c.cell.seed, classes))
            for c in plan.missing
        ]
        run_cells(
            tasks, folder, plan.study, tally, reporter, keeper.keep, plan.fresh, executor=executor
        )
    else:
        ResultStore(folder).compact()  # parts left by a run that could not, as on a full disk
    return tally


def _baseline_tasks(
    plan: PromotePlan, folder: Path, folds: Mapping[str, FoldData], reporter: Reporter
) -> list[CellTask]:
    """Return the tasks of the missing baselines, after making their features.

    All of them are trained and tested on the utterances that the networks have.
    """
    kept = {s.id for fold in folds.values() for s in (*fold.train, *fold.test)}
    known: dict[Any, Mapping[str, FoldData]] = {}  # by their features
    known[plan.study.features] = folds
    tuned: dict[Any, Mapping[str, FoldData]] = {}
    tasks = []
    for request in plan.missing_baselines:
        name = request.cell.baseline
        features = features_of(plan.study, name)
        if features not in known:
            known[features] = baseline_data(plan.prepared, features, kept, reporter)
        mine = known[features]
        if tunes(plan.study, name):
            if features not in tuned:
                tuned[features] = _tuned(plan, mine)
            mine = tuned[features]
        tasks.append(_task(plan, folder, request, mine[request.cell.fold]))
    return tasks


def _tuned(plan: PromotePlan, folds: Mapping[str, FoldData]) -> dict[str, FoldData]:
    """Return the folds with their development speakers apart; as they are where none have any."""
    return {
        name: fold.tuned_on(plan.development[name]) if plan.development else fold
        for name, fold in folds.items()
    }


def run_final(
    plan: PromotePlan,
    variant: NetworkVariant,
    scores: saver.ScoreNote,
    results: Path,
    reporter: Reporter,
    executor: Executor | None = None,
) -> tuple[Path, Tally]:
    """Train the network of a plain variant on all speakers; return its folder.

    A network that is already saved gets these scores and is not trained again. Raises as
    :func:`run_promote`.
    """
    folder = study_folder(results, plan.study.name)
    first = plan.prepared.folds[0].name
    window, seed = plan.study.features.window_ms, plan.seeds[0]
    cell = Cell(
        CellKind.FINAL, variant.shapes(first), window, seed, "", variant.pooling, variant.title
    )
    digest = variant.digests[first]
    code = code_of(plan.study.network.factory)
    corpus, fingerprint = plan.prepared.corpus, plan.prepared.fingerprint
    keeper = saver.ModelSaver(folder, corpus, fingerprint, code, scores)
    place = keeper.place(cell, digest)
    tally = Tally(cells=1, stored=0)
    if saver.rescore(place, scores):
        return place, replace(tally, stored=1)
    data = fold_data(plan.prepared, [window], reporter)
    some = data[window, first]
    everyone = sorted((*some.train, *some.test), key=lambda sample: sample.id)
    fold = FoldData(cell.fold, (), tuple(everyone), ())
    task = _task(plan, folder, CellRequest(cell, digest), fold)
    run_cells([task], folder, plan.study, tally, reporter, keeper.keep, executor=executor)
    return place, tally


def _task(plan: PromotePlan, folder: Path, request: CellRequest, fold: FoldData) -> CellTask:
    cell, digest = request
    checkpoint = None
    if cell.kind != CellKind.BASELINE:
        name = saver.folder_name(cell, digest)
        checkpoint = folder / "checkpoints" / f"{name}.safetensors"
    return CellTask(
        cell=cell,
        study=with_pooling(plan.study, cell.pooling),
        classes=plan.prepared.corpus.classes,
        digest=plan.run.digest,
        fold=fold,
        network_digest=digest or None,
        checkpoint=checkpoint,
        model=packed(plan.study.network.factory),
    )


def _save_settings(plan: PromotePlan, results: Path, folder: Path) -> None:
    """Write the settings of every network, under its digest."""
    if not run_record.any_run(results, plan.run.study.name):  # the shapes are given
        run_record.save(results, plan.run)
    for variant in plan.variants:
        study = with_pooling(plan.study, variant.pooling)
        for fold, digest in variant.digests.items():
            conv1 = shapes_text(variant.shapes(fold)).split(",")
            path = folder / "studies" / "networks" / f"{digest}.toml"
            run_record.save_network(path, override_study(study, [("network.conv1", conv1)]))
    for digest in {request.digest for request in plan.baselines} - {""}:
        run_record.save_network(folder / "studies" / "baselines" / f"{digest}.toml", plan.study)
