"""Options that commands share, and the texts they take."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ablation.cli import completing
from ablation.errors import StudyError, counted, suggestion

if TYPE_CHECKING:
    from ablation.study import Shape, Study

Number = TypeVar("Number", int, float)


class AxisName(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    height = "height"
    width = "width"
    both = "both"
    product = "product"


StudyOption = Annotated[
    Path,
    typer.Option(
        "--study",
        help="Study file, or the name of one that ships with ablation.",
        autocompletion=completing.studies,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Any field, as in training.epochs=5.",
        autocompletion=completing.fields,
    ),
]
CorpusOption = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        help="Replace the study's corpus (ablate corpus list).",
        autocompletion=completing.corpora,
    ),
]
RootOption = Annotated[
    Path | None, typer.Option("--corpus-root", help="The corpus' folder; a manifest's file.")
]
ResultsOption = Annotated[Path, typer.Option("--results", help="Folder of all results.")]
FiguresOption = Annotated[Path, typer.Option("--figures", help="Folder of all figures.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Worker processes on the CPU.")
]
DevicesOption = Annotated[
    str | None,
    typer.Option(
        "--devices",
        help="auto (all usable cards, else the CPU), cpu, cuda (all cards) or cuda:0,cuda:1.",
    ),
]
PerDeviceOption = Annotated[
    int | None, typer.Option("--workers-per-device", min=1, help="Workers on each card.")
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS|none",
        help="A dask scheduler, as tcp://host:8786; none: this machine, whatever the study says.",
    ),
]
DigestOption = Annotated[
    str | None, typer.Option("--digest", help="Settings to take; default: those last run.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, and how long it takes.")
]
DryRunJsonOption = Annotated[bool, typer.Option("--json", help="What --dry-run says, for scripts.")]
DEMO = Path("studies/demo.toml")
RESULTS, FIGURES = Path("results"), Path("figures")


def parse_words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def parse_numbers(option: str, text: str, kind: Callable[[str], Number]) -> list[Number]:
    """ "2,4,8" as numbers; :class:`StudyError` naming the word that is none."""
    numbers = []
    for word in text.split(","):
        try:
            numbers.append(kind(word.strip()))
        except ValueError as error:
            what = "a whole number" if kind is int else "a number"
            raise StudyError(
                f"{option} {text}: {word.strip()!r} is not {what}", "numbers parted by commas"
            ) from error
    return numbers


def parse_seeds(text: str) -> list[int]:
    """Seeds as numbers; :class:`StudyError` naming one that is none."""
    seeds = parse_numbers("--seeds", text, int)
    for seed in seeds:
        if not 0 <= seed < 2**31:
            raise StudyError(f"--seeds {text}: {seed} is no seed", "allowed: 0 to 2147483647")
    return seeds


def parse_shapes(words: Sequence[str], option: str = "--shapes") -> "tuple[Shape, ...]":
    """ "10x2" and the like as shapes; :class:`StudyError` naming the word that is none."""
    from ablation.study import Shape

    if not words:
        raise StudyError(f"{option}: no shape is given", f"as in: {option} 10x2")
    try:
        return tuple(Shape.parse(word) for word in dict.fromkeys(words))
    except StudyError as error:
        raise StudyError(f"{option}: {error.what}", error.remedy) from error


def grid_wish(
    study: "Study", axis: str | None, shapes: str | None, matched: str | None, values: str | None
) -> "str | tuple[Shape, ...]":
    """The axis, or the shapes asked for in its place.

    ``matched`` are all those of as many weights that fit the study's segments.

    Raises
    ------
    StudyError
        When not exactly one of the three is given, or a shape cannot be read.
    """
    from ablation.study import matched_shapes

    given = {"--axis": axis, "--shapes": shapes, "--matched": matched}
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        raise StudyError(
            f"{' and '.join(names)} are both given" if names else "which shapes is not said",
            "give one of --axis height|width|both|product, --shapes 10x2,4x5, --matched 10x2",
        )
    if axis is not None:
        return axis
    if values is not None:
        raise StudyError(f"--values is of an axis, not of {names[0]}", "leave one of them out")
    chosen = parse_shapes(parse_words(shapes or matched or ""), names[0])
    for shape in chosen:
        if shape.filters is not None:
            raise StudyError(
                f"{names[0]}: {shape} says a number of filters",
                "a probe has probe.filters of one shape, as in --set probe.filters=16",
            )
    if matched is None:
        return chosen
    if len(chosen) != 1:
        raise StudyError(f"--matched {matched}: more than one shape", "as in --matched 10x2")
    features = study.features
    fitting = tuple(
        shape
        for shape in matched_shapes(chosen[0])
        if shape.height <= features.height and shape.width <= features.width
    )
    if not fitting:
        raise StudyError(
            f"--matched {matched}: no shape of as many weights fits a segment of "
            f"{counted(features.height, 'bin')} x {counted(features.width, 'frame')}",
            "as in --matched 10x2",
        )
    return fitting


def grid_overrides(
    axis: str, values: str | None, windows: str | None, seeds: str | None, folds: str | None
) -> list[str]:
    """The grid's own options as ``--set`` texts."""
    overrides = []
    if values is not None:
        numbers = parse_numbers("--values", values, int)
        if min(numbers) < 1:
            raise StudyError(
                f"--values {values}: {min(numbers)} is no extent of a filter",
                "whole numbers from 1 on: bins of a height, frames of a width",
            )
        if axis != "width":
            overrides.append(f"grid.heights={numbers}")
        if axis != "height":
            overrides.append(f"grid.widths={numbers}")
    if windows is not None:
        overrides.append(f"grid.windows={parse_numbers('--windows', windows, float)}")
    if seeds is not None:
        overrides.append(f"grid.seeds={parse_seeds(seeds)}")
    if folds == "speaker":
        overrides.append('folds.scheme="speaker"')
    elif folds is not None:
        if not folds.isdigit():
            raise StudyError(
                f"--folds {folds}: neither 'speaker' nor a number of speaker groups",
                "as in: --folds speaker, or --folds 6",
            )
        overrides += ['folds.scheme="speaker-groups"', f"folds.count={folds}"]
    return overrides


