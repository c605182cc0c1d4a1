"""How often is a difference that is as large as the margin called equivalent?

Studies are drawn as in ``simulate.py``, with shapes that differ by exactly the margin: all of them
from the first, upwards or by turns up and down, and the upper half of them from the lower. Counted
are the studies in which any of these is shown to be equivalent: 5 % are allowed, for the whole
family.

    python validation/equivalence.py [--studies 5000] [--workers 2] [--out docs/validation]

writes ``equivalence.csv`` and prints the table of docs/explanation/statistics.md.
"""

import argparse
import csv
from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from simulate import BATCH, LEVEL, SEED, World, draw, mix

from ablation.analysis import equivalence_p_values, speaker_shares

# Of a margin as wide as 10 points the differences themselves are skewed, which the tests of two
# sides suppose they are not.
WORLDS = tuple(
    World(name, shapes, speakers, gain=margin, step=not edge, edge=edge, share=share)
    for (margin, speakers), shapes, (name, edge, share) in product(
        ((0.05, 10), (0.05, 24), (0.1, 10)),
        (2, 7, 27),
        (
            ("all better than the reference", "up", 0.6),
            ("all better or worse than the reference", "both", 0.6),
            ("upper half better than the lower, all pairs", "", 0.2),
        ),
    )
    if shapes > 2 or edge == "up"  # of two, all are the same
)


def wrong(world: World, rng: np.random.Generator) -> bool:
    """Whether a drawn study calls any two shapes equivalent that differ by the margin."""
    shapes, truth = draw(world, rng)
    wa = np.stack([speaker_shares(counts, "wa") for counts in shapes])
    first, second = np.triu_indices(len(shapes), 1)
    if world.edge:
        first, second = first[: len(shapes) - 1], second[: len(shapes) - 1]  # only the reference's
    apart = world.gains[first] != world.gains[second]
    differences = np.abs((truth[second] - truth[first]) @ mix(world))
    p_values = equivalence_p_values(wa[second] - wa[first], float(differences[apart].min()))
    return bool((p_values[apart] <= LEVEL).any())


def count(number: int, batch: int) -> int:
    """In how many studies of a batch an equivalence is wrong."""
    rng = np.random.default_rng([SEED, number, batch])
    return sum(wrong(WORLDS[number], rng) for _ in range(BATCH))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    options = parser.parse_args()
    lines: list[list[object]] = [
        ["world", "margin", "shapes", "speakers", "studies", "wrongly_equivalent"]
    ]
    with Parallel(options.workers) as parallel:
        for number, world in enumerate(WORLDS):
            share = world.share if world.speakers > 10 else 1  # more speakers take longer
            batches = -(-round(options.studies * share) // BATCH)
            counts = parallel(delayed(count)(number, batch) for batch in range(batches))
            studies, errors = batches * BATCH, sum(counts)
            lines.append([world.name, world.gain, world.shapes, world.speakers, studies, errors])
            print(
                f"| {world.name} | {100 * world.gain:.0f} | {world.shapes} | {world.speakers} | "
                f"{100 * errors / studies:.1f} % |",
                flush=True,
            )
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "equivalence.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


if __name__ == "__main__":
    main()
