"""What ``ablate search`` prints: its plan, and the best points or the Pareto front."""

from ablation.analysis import search_front
from ablation.cli.failures import say
from ablation.errors import counted
from ablation.reports import millions
from ablation.results.search_record import FAILED, Searched
from ablation.searches.search import SearchPlan

_MOST = 10  # points listed


def say_plan(plan: SearchPlan) -> None:
    """Say what is searched, before it begins."""
    corpus, study, config = plan.prepared.corpus, plan.prepared.study, plan.config
    say(
        f"study {study.name} ({config.digest}): {corpus.name}, "
        f"{counted(len(corpus), 'utterance')}, {counted(len(corpus.speakers), 'speaker')}, "
        f"{counted(len(config.folds), 'fold')}"
    )
    for doubt in plan.prepared.doubts():
        say(f"warning: {doubt}")
    pruned = "without pruning" if config.prune_p is None else "with pruning"
    say(
        f"search of {plan.space} by {config.sampler} for {', '.join(config.objective)}, {pruned}: "
        f"{counted(plan.wanted, 'trial')}, {min(plan.ended, plan.wanted)} stored"
    )


def print_plan(plan: SearchPlan) -> None:
    """Print what a dry run says."""
    config, each = plan.config, len(plan.config.steps)
    left = max(0, plan.wanted - plan.ended)
    print(f"space: {plan.space}")
    print(f"trials: {plan.wanted}, stored: {min(plan.ended, plan.wanted)}")
    print(
        f"cells per trial: {each} ({counted(len(config.folds), 'fold')}, "
        f"{counted(len(config.seeds), 'seed')})"
    )
    pruned = "trials are pruned and " if config.prune_p else ""
    print(f"cells: at most {left * each}, since {pruned}points may be stored or repeated")


def print_searched(searched: Searched) -> None:
    """Print the Pareto front, or the best points; a pruned one's score is an estimate (~)."""
    score, *costs = searched.config.objective
    listed = [*searched.complete, *searched.pruned][:_MOST]
    if costs:
        print(f"Pareto front, {score.upper()} against {costs[0]}")
        listed = search_front(searched)
    each = len(searched.config.steps)
    width = max([8, *(len(trial.point) for trial in listed)])
    print(
        f"{'shape':>{width}} {score.upper() + ' %':>6}{''.join(f'{c:>15}' for c in costs)}  cells"
    )
    for trial in listed:
        known = f"{'' if trial.values else '~'}{100 * (trial.known or 0):.1f}"
        cost = "".join(f"{millions(round(value)):>15}" for value in trial.values[1:])
        cells = each if trial.values else f"{len(trial.scores)} of {each}, pruned"
        print(f"{trial.point:>{width}} {known:>6}{cost}  {cells}")
    failed, repeated = len(searched.of(FAILED)), searched.repeated
    rest = [f"{counted(len(searched.complete), 'point')} complete"]
    rest += [f"{len(searched.pruned)} pruned"]
    rest += [f"{counted(failed, 'trial')} failed"] * bool(failed)
    rest += [f"{counted(repeated, 'trial')} repeated a point"] * bool(repeated)
    print(
        f"{', '.join(rest)}; {counted(searched.cells, 'cell')} of {searched.cells_of_all} "
        f"without pruning"
    )
