"""Which effect does the sign-flip test find four times out of five? Answered by simulation.

The gains of a study's speakers are drawn from a normal distribution and tested by the function that
the report uses. Sought is the effect d_z (mean gain over its standard deviation between speakers)
that is significant in 80 % of the studies.

    python validation/power.py [--studies 20000] [--out docs/validation]

writes ``power.csv``. ``ablation/analysis/variance.py`` has its effects as a table.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from ablation.analysis.signflip import flip_p_values
from ablation.analysis.variance import POWER, SIGNIFICANCE

SPEAKERS = range(6, 15)  # fewer find nothing at 5 %; with more, the t-test's power is as good
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    options = parser.parse_args()
    lines: list[list[object]] = [["speakers", "effect", "standard_error", "studies"]]
    for speakers in SPEAKERS:
        start = time.perf_counter()
        effect, error = needed(speakers, options.studies)
        lines.append([speakers, f"{effect:.3f}", f"{error:.3f}", options.studies])
        print(
            f"{speakers} speakers: d_z {effect:.3f}, standard error {error:.3f} "
            f"({time.perf_counter() - start:.0f} s)",
            flush=True,
        )
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "power.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
