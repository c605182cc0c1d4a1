"""What pruning saves and costs: searches of made-up studies whose truth is known.

Nothing is trained: a cell's score is drawn from its shape's true score, its fold and its own luck,
as large as on the demonstration (a cell scatters by 5.8 points, a fold by 6.7). The trials are
Optuna's own, drawn and given up as by ``ablate search``.

    python validation/prune.py [--studies 12] [--trials 40]

prints the table of docs/how-to/search.md (ten minutes of one core).
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import numpy as np

from ablation.results.search_record import SearchConfig, Searched
from ablation.searches.schedule import Key, Schedule
from ablation.searches.space import Space, Variant
from ablation.searches.trials import Trials
from ablation.study import Shape, load_study

FOLDS, EACH = 10, 30  # utterances of a fold
LOW, HIGH = 2, 40
Truth = Callable[[Shape], float]


def plateau(shape: Shape) -> float:
    """Beyond 9 bins no height gains; wide filters lose a little."""
    return (
        0.725 - 0.055 * max(0, np.log2(9 / shape.height)) - 0.012 * max(0, np.log2(shape.width / 4))
    )


def peak(shape: Shape) -> float:
    """16x7 is 4.5 points above a plateau."""
    height, width = np.log2(shape.height / 16), np.log2(shape.width / 7)
    slope = 0.04 * max(0, np.log2(6 / shape.height)) + 0.01 * max(0, np.log2(shape.width / 6))
    return 0.69 - slope + 0.045 * np.exp(-(height**2 + width**2) / (2 * 0.8**2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--studies", type=int, default=12, help="of each kind (12)")
    options = parser.parse_args()
    print("study    prune_p  cells saved (least)  true score of the shape found, %")
    for truth in (plateau, peak):
        for p in (None, 0.1, 0.2, 0.3):
            found = [search(truth, p, number, options.trials) for number in range(options.studies)]
            saved = [1 - one.cells / one.cells_of_all for one in found]
            score = mean(truth(one.complete[0].shape) for one in found)
            print(
                f"{truth.__name__:8} {p or 'none':>7}  {mean(saved):>11.0%} ({min(saved):.0%})"
                f"{100 * score:>20.2f}",
                flush=True,
            )


def search(truth: Truth, p: float | None, number: int, wanted: int) -> Searched:
    """The search of one made-up study."""
    folds = tuple(f"f{fold}" for fold in range(FOLDS))
    bounds = (LOW, HIGH)
    config = SearchConfig(
        "made up", ("wa",), "tpe", p, number, bounds, bounds, {}, (), 40.0, (0,), folds
    )
    space = Space(bounds, bounds, (Variant(load_study("demo"), "made up"),))
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder) / "search.db", config, space)
        schedule = Schedule(
            trials, wanted, 1, 1, ("all",), lambda key: row(truth, key, number), lambda _: None
        )
        if schedule.due():
            raise RuntimeError("every cell's score is known")
        return trials.searched


def row(truth: Truth, key: Key, number: int) -> dict:
    """A cell's row, the same in every search of the study."""
    digest, height, width, window, seed, fold = key
    place = int(fold[1:])
    hard = np.random.default_rng([number, place]).normal(0, 0.066)
    luck = np.random.default_rng([number, place, height, width]).normal(0, 0.058)
    right = round(EACH * float(np.clip(truth(Shape(height, width)) + hard + luck, 0, 1)))
    return {
        "digest": digest, "height": height, "width": width, "window_ms": window, "seed": seed,
        "fold": fold,
        "status": "ok", "wa": right / EACH, "ua": right / EACH, "n_test": EACH,
        "n_correct": right, "n_all": EACH, "correct_all": right,
    }  # fmt: skip


if __name__ == "__main__":
    main()
