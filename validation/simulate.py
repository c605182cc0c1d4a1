"""Do the tests and intervals keep their promises? Thousands of studies without any training.

A study is drawn at the level of outcomes: speakers differ in how well they are recognised, shapes
may suit one speaker better than another, and utterances are right or wrong by chance. Then the
functions that the report uses say what they say, and it is counted how often they are wrong.

    python validation/simulate.py [--studies 5000] [--workers 2] [--out docs/validation]

writes ``simulation.csv`` and prints the table of docs/explanation/statistics.md.
"""

import argparse
import csv
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy.special import ndtr

from ablation.analysis import (
    RULES,
    Counts,
    difference_interval,
    joint_p_values,
    score_interval,
    speaker_shares,
)
from ablation.analysis.signflip import flip_p_values

CLASSES = ("neutral", "happy", "angry", "sad")
SHARES = np.array([0.24, 0.21, 0.37, 0.18])  # EmoDB's
SEED = 2018
LEVEL = 0.05
BATCH = 50  # studies a task


@dataclass(frozen=True)
class World:
    """How outcomes come about: an utterance is right when a sum of normal parts is above zero.

    Spreads are standard deviations of the parts, next to 1 of the utterance itself. As set, scores
    scatter between speakers by 11 points and paired differences by 6 to 7, as EmoDB's probes do
    (10.6 and 5.7 between the shapes of results/emodb).

    Attributes
    ----------
    gain
        What the last shape is better by (accuracy, 0..1); nothing else differs.
    step
        Whether the whole upper half of the shapes is better by ``gain``, as where a pattern of some
        extent is to be found.
    edge
        Whether all shapes but the first differ from it by ``gain``: ``up``, or by turns up and down
        (``both``).
    speaker, suits, training
        How speakers differ; how much a shape suits one speaker and not another; how much a
        training run of a shape is luckier than another for all speakers alike.
    shared
        How much of an utterance's own part is the same for all shapes (share of the variance).
    share
        Of the studies asked for: more speakers take longer.
    """

    name: str
    shapes: int
    speakers: int = 10
    utterances: int = 34  # a speaker, on average
    gain: float = 0.0
    step: bool = False
    edge: str = ""
    speaker: float = 0.25
    suits: float = 0.04
    training: float = 0.0
    shared: float = 0.85
    share: float = 1.0  # of the studies that are asked for

    @property
    def spread(self) -> float:
        """Of the whole sum, over speakers and utterances."""
        return float(np.sqrt(1 + self.speaker**2 + self.suits**2 + self.training**2))

    @property
    def gains(self) -> np.ndarray:
        """What each shape is better by, shape (shapes,)."""
        gains = np.zeros(self.shapes)
        first = 1 if self.edge else self.shapes // 2 if self.step else self.shapes - 1
        gains[first:] = self.gain
        if self.edge == "both":
            gains[2::2] *= -1
        return gains


WORLDS = (
    *(World("nothing differs", shapes) for shapes in (7, 14, 27)),
    World("nothing differs, 228 utterances a speaker", 14, utterances=228),
    World("nothing differs", 14, speakers=24, share=0.2),
    *(World("one shape 10 points better", shapes, gain=0.1) for shapes in (7, 14, 27)),
    World("one shape 10 points better, 228 utterances a speaker", 14, utterances=228, gain=0.1),
    World("one shape 5 points better", 14, gain=0.05),
    *(World("upper half 10 points better", shapes, gain=0.1, step=True) for shapes in (7, 14, 27)),
    World("luck of one training moves a shape by 1 point", 14, training=0.03),
)


def draw(world: World, rng: np.random.Generator) -> tuple[list[Counts], np.ndarray]:
    """A study's counts by shape, and the true accuracy of every shape and class.

    The truth is over speakers, utterances and training runs.
    """
    base = rng.normal(0.3, 0.4, len(CLASSES))  # where each class lies
    shifts = {gain: _shift(base, world.spread, gain) for gain in {0.0, *world.gains.tolist()}}
    means = base + np.array([shifts[gain] for gain in world.gains.tolist()])[:, None]
    truth = ndtr(means / world.spread)
    means = means + rng.normal(0, world.training, (world.shapes, 1))
    totals = rng.poisson(world.utterances * rng.uniform(0.6, 1.4, world.speakers)) + 4
    n = np.stack([rng.multinomial(total, SHARES) for total in totals]) + 1
    speaker = np.repeat(np.arange(world.speakers), n.sum(axis=1))
    label = np.concatenate([np.repeat(np.arange(len(CLASSES)), row) for row in n])
    person = rng.normal(0, world.speaker, world.speakers)
    suits = rng.normal(0, world.suits, (world.shapes, world.speakers))
    own = np.sqrt(1 - world.shared) * rng.standard_normal((world.shapes, len(label)))
    common = np.sqrt(world.shared) * rng.standard_normal(len(label)) + person[speaker]
    right = means[:, label] + suits[:, speaker] + common + own > 0
    cells = speaker * len(CLASSES) + label
    correct = [np.bincount(cells[row], minlength=n.size).reshape(n.shape) for row in right]
    speakers = tuple(f"s{k:02d}" for k in range(world.speakers))
    return [Counts(speakers, CLASSES, n.astype(float), c.astype(float)) for c in correct], truth


