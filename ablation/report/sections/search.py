"""A search in the report: what was tried, its best shapes, and what they are worth."""

from collections.abc import Mapping, Sequence

from ablation.analysis import Counts, chosen_without, score_interval, search_front
from ablation.analysis.evidence import Evidence
from ablation.analysis.study_results import StudyResults
from ablation.errors import StorageError, counted
from ablation.report import Column, Picture, Section, Table
from ablation.results import run_record
from ablation.results.search_record import (
    COMPLETE,
    FAILED,
    PRUNED,
    RUNNING,
    SAMPLERS,
    Searched,
    Trial,
)

_MOST = 10  # shapes listed
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
    """Return what was searched and found; None where nothing was searched."""
    searches = evidence.stored.searches
    if not searches:
        return None
    searched = searches[0]
    counts = _counts(evidence.stored, searched)
    lines = [_asked(searched), _cells(searched)]
    lines += _importances(searched)
    lines += _worth(searched, counts)
    tables = [_best(searched, counts)]
    if front := search_front(searched):
        tables.insert(0, _front(searched, front, counts))
    if len(searches) > 1:
        tables.append(_others(searches))
    return Section(
        "search",
        "Search",
        paragraphs=tuple(lines),
        pictures=tuple(pictures[name] for name in ("search",) if name in pictures),
        tables=tuple(tables),
    )


def _counts(stored: StudyResults, searched: Searched) -> dict[str, Counts]:
    """Return the counts by speaker of the complete points with all predictions, best first."""
    readings = {stored.run.digest: stored}
    found = {}
    for trial in searched.complete:
        if trial.digest not in readings:
            results, name = stored.folder.parent, stored.run.study.name
            try:
                run = run_record.find_run(results, name, trial.digest)
            except StorageError:  # removed by hand
                continue
            readings[trial.digest] = StudyResults(results, run)
        shapes = readings[trial.digest].shapes(searched.config.window_ms)
        if trial.shape in shapes:
            found[trial.point] = shapes[trial.shape]
    return found


def _asked(searched: Searched) -> str:
    terms = searched.config
    (low, high), (narrow, wide) = terms.heights, terms.widths
    ranges = [
        f"heights of {low} to {counted(high, 'bin')}",
        f"widths of {narrow} to {counted(wide, 'frame')}",
    ]
    ranges += [
        f"{name} {', '.join(map(str, values))}" for name, values in sorted(terms.choices.items())
    ]
    goal = terms.score.upper() + "".join(f" against {cost}" for cost in terms.objective[1:])
    counts = [
        f"{len(searched.of(COMPLETE))} complete",
        *(f"{n} pruned" for n in [len(searched.of(PRUNED))] if n),
        *(f"{n} failed" for n in [len(searched.of(FAILED))] if n),
        *(f"{n} unfinished" for n in [len(searched.of(RUNNING))] if n),
    ]
    again = f"; {searched.repeated} repeated an earlier point" if searched.repeated else ""
    return (
        f"{counted(len(searched.trials), 'trial')} over {', '.join(ranges)}, drawn "
        f"{terms.at_once} at a time by {SAMPLERS[terms.sampler]} with seed {terms.seed} for "
        f"{goal}: "
        f"{', '.join(counts)}{again}."
    )


def _cells(searched: Searched) -> str:
    terms = searched.config
    each = counted(len(terms.folds), "fold") + (
        f" and {counted(len(terms.seeds), 'seed')}" if len(terms.seeds) > 1 else ""
    )
    text = f"A point is scored on {each}; the trials took {counted(searched.cells, 'cell')}"
    if terms.prune_p is None:
        return f"{text}, and no trial was pruned."
    every = searched.cells_of_all
    saved = 1 - searched.cells / every if every else 0
    return (
        f"{text}, {100 * saved:.0f} % fewer than the {every} of the same points on all folds. A "
        f"trial was pruned as soon as it was worse, fold by fold, than the best of the earlier "
        f"rounds (Wilcoxon signed-rank test, one-sided p < {terms.prune_p:g}, after every cell); "
        f"its score is then an estimate: that of the best plus the mean difference from it."
    )


