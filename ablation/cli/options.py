"""Options that commands share, alone or in groups, and how their texts are read.

A group is a dataclass. A command that takes one has each of its fields as an option of its own, in
the group's place (:func:`with_groups`).
"""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

from typer import Option

from ablation.cli import completion
from ablation.cli.failures import say
from ablation.errors import named
from ablation.errors.common import InvalidOption, OptionRequires
from ablation.files import is_folder

if TYPE_CHECKING:
    from ablation.results.run_record import RunRecord
    from ablation.study import Shape, Study
    from ablation.study.reading import Override

Number = TypeVar("Number", int, float)


StudyOption = Annotated[
    Path,
    Option(
        help="Study file, results folder of a study, or name of a shipped study.",
        autocompletion=completion.studies,
    ),
]
SetOption = Annotated[
    list[str] | None,
    Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Set any field of the study, e.g. training.epochs=5. Repeatable.",
        autocompletion=completion.fields,
    ),
]
ResultsOption = Annotated[Path, Option(help="Folder of all results.")]
FiguresOption = Annotated[Path, Option(help="Folder of all figures.")]
ReferenceOption = Annotated[
    str | None, Option(help="Pre-specified shapes, e.g. 10x2,2x8; default: the paper's extents.")
]
NetworkOption = Annotated[
    str | None,
    Option(metavar="MODULE:FACTORY", help="A model of your own instead, made by FACTORY(spec)."),
]
MetricOption = Annotated[
    str, Option(help="wa, ua or a class (its recall).", autocompletion=completion.metrics)
]
WithinOption = Annotated[
    float | None,
    Option(
        metavar="POINTS",
        help="Two that differ by less are practically equivalent; default: 5 points.",
    ),
]
DEMO = Path("studies/demo.toml")
RESULTS, FIGURES = Path("results"), Path("figures")


@dataclass(frozen=True)
class Changes:
    """What the command line changes in a study."""

    corpus: Annotated[
        str | None,
        Option(
            help="Use this corpus instead of the study's (see: ablate corpus list).",
            autocompletion=completion.corpora,
        ),
    ] = None
    corpus_root: Annotated[Path | None, Option(help="Folder of the corpus, or manifest file.")] = (
        None
    )
    set_: SetOption = None

    def applied_to(self, study: Path, overrides: "Sequence[Override]" = ()) -> "Study":
        """Return the study of a file with these changes and ``overrides``, which come last."""
        from ablation.study import load_study

        every = [*set_overrides(self.set_), *overrides]
        return load_study(study, every, self.corpus, self.corpus_root)


@dataclass(frozen=True)
class Repeats:
    """The seeds and folds with which a shape is trained."""

    seeds: Annotated[str | None, Option(help="Seeds of training, e.g. 0,1,2.")] = None
    folds: Annotated[
        str | None,
        Option(
            metavar="speaker|K", help="speaker: leave-one-speaker-out; K: K groups of speakers."
        ),
    ] = None

    def overrides(self) -> "list[Override]":
        """Return the fields of the study that these options set."""
        overrides: list[Override] = []
        if self.seeds is not None:
            overrides.append(("grid.seeds", parse_seeds(self.seeds)))
        if self.folds == "speaker":
            overrides.append(("folds.scheme", "speaker"))
        elif self.folds is not None:
            if not re.fullmatch("[0-9]{1,9}", self.folds):
                expected = "speaker or a number of speaker groups"
                raise InvalidOption("--folds", self.folds, expected, "6")
            overrides += [("folds.scheme", "speaker-groups"), ("folds.count", int(self.folds))]
        return overrides


@dataclass(frozen=True)
class Workers:
    """The processes of this machine that train cells."""

    workers: Annotated[int | None, Option(min=1, help="Worker processes on the CPU.")] = None
    devices: Annotated[
        str | None,
        Option(help="auto (all usable GPUs, else the CPU), cpu, cuda (all GPUs) or cuda:0,cuda:1."),
    ] = None
    workers_per_device: Annotated[int | None, Option(min=1, help="Worker processes per GPU.")] = (
        None
    )

    def overrides(self) -> "list[Override]":
        """Return the fields of the study that these options set."""
        given = {
            "workers": self.workers,
            "devices": None if self.devices is None else parse_words(self.devices),
            "workers_per_device": self.workers_per_device,
        }
        return [(f"execution.{name}", v) for name, v in given.items() if v is not None]


@dataclass(frozen=True)
class Machines(Workers):
    """Where cells are trained: on this machine or on a cluster."""

    cluster: Annotated[
        str | None,
        Option(
            metavar="ADDRESS|none",
            help="Address of a dask scheduler, e.g. tcp://host:8786; none: use this machine only.",
        ),
    ] = None

    def overrides(self) -> "list[Override]":
        """Return the fields of the study that these options set."""
        if self.cluster is None:
            return super().overrides()
        where = ("cluster", {}) if self.cluster == "none" else ("cluster.address", self.cluster)
        return [where, *super().overrides()]


@dataclass(frozen=True)
class Stored:
    """The stored settings that a command reads."""

    digest: Annotated[
        str | None, Option(help="Digest of the settings to use; default: those run last.")
    ] = None
    results: ResultsOption = RESULTS

    def taken(self, study: Path) -> "RunRecord":
        """Return the settings of the file ``study`` last run, and say which they are."""
        from ablation.results import run_record

        run = run_record.find_run(self.results, study_name(study), self.digest)
        say_taken(run, study, self.results)
        return run


