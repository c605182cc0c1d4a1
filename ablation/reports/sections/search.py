"""A search in the report: what was tried, its best shapes, and what they are worth."""

from collections.abc import Mapping

from ablation.analysis import Counts, chosen_without, score_interval, search_front
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.errors import StorageError, counted
from ablation.reports import Column, Picture, Section, Table
from ablation.results import run_record
from ablation.results.search_record import (
    COMPLETE,
    FAILED,
    PRUNED,
    RUNNING,
    SAMPLERS,
    Searched,
)

_MOST = 10  # points listed
_LEAST = 4  # complete points for which importances are asked


def search_answer(stored: StudyResults) -> str:
    """Return the answer of a study that has only a search; empty where that found nothing."""
    searched = next(iter(stored.searches), None)
    if searched is None or not searched.complete:
        return ""
    best, name = searched.complete[0], searched.config.score.upper()
    return (
        f"A search of {counted(len(searched.trials), 'trial')} found its highest {name}, "
        f"{100 * best.values[0]:.1f} %, at {best.point}. Whether that shape is significantly "
        f"different from any other is not tested: the search chose its shapes by the scores of "
        f"others, and none was pre-specified (ablate grid)."
    )


def search_section(evidence: Evidence, pictures: Mapping[str, Picture]) -> Section | None:
    """Return what the last search tried and found; None where nothing was searched."""
    searches = evidence.stored.searches
    if not searches:
        return None
    searched = searches[0]
    unit = evidence.run.study.features.row_unit.removesuffix("s")
    counts = _counts(evidence.stored, searched)
    lines = [
        _asked(searched, unit),
        _cells(searched),
        _importances(searched),
        _worth(searched, counts),
    ]
    if len(searches) > 1:
        names = "; ".join(one.config.name.partition(" ")[2] for one in searches[1:])
        lines.append(f"Other searches of these settings (ablate dashboard): {names}.")
    return Section(
        "search",
        "Search",
        paragraphs=tuple(filter(None, lines)),
        pictures=tuple(pictures[name] for name in ("search",) if name in pictures),
        tables=(_points(searched, counts),),
    )


def _counts(stored: StudyResults, searched: Searched) -> dict[str, Counts]:
    """Return the counts by speaker of the complete points with all predictions, best first."""
    results, name, window = (
        stored.folder.parent,
        stored.run.study.name,
        searched.config.window_ms,
    )
    shapes = {stored.run.digest: stored.shapes(window)}
    for digest in {trial.digest for trial in searched.complete} - shapes.keys():
        try:
            run = run_record.find_run(results, name, digest)
        except StorageError:  # removed by hand
            continue
        shapes[digest] = StudyResults(results, run).shapes(window)
    found = {t.point: shapes.get(t.digest, {}).get(t.shape) for t in searched.complete}
    return {point: counts for point, counts in found.items() if counts is not None}


def _asked(searched: Searched, unit: str) -> str:
    config = searched.config
    (low, high), (narrow, wide) = config.heights, config.widths
    ranges = [
        f"heights of {low} to {counted(high, unit)}",
        f"widths of {narrow} to {counted(wide, 'frame')}",
    ]
    ranges += [
        f"{name} {', '.join(map(str, values))}" for name, values in sorted(config.choices.items())
    ]
    goal = config.score.upper() + "".join(f" against {cost}" for cost in config.objective[1:])
    states = {COMPLETE: "complete", PRUNED: "pruned", FAILED: "failed", RUNNING: "unfinished"}
    counts = {name: len(searched.of(state)) for state, name in states.items()}
    again = f"; {searched.repeated} repeated an earlier point" if searched.repeated else ""
    return (
        f"{counted(len(searched.trials), 'trial')} over {', '.join(ranges)}, drawn by "
        f"{SAMPLERS[config.sampler]} with seed {config.seed} for {goal}: "
        f"{', '.join(f'{n} {name}' for name, n in counts.items() if n)}{again}."
    )


def _cells(searched: Searched) -> str:
    config, every = searched.config, searched.cells_of_all
    each = counted(len(config.folds), "fold") + (
        f" and {counted(len(config.seeds), 'seed')}" if len(config.seeds) > 1 else ""
    )
    text = f"A point is scored on {each}; the trials took {counted(searched.cells, 'cell')}"
    if config.prune_p is None:
        return f"{text}, and no trial was pruned."
    saved = 1 - searched.cells / every if every else 0
    return (
        f"{text}, {100 * saved:.0f} % fewer than the {every} of the same points on all folds. A "
        f"trial was pruned as soon as it was worse, fold by fold, than the best by then (Wilcoxon "
        f"signed-rank test, one-sided p < {config.prune_p:g}, after every cell); its score is then "
        f"an estimate: that of the best plus the mean difference from it."
    )


def _importances(searched: Searched) -> str:
    if len(searched.complete) < _LEAST:
        return ""
    from ablation.results.search_file import importances  # loads optuna

    shares = importances(searched)
    listed = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    text = "Importances among the points tried (share of the score's variance, fANOVA)"
    return f"{text}: {listed}." if shares else ""


def _worth(searched: Searched, counts: Mapping[str, Counts]) -> str:
    """Return what the best score is worth, chosen as it was among many."""
    score = searched.config.score
    if not counts or len(next(iter(counts.values())).speakers) < 2:
        return ""
    first = next(iter(counts))
    best = score_interval(counts[first], score)
    text = (
        f"The best score of a search is the highest of many noisy scores and so biased upwards: "
        f"{first} has {score.upper()} {100 * best.estimate:.1f} % with a standard error by speaker "
        f"of {100 * best.standard_error:.1f} points"
    )
    if len(counts) > 1 and len({c.speakers for c in counts.values()}) == 1:
        held = chosen_without(counts, score).score(score)
        text += (
            f"; choosing the best of the {len(counts)} complete points for each speaker by the "
            f"scores of the other speakers gives {100 * held:.1f} %"
        )
    return (
        f"{text}. A second corpus shows how well it does for speakers who had no part in the "
        f"search (ablate grid --shapes {searched.complete[0].shape}); ablate promote --best "
        f"--nested shows how much choosing adds to the score of a full network."
    )


def _points(searched: Searched, counts: Mapping[str, Counts]) -> Table:
    """Return the table of the best points, or of the Pareto front of two objectives."""
    score, *costs = searched.config.objective
    each = len(searched.config.steps)
    title, listed = "Best points of the search", [*searched.complete, *searched.pruned][:_MOST]
    if costs:
        title = f"Pareto front: points that no cheaper one beats in {score.upper()}"
        listed = search_front(searched)
    rows = []
    for trial in listed:
        mine = counts.get(trial.point)
        scores = (
            (trial.known if name == score else None) if mine is None else score_interval(mine, name)
            for name in ("wa", "ua")
        )
        cells = each if trial.values else len(trial.scores)
        rows.append((trial.point, *scores, *trial.values[1:], cells, trial.state, trial.number + 1))
    return Table(
        "search_best",
        title,
        (
            Column("shape"),
            Column(
                "WA",
                "percent",
                "95 % confidence interval by speaker; without it, an estimate",
            ),
            Column("UA", "percent"),
            *(Column(c, "millions", "per segment" * (c != "params")) for c in costs),
            Column("cells", "integer", f"of {each}"),
            Column("state"),
            Column("trial", "integer"),
        ),
        tuple(rows),
        frozenset({0} if searched.complete and not costs else ()),
        ("Confidence intervals do not account for the choice among many points.",),
    )
