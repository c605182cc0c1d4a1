"""What ``ablate search`` prints: its plan, the best shapes, the Pareto front."""

from pathlib import Path

from ablation.analysis import pooled_scores, search_front
from ablation.cli.failures import say
from ablation.errors import counted
from ablation.report import millions
from ablation.results import ResultStore, run_record
from ablation.results.schema import OK
from ablation.results.search_record import FAILED, Searched, Trial
from ablation.search.search import SearchPlan

Scores = dict[tuple[str, int, int], tuple[float, float]]  # WA and UA by digest, height, width

_MOST = 10  # shapes listed


def say_plan(plan: SearchPlan) -> None:
    """Say what is searched, before it begins."""
    corpus, study, terms = plan.prepared.corpus, plan.prepared.study, plan.config
    say(
        f"study {study.name} ({terms.digest}): {corpus.name}, {counted(len(corpus), 'utterance')}, "
        f"{counted(len(corpus.speakers), 'speaker')}, {counted(len(terms.folds), 'fold')}"
    )
    for doubt in corpus.doubts():
        say(f"warning: {doubt}")
    pruned = "without pruning" if terms.prune_p is None else "with pruning"
    say(
        f"search of {plan.space} by {terms.sampler} for {', '.join(terms.objective)}, {pruned}: "
        f"{counted(plan.wanted, 'trial')}, {min(plan.ended, plan.wanted)} stored"
    )


def print_plan(plan: SearchPlan) -> None:
    """Print what a dry run says."""
    terms = plan.config
    each = len(terms.steps)
    left = max(0, plan.wanted - plan.ended)
    print(f"space: {plan.space}")
    print(f"trials: {plan.wanted}, stored: {min(plan.ended, plan.wanted)}")
    print(
        f"cells per trial: {each} ({counted(len(terms.folds), 'fold')}, "
        f"{counted(len(terms.seeds), 'seed')})"
    )
    pruned = "trials are pruned and " if terms.prune_p else ""
    print(f"cells: at most {left * each}, since {pruned}points may be stored or repeated")


def print_searched(searched: Searched, plan: SearchPlan, results: Path) -> None:
    """Print the Pareto front, or the best shapes."""
    scores = _scores(plan, results)
    if len(searched.config.objective) > 1:
        cost = searched.config.objective[1]
        print(f"Pareto front, {searched.config.score.upper()} against {cost}")
        listed = search_front(searched)
    else:
        listed = [*searched.complete, *searched.pruned][:_MOST]
    width = max([8, *(len(trial.point) for trial in listed)])
    costs = "".join(f"{name:>15}" for name in searched.config.objective[1:])
    print(f"{'shape':>{width}} {'WA %':>6} {'UA %':>6}{costs}  cells")
    for trial in listed:
        print(_line(searched, trial, scores, width))
    failed = len(searched.of(FAILED))
    rest = [
        f"{counted(len(searched.complete), 'point')} complete",
        f"{len(searched.pruned)} pruned",
    ]
    rest += [f"{counted(failed, 'trial')} failed"] * bool(failed)
    rest += [f"{counted(searched.repeated, 'trial')} repeated a point"] * bool(searched.repeated)
    print(
        f"{', '.join(rest)}; {counted(searched.cells, 'cell')} of {searched.cells_of_all} "
        f"without pruning"
    )


def _line(searched: Searched, trial: Trial, scores: Scores, width: int) -> str:
    each = len(searched.config.steps)
    key = (trial.digest, trial.shape.height, trial.shape.width)
    if not trial.values or key not in scores:
        estimate = float("nan") if trial.estimate is None else trial.estimate
        score = {searched.config.score: estimate}
        ends = "".join(
            f"{f'~{100 * score[name]:.1f}' if name in score else '':>7}" for name in ("wa", "ua")
        )
        return f"{trial.point:>{width}}{ends}  {len(trial.scores)} of {each}, pruned"
    wa, ua = scores[key]
    costs = "".join(f"{millions(round(value)):>15}" for value in trial.values[1:])
    return f"{trial.point:>{width}} {100 * wa:>6.1f} {100 * ua:>6.1f}{costs}  {each}"


def _scores(plan: SearchPlan, results: Path) -> Scores:
    """Return WA and UA by digest, height and width, for the window and seeds of the search."""
    folder = run_record.study_folder(results, plan.prepared.study.name)
    rows = ResultStore(folder).read("probes").frame()
    mine = rows[
        (rows["status"] == OK)
        & (rows["window_ms"] == plan.config.window_ms)
        & rows["seed"].isin(plan.config.seeds)
    ]
    pooled = pooled_scores(mine, ["digest", "height", "width"], plan.prepared.corpus.classes)
    columns = (pooled[name] for name in ("digest", "height", "width", "wa", "ua"))
    return {(d, h, w): (wa, ua) for d, h, w, wa, ua in zip(*columns, strict=True)}
