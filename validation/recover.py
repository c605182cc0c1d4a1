"""Is a planted truth found? Whole studies on synthetic sound whose answer is known.

Trains the grid of studies/planted.toml for three extents on each axis and for nothing planted (half
an hour on two cores; stored cells are not trained again), then asks the rules.

    python validation/recover.py [--results results] [--out docs/validation]

writes ``recovery.csv`` and prints the table of docs/explanation/statistics.md.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

from ablation.analysis import RULES, all_pairs
from ablation.analysis.study_results import StudyResults
from ablation.results import run_record
from ablation.study import AXES

EXTENTS = {"height": (200, 400, 800, 0), "width": (160, 320, 640, 0)}  # Hz, ms; 0: nothing
STUDY = Path(__file__).parents[1] / "studies" / "planted.toml"
COLUMNS = (
    "axis", "planted", "planted_extent", "grid", "plateau", "steps_off", "one_se", "best",
    "wa_below", "wa_plateau", "wa_best", "pairs_told_apart", "pairs",
)  # fmt: skip


def train(axis: str, extent: int, results: Path) -> str:
    """Run the study's grid; returns its name."""
    name = f"planted-{axis}-{extent or 'nothing'}"
    changes = (f"name='{name}'", f"corpus.options.axis='{axis}'", f"corpus.options.extent={extent}")
    command = ["grid", "--axis", axis, "--study", str(STUDY), "--results", str(results)]
    for change in changes:
        command += ["--set", change]
    subprocess.run([str(Path(sys.executable).with_name("ablate")), *command], check=True)
    return name


def judge(axis_name: str, planted: int, name: str, results: Path) -> dict[str, object]:
    """What the rules say of a stored study."""
    axis = AXES[axis_name]
    run = run_record.find_run(results, name)
    shapes = StudyResults(results, run).axis_shapes(axis)
    grid = sorted(shapes)
    features = run.study.features
    unit = features.bin_hz if axis_name == "height" else features.hop_ms
    chosen = {rule: choose(shapes, "wa") for rule, choose in RULES.items()}
    plateau = chosen["plateau"].extent
    true = round(planted / unit) if planted else grid[0]
    pairs = all_pairs({str(extent): counts for extent, counts in shapes.items()}).comparisons
    return {
        "axis": axis_name,
        "planted": planted or "nothing",
        "planted_extent": true if planted else "",
        "grid": " ".join(map(str, grid)),
        "plateau": plateau,
        "steps_off": grid.index(plateau) - grid.index(true),
        "one_se": chosen["one-se"].extent,
        "best": chosen["best"].extent,
        "wa_below": f"{shapes[max([e for e in grid if e < true] or grid[:1])].score('wa'):.4f}",
        "wa_plateau": f"{chosen['plateau'].score:.4f}",
        "wa_best": f"{chosen['best'].score:.4f}",
        "pairs_told_apart": sum(c.significant for c in pairs),
        "pairs": len(pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, default=Path("docs/validation"))
    options = parser.parse_args()
    rows = []
    for axis, extents in EXTENTS.items():
        for extent in extents:
            name = train(axis, extent, options.results)
            rows.append(judge(axis, extent, name, options.results))
            print("| " + " | ".join(str(value) for value in rows[-1].values()) + " |", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "recovery.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