def parse_shard(text: str) -> tuple[int, int]:
    """ "0/4" as the first of four; :class:`StudyError` for what is none."""
    index, _, count = text.partition("/")
    if not re.fullmatch("[0-9]{1,9}/[0-9]{1,9}", text) or int(index) >= int(count):
        raise StudyError(
            f"--shard {text}: not I/N with I from 0 to N - 1", "as in --shard 0/4 for the first"
        )
    return int(index), int(count)


def execution_overrides(
    workers: int | None,
    devices: str | None,
    per_device: int | None,
    cluster: str | None = None,
) -> list[str]:
    overrides = []
    if cluster is not None:
        overrides.append("cluster={}" if cluster == "none" else f"cluster.address={cluster!r}")
    if workers is not None:
        overrides.append(f"execution.workers={workers}")
    if devices is not None:
        overrides.append(f"execution.devices={parse_words(devices)}")
    if per_device is not None:
        overrides.append(f"execution.workers_per_device={per_device}")
    return overrides


def chosen_poolings(text: str | None, default: str) -> list[str]:
    """The poolings of ``--pooling``; :class:`StudyError` naming one that is unknown."""
    from ablation.study import NETWORK_NAMES, PAPER_POOLINGS

    chosen: list[str] = []
    for word in [default] if text is None else text.lower().split(","):
        word = word.strip()
        if word == "all":
            chosen += PAPER_POOLINGS
        elif word in NETWORK_NAMES:
            chosen.append(word)
        else:
            raise StudyError(
                f"--pooling: no pooling {word!r}", suggestion(word, ["all", *NETWORK_NAMES])
            )
    return list(dict.fromkeys(chosen))


def load_given(
    study: Path, overrides: Sequence[str], corpus: str | None, root: Path | None
) -> "Study":
    """The study of the command line's options."""
    from ablation.study import load_study

    return load_study(study, overrides, corpus, root)


def study_name(study: Path) -> str:
    return load_given(study, [], None, None).name
