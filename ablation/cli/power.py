"""``ablate power``: what so many speakers and seeds could show, before they are recorded."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ablation.cli import completion
from ablation.cli.failures import say
from ablation.cli.options import FIGURES, FiguresOption, MetricOption, Stored, parse_numbers
from ablation.cli.plan_printing import print_object
from ablation.cli.report import import_matplotlib
from ablation.errors import counted
from ablation.errors.common import InvalidOption
from ablation.errors.reading import NoCompleteAxis

if TYPE_CHECKING:
    from ablation.analysis import Spread

_MOST = 100_000


def power(
    *,
    speakers: Annotated[str, Option(help="Numbers of speakers.")] = "10,24,91",
    seeds: Annotated[str, Option(help="Numbers of seeds of training.")] = "1,3",
    study: Annotated[
        Path | None,
        Option(
            help="Take the spreads from this study's rows; default: as in a study of EmoDB.",
            autocompletion=completion.studies,
        ),
    ] = None,
    metric: MetricOption = "wa",
    stored: Stored,
    output: Annotated[
        Path | None, Option(help="Default: FIGURES/STUDY/power.png (or .pdf, .svg).")
    ] = None,
    figures: FiguresOption = FIGURES,
    json_: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how small a difference a study of so many speakers and seeds would find.

    And how narrow a margin it would show two equal shapes to be equivalent within: 80 % of such
    studies do, in one planned comparison.
    """
    import_matplotlib()
    from ablation.analysis import SHIPPED, detectable, equivalence_margin
    from ablation.figures import draw_power, write_figure

    counts = {"--speakers": _numbers("--speakers", speakers), "--seeds": _numbers("--seeds", seeds)}
    noise, name, origin = SHIPPED, "power", "results/emodb"
    if study is not None:
        noise, name, origin = _measured(study, stored, metric)
    rows = [
        {
            "speakers": many,
            "seeds": trained,
            "difference": detectable(noise, many, trained),
            "margin": equivalence_margin(noise, many, trained),
        }
        for many in counts["--speakers"]
        for trained in counts["--seeds"]
    ]
    path = output or figures / name / "power.png"
    title = f"What 80 % of studies show of two shapes, with the spreads of {origin}"
    write_figure(
        lambda: draw_power(noise, counts["--speakers"], counts["--seeds"], title), path, "--output"
    )
    if json_:
        plain = [_known(row) for row in rows]
        print_object({"of": origin, "spreads": _known(vars(noise)), "smallest": plain})
    else:
        _print_rows(rows, noise, origin)
    say(f"figure: {path}")


def _known(row: dict[str, float]) -> dict[str, float | None]:
    """Return the numbers as JSON has them: none for what is infinite or not known."""
    return {name: value if isfinite(value) else None for name, value in row.items()}


def _numbers(option: str, text: str) -> list[int]:
    numbers = parse_numbers(option, text, int)
    for number in numbers:
        if not 1 <= number <= _MOST:
            raise InvalidOption(option, number, f"whole numbers from 1 to {_MOST}")
    return sorted(set(numbers))


def _measured(study: Path, stored: Stored, metric: str) -> tuple[Spread, str, str]:
    """Return the spreads of the axis of a study where they are largest, its name, and both."""
    from ablation.analysis.evidence import Evidence
    from ablation.analysis.study_results import StudyResults

    run = stored.taken(study)
    axes = Evidence(StudyResults(stored.results, run), None, metric).axes.values()
    if not axes:
        raise NoCompleteAxis(run.study.name, run.digest)
    axis = max(axes, key=lambda one: one.noise.between(1))
    return axis.noise, run.study.name, f"{run.study.name}'s {axis.axis.name}s"


def _print_rows(rows: list[dict[str, float]], noise: Spread, origin: str) -> None:
    """Print the spreads and a line for each number of speakers and seeds, in points."""
    parts = [f"{100 * noise.speaker:.1f} points between speakers"]
    if noise.seeds > 1:
        parts += [
            f"{100 * noise.seed:.1f} between seeds, common to all speakers",
            f"{100 * noise.rest:.1f} speaker by seed",
        ]
    measured = f"{counted(noise.speakers, 'speaker')}, {counted(noise.seeds, 'seed')}"
    print(f"standard deviations of a paired difference: {'; '.join(parts)} ({origin}: {measured})")
    if noise.seeds < 2:
        print("with one seed, the spread between seeds is unknown: more of them change nothing")
    print("80 % of such studies show, in one planned comparison of two shapes (points):")
    print("speakers  seeds  a difference from  equivalence within")
    for row in rows:
        shown = [
            f"{100 * row[k]:.1f}" if isfinite(row[k]) else "-" for k in ("difference", "margin")
        ]
        print(f"{row['speakers']:>8}  {row['seeds']:>5}  {shown[0]:>17}  {shown[1]:>18}")
