"""The command ``ablate``: options in, drivers called, results on stdout, all else on stderr.

Nothing heavy is imported here, so that ``ablate --help`` answers at once.
"""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from ablation.errors import AblationError, StudyError

app = typer.Typer(
    name="ablate",
    help="Which receptive field does my speech-emotion CNN need, and can I trust the answer?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
corpus_app = typer.Typer(
    help="Corpora: what is supported, and is mine complete?", no_args_is_help=True
)
app.add_typer(corpus_app, name="corpus")

Number = TypeVar("Number", int, float)

OK, EXPECTED_ERROR, SOME_FAILED, INTERRUPTED = 0, 1, 3, 130


class AxisName(str, Enum):  # noqa: UP042 - typer shows the values of a str enum
    height = "height"
    width = "width"
    both = "both"
    product = "product"


class PoolingName(str, Enum):  # noqa: UP042
    attention = "attention"
    gap = "gap"
    bilinear = "bilinear"
    all = "all"


StudyOption = Annotated[
    Path, typer.Option("--study", help="Study file, or the name of one that ships with ablation.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Any field, as in training.epochs=5."),
]
CorpusOption = Annotated[
    str | None, typer.Option("--corpus", help="Replace the study's corpus (ablate corpus list).")
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
    str | None, typer.Option("--devices", help="cpu, or cuda:0,cuda:1 and so on.")
]
PerDeviceOption = Annotated[
    int | None, typer.Option("--workers-per-device", min=1, help="Workers on each cuda device.")
]
DigestOption = Annotated[
    str | None, typer.Option("--digest", help="Settings to take; default: those last run.")
]
DEMO = Path("studies/demo.toml")
RESULTS, FIGURES = Path("results"), Path("figures")


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an expected error too.")
    ] = False,
) -> None:
    """Taken out of the arguments by :func:`main`, so that it may stand anywhere."""