@dataclass(frozen=True)
class DryRun:
    """Whether a command only says what it would do, and in which form."""

    dry_run: Annotated[
        bool, Option("--dry-run", help="Show what would be done and how long it would take.")
    ] = False
    json_: Annotated[bool, Option("--json", help="Print the dry run as JSON.")] = False

    def __post_init__(self) -> None:
        """Raise :class:`OptionRequires` for a form without a dry run."""
        if self.json_ and not self.dry_run:
            raise OptionRequires("--json", "--dry-run")

    def __bool__(self) -> bool:
        return self.dry_run


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in the place of each group that it takes, the options of that group."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        own = [(name, parameter.default, hints[name])]
        if name in groups:
            of_group = get_type_hints(groups[name], include_extras=True)
            own = [(f.name, f.default, of_group[f.name]) for f in fields(groups[name])]
        parameters += [
            inspect.Parameter(option, parameter.KEYWORD_ONLY, default=default, annotation=kind)
            for option, default, kind in own
        ]

    @wraps(command)
    def taking_options(**given: Any) -> None:
        if given.get("study") is not None:
            _find_folders(given)
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given)

    taking_options.__dict__["__signature__"] = inspect.Signature(parameters)
    taking_options.__annotations__ = {one.name: one.annotation for one in parameters}
    return taking_options


def _find_folders(given: dict[str, Any]) -> None:
    """Replace results folders given as studies by their settings; they say where results lie."""
    several = isinstance(given["study"], list)
    studies: list[Path] = given["study"] if several else [given["study"]]
    folders = [study for study in studies if is_folder(study)]
    if not folders:
        return
    from ablation.results.run_record import latest_settings

    homes = [folder if folder.name.strip(".") else folder.resolve() for folder in folders]
    files = {
        folder: latest_settings(home, given.get("digest"))
        for folder, home in zip(folders, homes, strict=True)
    }
    found = [files.get(study) or study for study in studies]
    given["study"] = found if several else found[0]
    roots = list(dict.fromkeys(home.parent for home in homes))
    if len(roots) > 1:
        names = ", ".join(map(str, folders))
        raise InvalidOption("--study", names, "folders of one results folder")
    if "results" in given and any(files.values()):
        given["results"] = roots[0]


def say_taken(run: "RunRecord", study: Path, results: Path) -> None:
    """Say which stored settings were taken, and how they differ from the file ``study``."""
    say(
        f"study {run.study.name}: settings {run.digest}, last run {run.last_run:%Y-%m-%d %H:%M} UTC"
    )
    say_differing(run, study, results)


def say_differing(run: "RunRecord", study: Path, results: Path) -> None:
    """Warn when the file ``study`` is another study, or has other settings than those used.

    Warn too of stored settings that cannot be read.
    """
    from ablation.results import run_record
    from ablation.study import load_study
    from ablation.study.differences import differing

    for fault in run_record.unreadable(results, run):
        say(f"warning: {fault.what}; it is ignored")
    given = load_study(study)
    found = differing(run.study, given)
    if not found:
        return
    own = [o for o in run_record.others(results, run) if not differing(o.study, given)]
    remedy = f"; --digest {own[0].digest} takes those of the file" if own else ""
    if {"corpus.name", "corpus.root", "corpus.labels"}.intersection(found):
        say(
            f"warning: these settings were run on another corpus than that of {study} "
            f"({run.study.corpus.name}, {run.study.corpus.root or 'no root given'}){remedy}; "
            f"studies of two corpora need two names, or separate --results folders"
        )
    else:
        say(f"note: these settings differ from {study} in {named(found, 4)}{remedy}")


def parse_factory(text: str) -> str:
    """Return the text of ``--network``; :class:`InvalidOption` if it is not MODULE:FACTORY."""
    from ablation.study.fields import FACTORY

    if not re.fullmatch(FACTORY, text):
        raise InvalidOption("--network", text, "MODULE:FACTORY", "mynet:build")
    return text


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


def parse_references(text: str | None) -> "tuple[Shape, ...] | None":
    """Return the shapes of ``--reference``, or None where it is not given."""
    return None if text is None else parse_shapes(parse_words(text), "--reference")


def parse_margin(points: float | None) -> float:
    """Return the margin of ``--within`` as a score (0..1), or the default.

    Raise :class:`InvalidOption` for one that is not between 0 and 100 points.
    """
    from ablation.analysis.verdicts import MARGIN

    if points is None:
        return MARGIN
    if not 0 < points < 100:
        raise InvalidOption("--within", f"{points:g}", "more than 0 and less than 100 points", "2")
    return points / 100


def set_overrides(texts: Sequence[str] | None) -> "list[Override]":
    """Return the fields that ``--set`` names; :class:`InvalidOption` for a text that is none."""
    from ablation.study.reading import parse_override

    return [parse_override(text) for text in texts or ()]


def study_name(study: Path) -> str:
    """Return the name of the study in a file, under which its results lie."""
    from ablation.study import load_study

    return load_study(study).name
