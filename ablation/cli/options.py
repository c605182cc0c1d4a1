"""Options that commands share, and how their texts are read."""

import re
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ablation.cli import completion
from ablation.errors.common import InvalidOption, OptionMissing, OptionsExclude, UnknownName
from ablation.errors.studies import NoMatchedShape

if TYPE_CHECKING:
    from ablation.study import Shape, Study
    from ablation.study.reading import Override

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
        help="Study file, or the name of a shipped study.",
        autocompletion=completion.studies,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Set any field of the study, e.g. training.epochs=5. Repeatable.",
        autocompletion=completion.fields,
    ),
]
CorpusOption = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        help="Use this corpus instead of the study's (see: ablate corpus list).",
        autocompletion=completion.corpora,
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option("--corpus-root", help="Folder of the corpus, or manifest file."),
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
        help="auto (all usable GPUs, else the CPU), cpu, cuda (all GPUs) or cuda:0,cuda:1.",
    ),
]
PerDeviceOption = Annotated[
    int | None, typer.Option("--workers-per-device", min=1, help="Worker processes per GPU.")
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS|none",
        help="Address of a dask scheduler, e.g. tcp://host:8786; none: use this machine only.",
    ),
]
DigestOption = Annotated[
    str | None,
    typer.Option("--digest", help="Digest of the settings to use; default: those run last."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be done and how long it would take.")
]
DryRunJsonOption = Annotated[bool, typer.Option("--json", help="Print the dry run as JSON.")]
DEMO = Path("studies/demo.toml")
RESULTS, FIGURES = Path("results"), Path("figures")


def parse_words(text: str) -> list[str]:
    """Return the comma-separated words of ``text``."""
    return [word.strip() for word in text.split(",") if word.strip()]


def parse_numbers(option: str, text: str, kind: Callable[[str], Number]) -> list[Number]:
    """Return "2,4,8" as numbers; :class:`InvalidOption` names a word that is not one."""
    numbers = []
    for word in text.split(","):
        try:
            numbers.append(kind(word.strip()))
        except ValueError as error:
            what = "whole numbers" if kind is int else "numbers"
            raise InvalidOption(option, word.strip(), f"comma-separated {what}") from error
    return numbers


def parse_seeds(text: str) -> list[int]:
    """Return seeds as numbers; :class:`InvalidOption` names a word that is not one."""
    seeds = parse_numbers("--seeds", text, int)
    for seed in seeds:
        if not 0 <= seed < 2**31:
            raise InvalidOption("--seeds", seed, "whole numbers from 0 to 2147483647")
    return seeds


def parse_shapes(words: Sequence[str], option: str = "--shapes") -> "tuple[Shape, ...]":
    """Return "10x2" and the like as shapes; a :class:`StudyError` names a word that is not one."""
    from ablation.study import Shape

    if not words:
        raise InvalidOption(option, "", "comma-separated shapes", "10x2,4x5")
    return tuple(Shape.parse(word, option) for word in dict.fromkeys(words))


def requested_shapes(
    study: "Study", axis: str | None, shapes: str | None, matched: str | None, values: str | None
) -> "str | tuple[Shape, ...]":
    """Return the axis, or the shapes given instead of one.

    ``matched`` stands for all shapes with as many weights that fit the study's segments.

    Raises
    ------
    StudyError
        When not exactly one of the three is given, or a shape cannot be read.
    """
    given = {"--axis": axis, "--shapes": shapes, "--matched": matched}
    names = [name for name, value in given.items() if value is not None]
    if not names:
        raise OptionMissing(
            "shapes", ["--axis height|width|both|product", "--shapes 10x2,4x5", "--matched 10x2"]
        )
    if len(names) > 1:
        raise OptionsExclude(names)
    if axis is not None:
        return axis
    if values is not None:
        raise OptionsExclude(["--values", names[0]])
    chosen = parse_shapes(parse_words(shapes or matched or ""), names[0])
    for shape in chosen:
        if shape.filters is not None:
            expected = "HEIGHTxWIDTH alone (probe.filters says how many filters a probe has)"
            raise InvalidOption(names[0], str(shape), expected, "10x2")
    if matched is None:
        return chosen
    if len(chosen) != 1:
        raise InvalidOption("--matched", matched, "one shape", "10x2")
    return _matched(study, chosen[0])


def _matched(study: "Study", shape: "Shape") -> "tuple[Shape, ...]":
    """Return all shapes with as many weights that fit the study's segments."""
    from ablation.study import matched_shapes

    height, width = study.features.height, study.features.width
    fitting = tuple(
        one for one in matched_shapes(shape) if one.height <= height and one.width <= width
    )
    if not fitting:
        raise NoMatchedShape(str(shape), height, width)
    return fitting


def grid_overrides(
    axis: str, values: str | None, windows: str | None, seeds: str | None, folds: str | None
) -> "list[Override]":
    """Return the fields that the grid's own options set."""
    overrides: list[Override] = []
    if values is not None:
        numbers = parse_numbers("--values", values, int)
        if min(numbers) < 1:
            raise InvalidOption(
                "--values", min(numbers), "numbers of bins (height) or frames (width) from 1 on"
            )
        if axis != "width":
            overrides.append(("grid.heights", numbers))
        if axis != "height":
            overrides.append(("grid.widths", numbers))
    if windows is not None:
        overrides.append(("grid.windows", parse_numbers("--windows", windows, float)))
    if seeds is not None:
        overrides.append(("grid.seeds", parse_seeds(seeds)))
    if folds == "speaker":
        overrides.append(("folds.scheme", "speaker"))
    elif folds is not None:
        if not re.fullmatch("[0-9]{1,9}", folds):
            raise InvalidOption("--folds", folds, "speaker or a number of speaker groups", "6")
        overrides += [("folds.scheme", "speaker-groups"), ("folds.count", int(folds))]
    return overrides


def parse_shard(text: str) -> tuple[int, int]:
    """Return "0/4" as (0, 4); :class:`InvalidOption` for any other text."""
    index, _, count = text.partition("/")
    if not re.fullmatch("[0-9]{1,9}/[0-9]{1,9}", text) or int(index) >= int(count):
        raise InvalidOption("--shard", text, "I/N with I from 0 to N - 1", "0/4")
    return int(index), int(count)


def execution_overrides(
    workers: int | None,
    devices: str | None,
    per_device: int | None,
    cluster: str | None = None,
) -> "list[Override]":
    """Return the fields that say where cells are trained."""
    overrides: list[Override] = []
    if cluster is not None:
        overrides.append(("cluster", {}) if cluster == "none" else ("cluster.address", cluster))
    if workers is not None:
        overrides.append(("execution.workers", workers))
    if devices is not None:
        overrides.append(("execution.devices", parse_words(devices)))
    if per_device is not None:
        overrides.append(("execution.workers_per_device", per_device))
    return overrides


def set_overrides(texts: Sequence[str] | None) -> "list[Override]":
    """Return the fields that ``--set`` names; :class:`InvalidOption` for a text that is none."""
    from ablation.study.reading import parse_override

    return [parse_override(text) for text in texts or ()]


def chosen_poolings(text: str | None, default: str) -> list[str]:
    """Return the poolings of ``--pooling``; :class:`UnknownName` for one that does not exist."""
    from ablation.study import NETWORK_NAMES, PAPER_POOLINGS

    chosen: list[str] = []
    for word in [default] if text is None else text.lower().split(","):
        word = word.strip()
        if word == "all":
            chosen += PAPER_POOLINGS
        elif word in NETWORK_NAMES:
            chosen.append(word)
        else:
            raise UnknownName("--pooling", word, ["all", *NETWORK_NAMES])
    return list(dict.fromkeys(chosen))


def load_given(
    study: Path, overrides: "Sequence[Override]", corpus: str | None, root: Path | None
) -> "Study":
    """Return the study that the command line describes."""
    from ablation.study import load_study

    return load_study(study, overrides, corpus, root)


def study_name(study: Path) -> str:
    """Return the name of the study in a file, under which its results lie."""
    return load_given(study, [], None, None).name