def _importances(searched: Searched) -> list[str]:
    if len(searched.complete) < _LEAST:
        return []
    from ablation.results.search_file import importances  # loads optuna

    shares = importances(searched)
    if not shares:
        return []
    listed = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    return [
        f"Importances among the points tried (share of the score's variance, fANOVA): {listed}."
    ]


def _worth(searched: Searched, counts: Mapping[str, Counts]) -> list[str]:
    """Return what the best score is worth, chosen as it was among many."""
    score = searched.config.score
    if not counts or len(next(iter(counts.values())).speakers) < 2:
        return []
    first = next(iter(counts))
    best = score_interval(counts[first], score)
    text = (
        f"The best score of a search is the highest of many noisy scores and so biased upwards: "
        f"{first} has {score.upper()} {100 * best.estimate:.1f} % with a standard error by speaker "
        f"of {100 * best.standard_error:.1f} points"
    )
    alike = {c.speakers for c in counts.values()}
    if len(counts) > 1 and len(alike) == 1:
        held = chosen_without(counts, score).score(score)
        text += (
            f"; choosing the best of the {len(counts)} complete points for each speaker by the "
            f"scores of the other speakers gives {100 * held:.1f} %"
        )
    return [
        f"{text}. A second corpus shows how well it does for speakers who had no part in the "
        f"search (ablate grid --shapes {searched.complete[0].shape}); ablate promote --best "
        f"--nested shows how much choosing adds to the score of a full network."
    ]


def _best(searched: Searched, counts: Mapping[str, Counts]) -> Table:
    listed = [*searched.complete, *searched.pruned][:_MOST]
    each = len(searched.config.steps)
    score = searched.config.score
    costs = searched.config.objective[1:]
    rows = []
    for trial in listed:
        known = counts.get(trial.point)
        own = trial.values[0] if trial.values else trial.estimate
        scores = {
            name: (own if name == score else None) if known is None else score_interval(known, name)
            for name in ("wa", "ua")
        }
        rows.append(
            (
                trial.point,
                scores["wa"],
                scores["ua"],
                *(trial.values[1:] or [None] * len(costs)),
                len(trial.scores) if trial.state == PRUNED else each,
                "complete" if trial.values else "pruned",
                trial.number + 1,
            )
        )
    return Table(
        "search_best",
        "Best points of the search",
        (
            Column("shape"),
            Column(
                "WA",
                "percent",
                "95 % confidence interval by speaker; without it, an estimate",
            ),
            Column("UA", "percent"),
            *(Column(name, "millions") for name in costs),
            Column("cells", "integer", f"of {each}"),
            Column("state"),
            Column("trial", "integer"),
        ),
        tuple(rows),
        frozenset({0} if rows and searched.complete else ()),
        ("Confidence intervals do not account for the choice among many points.",),
    )


def _front(searched: Searched, front: Sequence[Trial], counts: Mapping[str, Counts]) -> Table:
    score, cost = searched.config.objective
    known = {point: score_interval(mine, score) for point, mine in counts.items()}
    rows = [(t.point, known.get(t.point, t.values[0]), t.values[1], t.number + 1) for t in front]
    return Table(
        "search_front",
        f"Pareto front: points that no cheaper one beats in {score.upper()}",
        (
            Column("shape"),
            Column(score.upper(), "percent", "95 % confidence interval by speaker"),
            Column(cost, "millions", "per segment" if cost == "multiply-adds" else ""),
            Column("trial", "integer"),
        ),
        tuple(rows),
    )


def _others(searches: Sequence[Searched]) -> Table:
    rows = []
    for searched in searches:
        terms, complete = searched.config, searched.complete
        rows.append(
            (
                terms.sampler,
                ",".join(terms.objective),
                "no" if terms.prune_p is None else f"p < {terms.prune_p:g}",
                terms.seed,
                len(searched.trials),
                searched.cells,
                complete[0].point if complete else "",
                complete[0].values[0] if complete else None,
            )
        )
    return Table(
        "searches",
        "All searches of these settings, the last one first",
        (
            Column("sampler"),
            Column("objective"),
            Column("pruning"),
            Column("seed", "integer"),
            Column("trials", "integer"),
            Column("cells", "integer"),
            Column("highest"),
            Column("score", "percent"),
        ),
        tuple(rows),
    )
