"""Which effect does the sign-flip test find four times out of five? Answered by simulation.

The gains of a study's speakers are drawn from a normal distribution and tested by the functions
that the report uses. Sought is the effect d_z (mean gain over its standard deviation between
speakers) that is significant in 80 % of the studies, and the margin (over the same) within which
equivalence is shown in 80 % of the studies of shapes that are equally good.

    python validation/power.py [--studies 20000] [--out docs/validation]

writes ``power.csv``, of which ``ablation/analysis/variance.py`` has effects and margins as tables,
and ``power_table.csv``: what ``ablate power`` says of more speakers and of several seeds, and how
many of the simulated studies find it.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from ablation.analysis import SHIPPED, Spread, detectable, equivalence_margin, equivalence_p_values
from ablation.analysis.signflip import flip_p_values, sign_flips
from ablation.analysis.variance import POWER, SIGNIFICANCE

SPEAKERS = range(6, 15)  # fewer find nothing at 5 %; with more, the t-test's power is as good
EQUIVALENT = range(5, 15)  # five can show equivalence: its two tests are one-sided
SPREADS = {  # of paired differences: as with one seed, and as with several
    "emodb": SHIPPED,
    "seeds": Spread(0.04, 0.01, 0.04, 10, 3),
}
ASKED = [(speakers, seeds) for speakers in (6, 10, 24, 91) for seeds in (1, 3)]
SEED = 2018
LOW, HIGH = 0.4, 3.0  # effects between which the answer lies
STEP = 0.05  # of the effect, either way, for the slope of the power


def needed(speakers: int, studies: int) -> tuple[float, float]:
    """Return the effect found with :data:`POWER` by so many speakers, and its standard error."""
    noise = np.random.default_rng([SEED, speakers]).standard_normal((studies, speakers))

    def power(effect: float) -> float:
        return float((flip_p_values(noise + effect) <= SIGNIFICANCE).mean())

    effect = brentq(lambda x: power(x) - POWER, LOW, HIGH, xtol=0.001)
    slope = (power(effect + STEP) - power(effect - STEP)) / (2 * STEP)
    return effect, float(np.sqrt(POWER * (1 - POWER) / studies)) / slope


def margin(speakers: int, studies: int) -> float:
    """Return the margin shown with :data:`POWER` by so many speakers without any difference.

    Each study's smallest one is read off all flips at once: they keep a mean from a margin if the
    mean of the speakers that are flipped lies beyond it (Hartigan, JASA 64, 1969).
    """
    noise = np.random.default_rng([SEED, speakers]).standard_normal((studies, speakers))
    flipped = (1 - sign_flips(speakers, two_sided=False)[1:]) / 2  # without the one of nobody
    subsets = flipped / flipped.sum(axis=1, keepdims=True)
    allowed = int(SIGNIFICANCE * 2**speakers) - 1
    smallest = []
    for gains in noise:
        means = np.sort(subsets @ gains)
        smallest.append(max(means[-1 - allowed], -means[allowed]))
    return float(np.quantile(smallest, POWER))


def powers(noise: Spread, speakers: int, seeds: int, studies: int) -> tuple[float, float]:
    """Return how many simulated studies find the difference, and show the margin, that
    ``ablate power`` says 80 % of them do."""
    rng = np.random.default_rng([SEED, speakers, seeds])
    shared = rng.normal(0, noise.shared(seeds), (studies, 1))
    gains = shared + rng.normal(0, noise.between(seeds), (studies, speakers))
    difference = detectable(noise, speakers, seeds)
    within = equivalence_margin(noise, speakers, seeds)
    found = flip_p_values(gains + difference) <= SIGNIFICANCE
    shown = [equivalence_p_values(row, within)[0] <= SIGNIFICANCE for row in gains]
    return float(found.mean()), float(np.mean(shown))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    options = parser.parse_args()
    lines: list[list[object]] = [["speakers", "effect", "standard_error", "margin", "studies"]]
    for speakers in EQUIVALENT:
        start = time.perf_counter()
        effect, error = float("inf"), 0.0
        if speakers in SPEAKERS:
            effect, error = needed(speakers, options.studies)
        shown = margin(speakers, options.studies)
        lines.append([speakers, f"{effect:.3f}", f"{error:.3f}", f"{shown:.3f}", options.studies])
        print(
            f"{speakers} speakers: d_z {effect:.3f} (s.e. {error:.3f}), margin {shown:.3f} "
            f"({time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    _write(options.out / "power.csv", lines)
    lines = [["spreads", "speakers", "seeds", "difference", "found", "margin", "shown"]]
    for name, noise in SPREADS.items():
        for speakers, seeds in ASKED:
            if seeds > 1 and noise.seeds < 2:
                continue
            said = (f(noise, speakers, seeds) for f in (detectable, equivalence_margin))
            found = powers(noise, speakers, seeds, options.studies // 10)
            row = [f"{x:.4f}" for pair in zip(said, found, strict=True) for x in pair]
            lines.append([name, speakers, seeds, *row])
            print(*lines[-1], flush=True)
    _write(options.out / "power_table.csv", lines)


def _write(file: Path, lines: list[list[object]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
