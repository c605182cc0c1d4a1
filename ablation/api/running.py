"""Running studies from Python: what each command does, without its printing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablation.api.results import Results, html_table, read_results
from ablation.errors import counted
from ablation.progress import Reporter
from ablation.results.run_record import find_run, latest_settings, study_folder
from ablation.runs.axes import plan_axes
from ablation.runs.callbacks import Callbacks
from ablation.runs.grid import plan_grid, run_grid
from ablation.runs.plans import Plan
from ablation.study import AXES, Study, load_study, override_study
from ablation.study.field_axes import axis_values

if TYPE_CHECKING:
    import pandas as pd

    from ablation.runs.promote import Promoted

RESULTS, FIGURES = Path("results"), Path("figures")


@dataclass(frozen=True)
class StudyPlan:
    """A study with the axes that are to be tried, as :func:`plan` checks and :func:`run` trains it.

    Attributes
    ----------
    study
        The settings, with seeds and model.
    axes
        The values of every axis by its name; empty: the axes of height and width, as in the paper's
        Figure 2.
    """

    study: Study
    axes: Mapping[str, Sequence[Any]]

    def of(self, results: Path | str = RESULTS) -> Plan:
        """Return the cells, and which of them a results folder lacks; nothing is written.

        Raises :class:`~ablation.errors.AblationError` for whatever is wrong with the corpus, its
        folds or stored rows.
        """
        results, sides = Path(results), tuple(self.axes)
        if not sides:
            return plan_grid(self.study, "both", results)
        if set(sides) <= set(AXES):
            axis = sides[0] if len(sides) == 1 else "product"
            extents = [(f"grid.{name}s", list(values)) for name, values in self.axes.items()]
            return plan_grid(override_study(self.study, extents), axis, results)
        return plan_axes(self.study, self.axes, results)

    def _repr_html_(self) -> str:
        """Return how a notebook shows the plan: the axes with their values, and the cells."""
        found = self.of()
        rows = [(name, ", ".join(map(str, values))) for name, values in self.axes.items()]
        rows = rows or [(axis.name, found.what) for axis in AXES.values()]
        rows.append(("seeds", ", ".join(map(str, self.study.grid.seeds))))
        rows.append(("cells", f"{len(found.cells)}, {len(found.missing)} of them not in results/"))
        return html_table([f"study {self.study.name}", ""], rows)


def plan(
    study: Study | Path | str,
    axes: Mapping[str, Sequence[Any]] | None = None,
    seeds: Sequence[int] = (0,),
    model: str | Callable[..., Any] | None = None,
) -> StudyPlan:
    """Check a study and the axes over which its probes are to be trained.

    Parameters
    ----------
    study
        Settings, a study file, or the name of a shipped study.
    axes
        Values by the name of an axis: ``height`` (bins), ``width`` (frames) or a field of the
        study, as in ``{"height": [2, 10], "probe.filters": [8, 16]}``; several make a product. None
        or empty: height and width one by one, over the study's grid.
    seeds
        Each cell is trained once per seed.
    model
        A model of your own in place of the probe: "module:factory", or a class or function that
        takes a :class:`~ablation.models.spec.ModelSpec`, also one defined in a notebook.

    Raises
    ------
    StudyError
        For unknown axes, values that a field cannot take, or a model that cannot be named.
    """
    settings = study if isinstance(study, Study) else load_study(study)
    changes: list[tuple[str, Any]] = [("grid.seeds", list(seeds))]
    if model is not None:
        changes.append(("probe.factory", model if isinstance(model, str) else _given(model)))
    settings = override_study(settings, changes)
    values = {name: list(given) for name, given in (axes or {}).items()}
    axis_values(settings, values)
    return StudyPlan(settings, values)


def run(
    plan: StudyPlan,
    results: Path | str = RESULTS,
    devices: str | Sequence[str] = "auto",
    callbacks: Sequence[object] = (),
    quiet: bool = False,
) -> Results:
    """Train the cells of a plan that are not stored yet; return all rows of the study.

    Parameters
    ----------
    results
        The folder of all results; the study's own is below it.
    devices
        ``auto`` (every usable GPU, else the CPU), ``cpu``, ``cuda`` or names such as ``cuda:0``.
    callbacks
        Objects with methods of :class:`~ablation.runs.callbacks.Callback`.
    quiet
        Whether no progress is shown.

    Raises
    ------
    KeyboardInterrupt
        On an interrupt; finished cells are stored, and the same call goes on with the others.
    AblationError
        As :meth:`StudyPlan.of`, or for a store that cannot be written.
    """
    results = Path(results)
    names = [devices] if isinstance(devices, str) else list(devices)
    study = override_study(plan.study, [("execution.devices", names)])
    cells = StudyPlan(study, plan.axes).of(results)
    reporter = Reporter(quiet)
    tally = run_grid(cells, results, reporter, Callbacks(callbacks))
    if tally.failures:
        reporter.say(f"{counted(len(tally.failures), 'cell')} failed: {tally.failures[0]}")
    return read_results(study_folder(results, study.name))


def promote(
    study: Study | Path | str, results: Path | str = RESULTS, quiet: bool = False, **options: Any
) -> "Promoted":
    """Cross-validate the full network, as ``ablate promote`` does.

    Parameters
    ----------
    study
        A study whose probes are stored in ``results``, or one with ``shapes``.
    options
        Fields of :class:`~ablation.runs.promote.PromoteOptions`, such as ``best=True``, and
        ``final=False`` where no network is to be trained on all speakers.

    Raises
    ------
    AblationError
        As :func:`ablation.runs.promote.promote`.
    """
    from ablation.runs import promote as promotion

    final = options.pop("final", True)
    given = promotion.PromoteOptions(**options)
    file = _settings_file(study, Path(results))
    return promotion.promote(file, Path(results), given, Reporter(quiet), final)


def search(
    study: Study | Path | str,
    trials: int,
    results: Path | str = RESULTS,
    quiet: bool = False,
) -> "pd.DataFrame":
    """Search for the best filter shape, as ``ablate search`` does; return all trials, a row each.

    Raises
    ------
    AblationError
        Whatever is wrong with study, corpus, folds, stored rows or the search's file.
    """
    import pandas as pd

    from ablation.searches.search import plan_search, run_search

    settings = study if isinstance(study, Study) else load_study(study)
    found = run_search(plan_search(settings, trials, Path(results)), Path(results), Reporter(quiet))
    score, *cost = settings.search.objective
    rows = [
        {"number": trial.number, **trial.params, "state": trial.state}
        | dict(zip([score, *cost], trial.values or (), strict=False))
        for trial in found.searched.trials
    ]
    return pd.DataFrame(rows)


def report(
    study: Study | Path | str,
    results: Path | str = RESULTS,
    figures: Path | str = FIGURES,
    **options: Any,
) -> Path:
    """Write a study's report, as ``ablate report`` does; return the path of its page.

    ``options`` are those of :func:`ablation.reports.study_report.report`, such as ``metric``.

    Raises
    ------
    AblationError
        When the study was never run, or for an option that cannot be used.
    """
    from ablation.reports import study_report

    name = study.name if isinstance(study, Study) else load_study(study).name
    done = study_report.report(
        Path(results), Path(figures), find_run(Path(results), name), **options
    )
    return next(file for file in done.files if file.suffix == ".html")


def predict(files: Path | str | Sequence[Path | str], network: Path | str) -> "pd.DataFrame":
    """Return what a saved network predicts for recordings, a row each.

    Parameters
    ----------
    files
        Recordings, folders of them, or patterns.
    network
        The folder of a promoted network.

    Returns
    -------
    predictions
        ``file``, ``label`` and ``score_CLASS``, and ``error`` for a recording that cannot be used.

    Raises
    ------
    AblationError
        For a folder without recordings, or one that is no network.
    """
    import pandas as pd

    from ablation.saved import load_network
    from ablation.saved.predict import expand_recordings, predict_recordings

    given = [files] if isinstance(files, str | Path) else list(files)
    rows = []
    recordings = expand_recordings([*map(str, given)])
    for found in predict_recordings(load_network(Path(network)), recordings, Reporter(quiet=True)):
        row: dict[str, Any] = {"file": str(found.file)}
        if found.prediction is not None:
            row |= {"label": found.prediction.label}
            row |= {f"score_{name}": value for name, value in found.prediction.scores.items()}
        rows.append(row | {"error": "" if found.fault is None else str(found.fault)})
    return pd.DataFrame(rows)


def _given(model: Callable[..., Any]) -> str:
    from ablation.models.given import give

    return give(model)


def _settings_file(study: Study | Path | str, results: Path) -> Path:
    """Return the file of a study: of settings in hand, those stored under their name."""
    if not isinstance(study, Study):
        return Path(study)
    folder = study_folder(results, study.name)
    return latest_settings(folder) or folder