def _shift(base: np.ndarray, spread: float, gain: float) -> float:
    """What to add to every class so that the mean accuracy rises by ``gain``."""
    if not gain:
        return 0.0
    low, high = (0.0, 5.0) if gain > 0 else (-5.0, 0.0)
    for _ in range(50):
        middle = (low + high) / 2
        rise = SHARES @ (ndtr((base + middle) / spread) - ndtr(base / spread))
        low, high = (middle, high) if rise < gain else (low, middle)
    return high


def judge(world: World, rng: np.random.Generator) -> Iterator[tuple[str, bool]]:
    """What the statistics say of one drawn study: pairs of a question and whether it came true."""
    shapes, truth = draw(world, rng)
    wa = np.stack([speaker_shares(counts, "wa") for counts in shapes])
    against_first = wa[1:] - wa[0]
    upper = np.triu_indices(len(shapes), 1)
    pairs = wa[upper[0]] - wa[upper[1]]
    extents = {2 * k + 2: counts for k, counts in enumerate(shapes)}
    plateau = RULES["plateau"](extents, "wa").extent
    if world.step:
        yield "found: some against a fixed reference", _alarm(joint_p_values(against_first))
        yield "found: some of all pairs", _alarm(joint_p_values(pairs))
        wanted = 2 * (world.shapes // 2) + 2
        yield "found: plateau beyond the smallest", plateau > 2
        yield "found: plateau exactly where it begins", plateau == wanted
        yield "found: plateau within one step of it", abs(plateau - wanted) <= 2
    elif world.gain:
        yield "found: against a fixed reference", joint_p_values(against_first)[-1] <= LEVEL
        found = joint_p_values(pairs)[upper[1] == len(shapes) - 1] <= LEVEL
        yield "found: some of all pairs", bool(found.any())
        yield "found: every one of its pairs", bool(found.all())
    else:
        yield "false alarm: against a fixed reference", _alarm(joint_p_values(against_first))
        ua = np.stack([speaker_shares(counts, "ua") for counts in shapes])
        yield "false alarm: the same, UA", _alarm(joint_p_values(ua[1:] - ua[0]))
        yield "false alarm: all pairs", _alarm(joint_p_values(pairs))
        winner = int(wa.mean(axis=1).argmax())
        others = np.delete(wa[winner] - wa, winner, axis=0)
        yield "false alarm: winner against the rest, uncorrected", _alarm(flip_p_values(others))
        fixed = (wa[winner] - wa[0])[None] if winner else against_first[:1]
        yield (
            "false alarm: winner against a fixed reference, uncorrected",
            _alarm(flip_p_values(fixed)),
        )
        yield "false alarm: plateau beyond the smallest", plateau > 2
    weights = {"wa": mix(world), "ua": np.full(4, 0.25), "sad": np.eye(4)[3]}
    for metric, weight in weights.items():
        interval = score_interval(shapes[0], metric)
        yield f"covered: {metric}", interval.low <= float(weight @ truth[0]) <= interval.high
    gap = difference_interval(shapes[-1], shapes[0], "wa")
    true = float(mix(world) @ (truth[-1] - truth[0]))
    yield "covered: paired difference", gap.low <= true <= gap.high


def mix(world: World) -> np.ndarray:
    """Expected share of each class; one utterance of each is sure, so rare ones have more."""
    expected_n = (world.utterances + 4) * SHARES + 1
    return expected_n / expected_n.sum()


def _alarm(p_values: np.ndarray) -> bool:
    return bool((p_values <= LEVEL).any())


def bootstrap(world: World, rng: np.random.Generator) -> Iterator[tuple[str, bool]]:
    """The intervals that were not taken, of the same quantity: by resampling speakers."""
    from scipy.stats import bootstrap as resample

    shapes, truth = draw(world, rng)
    n, correct = shapes[0].n.sum(axis=1), shapes[0].correct.sum(axis=1)
    true = float(mix(world) @ truth[0])
    for method in ("percentile", "BCa"):
        interval = resample(
            (correct, n),
            lambda c, m, axis=-1: c.sum(axis=axis) / m.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=999,
            method=method,
            rng=rng,
        ).confidence_interval
        yield f"covered: wa by {method} bootstrap", bool(interval.low <= true <= interval.high)


def count(world_number: int, studies: int, batch: int) -> dict[str, list[int]]:
    """How often each question came true in a batch: [true, asked]."""
    rng = np.random.default_rng([SEED, world_number, batch])
    world = WORLDS[world_number]
    tally: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for _ in range(studies):
        answers = list(judge(world, rng))
        if world_number == 0:
            answers += bootstrap(world, rng)
        for question, came_true in answers:
            tally[question][0] += bool(came_true)
            tally[question][1] += 1
    return dict(tally)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    options = parser.parse_args()
    rows = []
    with Parallel(options.workers, return_as="generator") as parallel:
        for number, world in enumerate(WORLDS):
            start = time.perf_counter()
            batches = range(-(-round(options.studies * world.share) // BATCH))
            total: dict[str, list[int]] = defaultdict(lambda: [0, 0])
            for part in parallel(delayed(count)(number, BATCH, batch) for batch in batches):
                for question, (true, asked) in part.items():
                    total[question][0] += true
                    total[question][1] += asked
            for question, (true, asked) in total.items():
                rows.append([world.name, world.shapes, world.speakers, question, asked, true])
                print(
                    f"| {world.name} | {world.shapes} | {world.speakers} | {question} | "
                    f"{100 * true / asked:.1f} % |",
                    flush=True,
                )
            print(f"  ({time.perf_counter() - start:.0f} s)", flush=True)
    lines = [["world", "shapes", "speakers", "question", "studies", "came_true"], *rows]
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "simulation.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