@app.command()
def grid(
    axis: Annotated[AxisName, typer.Option(help="both: the two axes; product: every pair.")],
    study: StudyOption = DEMO,
    values: Annotated[str | None, typer.Option(help="Extents in bins or frames, as 2,4,8.")] = None,
    windows: Annotated[
        str | None, typer.Option(help="Analysis windows in ms, as 20,40,80.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="Seeds, as 0,1,2.")] = None,
    folds: Annotated[
        str | None, typer.Option(metavar="speaker|K", help="A fold a speaker, or K groups.")
    ] = None,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    set_: SetOption = None,
    workers: WorkersOption = None,
    devices: DevicesOption = None,
    workers_per_device: PerDeviceOption = None,
    results: ResultsOption = RESULTS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train stored cells again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Train a probe for every filter shape, fold and seed that is not stored yet."""
    with _expected_errors():
        from ablation import console
        from ablation.drivers.grid import plan_grid, run_grid
        from ablation.drivers.progress import Reporter

        overrides = [
            *(set_ or []),
            *_grid_overrides(axis.value, values, windows, seeds, folds),
            *_execution_overrides(workers, devices, workers_per_device),
        ]
        plan = plan_grid(_load(study, overrides, corpus, corpus_root), axis.value, results, fresh)
        console.warn_damaged(plan.damaged)
        if dry_run:
            console.print_plan(plan)
            return
        console.say_plan(plan)
        tally = run_grid(plan, results, Reporter())
        console.print_curves(plan, results)
        _finish(tally)


@app.command()
def plot(
    study: StudyOption = DEMO,
    classes: Annotated[
        str | None, typer.Option(help="Classes beside WA; default: all but happy.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="png,pdf,svg")] = "png",
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
) -> None:
    """Draw Figure 2 from the stored rows."""
    with _expected_errors():
        from ablation import console
        from ablation.drivers import settings
        from ablation.drivers.plot import plot as draw

        run = settings.take(results, _study_name(study), digest)
        console.say_taken(run)
        chosen = None if classes is None else _words(classes)
        drawn = draw(results, figures, run, chosen, _words(format_))
        for remark in drawn.remarks:
            _say(f"note: {remark}")
        for file in drawn.files:
            print(file)


@app.command()
def promote(
    study: StudyOption = DEMO,
    best: Annotated[
        bool, typer.Option("--best", help="Choose the best height and width from the probes.")
    ] = False,
    shapes: Annotated[
        str | None, typer.Option(help="Shapes of Conv1 instead, as 10x2,2x8.")
    ] = None,
    metric: Annotated[str, typer.Option(help="Score to choose by: wa, ua or a class.")] = "wa",
    pooling: Annotated[PoolingName | None, typer.Option(help="Default: the study's.")] = None,
    seeds: Annotated[str | None, typer.Option(help="Default: the study's.")] = None,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    set_: SetOption = None,
    workers: WorkersOption = None,
    devices: DevicesOption = None,
    workers_per_device: PerDeviceOption = None,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train stored folds again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
) -> None:
    """Cross-validate the full network with the chosen shapes, and write Table 1."""
    with _expected_errors():
        from ablation import console
        from ablation.drivers import promote as driver
        from ablation.drivers import settings
        from ablation.drivers.progress import Reporter

        if best == (shapes is not None):
            raise StudyError("give either --best or --shapes", "as in: ablate promote --best")
        run = settings.take(results, _study_name(study), digest)
        console.say_taken(run)
        overrides = [
            *(set_ or []),
            *_execution_overrides(workers, devices, workers_per_device),
        ]
        changed = driver.change_settings(run, overrides)
        _note_other_network(study, run, changed)
        changed = _moved(changed, corpus, corpus_root)
        chosen = (
            driver.choose_shapes(results, run, metric)
            if shapes is None
            else driver.Chosen(_shapes(shapes), ("shapes given on the command line",))
        )
        poolings = _poolings(pooling, changed.network.pooling)
        wanted = changed.grid.seeds if seeds is None else _numbers("--seeds", seeds, int)
        plan = driver.plan_promote(results, run, changed, chosen, poolings, wanted, fresh)
        for reason in chosen.reasons:
            _say(reason)
        if dry_run:
            print(f"networks: {', '.join(poolings)}")
            print(f"cells: {len(plan.cells)}, to train: {len(plan.missing)}")
            return
        tally = driver.run_promote(plan, results, Reporter())
        if tally.trained or tally.stored:
            path, text = driver.write_table1(plan, results)
            print(text)
            print(path)
        _finish(tally)


@app.command()
def status(
    study: StudyOption = DEMO,
    digest: DigestOption = None,
    results: ResultsOption = RESULTS,
    figures: FiguresOption = FIGURES,
    json_: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Cells done, failed and left, the time left, and the files there are."""
    with _expected_errors():
        from ablation import console
        from ablation.drivers import settings
        from ablation.drivers.status import files_of, status_of

        run = settings.take(results, _study_name(study), digest)
        state = status_of(results, run)
        console.warn_damaged(state.damaged)
        files = files_of(results, figures, run.study.name)
        if json_:
            console.print_json(run, state, files)
        else:
            console.print_status(run, state, files)


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all of it.")] = False,
) -> None:
    """The cache of spectrograms and synthetic speech: where it is, its size."""
    with _expected_errors():
        import shutil

        from ablation.features.cache import cache_size
        from ablation.files import cache_folder

        folder = cache_folder()
        size = sum(cache_size(folder / name) for name in ("features", "synthetic"))
        print(f"{folder}: {size / 1e9:.2f} GB")
        if clear:
            for name in ("features", "synthetic"):
                if (folder / name).is_dir():
                    shutil.rmtree(folder / name)
            print("cleared")


@corpus_app.command("list")
def corpus_list() -> None:
    """The corpora that are supported."""
    with _expected_errors():
        from ablation.corpora import KINDS

        for kind in KINDS.values():
            print(f"{kind.name:10} {kind.summary}")
            print(f"{'':10} layout: {kind.layout}")
            if kind.label_maps:
                maps = ", ".join(kind.label_maps)
                print(f"{'':10} label maps: {maps}")


@corpus_app.command("check")
def corpus_check(
    study: StudyOption = DEMO,
    corpus: CorpusOption = None,
    corpus_root: RootOption = None,
    set_: SetOption = None,
) -> None:
    """Read every recording of a corpus and count what is there."""
    with _expected_errors():
        from ablation.drivers.check import check_corpus
        from ablation.drivers.progress import Reporter

        checked = check_corpus(_load(study, set_ or [], corpus, corpus_root), Reporter())
        for line in checked.lines:
            print(line)
        for fault in checked.faults:
            _say(f"error: {fault}")
        if checked.faults:
            raise typer.Exit(EXPECTED_ERROR)


@corpus_app.command("synthesize")
def corpus_synthesize(
    folder: Annotated[Path, typer.Argument(help="Where to put the recordings.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="OPTION=VALUE",
            help="kind=planted, seed, utterances, axis=height|width, extent (Hz or ms).",
        ),
    ] = None,
) -> None:
    """Make the synthetic corpus as WAV files with a manifest."""
    with _expected_errors():
        from ablation.corpora.synthetic import make_corpus
        from ablation.study import Study, override_study

        prefixed = [f"corpus.options.{option.strip()}" for option in set_ or []]
        options = override_study(Study(), prefixed).corpus.options
        print(make_corpus(folder, options, _say))


def main() -> None:
    """Entry point of the command."""
    _DEBUG.append("--debug" in sys.argv)
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    signal.signal(signal.SIGTERM, _interrupt)  # a scheduler's request to end is an interrupt
    app()


_DEBUG: list[bool] = []


def _interrupt(_number: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt


@contextmanager
def _expected_errors() -> Iterator[None]:
    """Expected errors as one or two lines and exit 1, an interrupt with the line that resumes."""
    try:
        yield
    except AblationError as error:
        if any(_DEBUG):
            raise
        _say(f"error: {error}")
        raise typer.Exit(EXPECTED_ERROR) from None
    except KeyboardInterrupt as interrupt:
        tally = getattr(interrupt, "tally", None)
        if tally is not None:
            _say(f"interrupted: {tally.stored + tally.trained} of {tally.cells} cells are stored")
        arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
        _say(f"resume with: {shlex.join(['ablate', *arguments])}")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # The reader of our output went away (`ablate status | head`): nothing is wrong here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXPECTED_ERROR) from None


def _finish(tally: Any) -> None:
    """Say what was done; exit 3 when some cells failed."""
    from ablation import console

    console.say_tally(tally)
    if tally.failures:
        raise typer.Exit(SOME_FAILED)


def _note_other_network(study: Path, run: Any, changed: Any) -> None:
    """Say when the study file's [network] is not the one taken: a run's settings are kept."""
    if _load(study, [], None, None).network not in (run.study.network, changed.network):
        _say(
            f"note: [network] of {study} differs from the settings last run, which are taken; to "
            f"take the file's, run ablate grid again (stored cells are not trained again)"
        )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _load(study: Path, overrides: Sequence[str], corpus: str | None, root: Path | None) -> Any:
    from ablation.study import load_study

    return load_study(study, overrides, corpus, root)


def _study_name(study: Path) -> str:
    return _load(study, [], None, None).name


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(option: str, text: str, kind: Callable[[str], Number]) -> list[Number]:
    """ "2,4,8" as numbers; :class:`StudyError` naming the word that is none."""
    numbers = []
    for word in text.split(","):
        try:
            numbers.append(kind(word.strip()))
        except ValueError as error:
            what = "a whole number" if kind is int else "a number"
            raise StudyError(
                f"{option} {text}: {word.strip()!r} is not {what}", "as in: 2,4,8"
            ) from error
    return numbers


def _shapes(text: str) -> tuple[tuple[int, int], ...]:
    import re

    shapes = []
    for word in _words(text):
        match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", word)
        if match is None:
            raise StudyError(
                f"--shapes {text}: {word!r} is not HEIGHTxWIDTH in bins and frames",
                "as in: 10x2,2x8",
            )
        shapes.append((int(match[1]), int(match[2])))
    if not shapes:
        raise StudyError("--shapes is empty", "as in: 10x2,2x8")
    return tuple(dict.fromkeys(shapes))


def _grid_overrides(
    axis: str, values: str | None, windows: str | None, seeds: str | None, folds: str | None
) -> list[str]:
    """The grid's own options as ``--set`` texts."""
    overrides = []
    if values is not None:
        numbers = _numbers("--values", values, int)
        if axis != "width":
            overrides.append(f"grid.heights={numbers}")
        if axis != "height":
            overrides.append(f"grid.widths={numbers}")
    if windows is not None:
        overrides.append(f"grid.windows={_numbers('--windows', windows, float)}")
    if seeds is not None:
        overrides.append(f"grid.seeds={_numbers('--seeds', seeds, int)}")
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


def _execution_overrides(
    workers: int | None, devices: str | None, per_device: int | None
) -> list[str]:
    overrides = []
    if workers is not None:
        overrides.append(f"execution.workers={workers}")
    if devices is not None:
        overrides.append(f"execution.devices={_words(devices)}")
    if per_device is not None:
        overrides.append(f"execution.workers_per_device={per_device}")
    return overrides


def _poolings(pooling: PoolingName | None, default: str) -> list[str]:
    if pooling is None:
        return [default]
    if pooling is PoolingName.all:
        return [name.value for name in PoolingName if name is not PoolingName.all]
    return [pooling.value]


def _moved(study: Any, corpus: str | None, root: Path | None) -> Any:
    """The study with its corpus at another place; the digest says whether it is the same one."""
    from ablation.study import override_study

    overrides = []
    if corpus is not None and corpus != study.corpus.name:
        raise StudyError(
            f"--corpus {corpus}: the probes were trained on {study.corpus.name}",
            "run ablate grid on the other corpus",
        )
    if root is not None:
        overrides.append(f"corpus.root={str(root.absolute())!r}")
    return override_study(study, overrides) if overrides else study
