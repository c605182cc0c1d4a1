"""``ablate corpus`` and ``ablate cache``."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from ablation.cli.failures import EXPECTED_ERROR, say
from ablation.cli.options import DEMO, Changes, StudyOption, set_overrides
from ablation.errors import counted


def corpus_list() -> None:
    """List the supported corpora."""
    from ablation.corpora import KINDS
    from ablation.corpora.download.sources import MANUAL, SOURCES

    for kind in KINDS.values():
        print(f"{kind.name:12} {kind.summary}")
        print(f"{'':12} layout: {kind.layout}")
        if kind.label_maps:
            maps = ", ".join(kind.label_maps)
            print(f"{'':12} label maps: {maps}")
        if kind.name in SOURCES:
            print(f"{'':12} fetch: ablate corpus fetch {kind.name} --to FOLDER")
        elif kind.name in MANUAL:
            print(f"{'':12} manual download: ablate corpus fetch {kind.name} --to FOLDER says how")


def corpus_check(
    *,
    study: StudyOption = DEMO,
    changes: Changes,
    strict: Annotated[bool, Option("--strict", help="Doubts are errors: exit code 1.")] = False,
) -> None:
    """Read every recording of a corpus and count utterances by class and speaker.

    Speakers, labels and contents that make one doubt are named with their files.
    """
    from ablation.progress import Reporter
    from ablation.runs.check_corpus import check_corpus

    checked = check_corpus(changes.applied_to(study), Reporter())
    for line in checked.lines:
        print(line)
    for doubt in checked.doubts:
        print(f"doubt: {doubt}")
    for fault in checked.faults:
        say(f"error: {fault}")
    if strict and checked.doubts:
        say(f"error: {counted(len(checked.doubts), 'doubt')}, and --strict")
    if checked.faults or (strict and checked.doubts):
        raise Exit(EXPECTED_ERROR)


def corpus_synthesize(
    folder: Annotated[Path, Argument(help="Where to put the recordings.")],
    set_: Annotated[
        list[str] | None,
        Option(
            "--set",
            metavar="OPTION=VALUE",
            help="kind=voice|planted|glides, seed, utterances, axis=height|width, extent.",
        ),
    ] = None,
) -> None:
    """Render the synthetic corpus as WAV files with a manifest."""
    from ablation.corpora.synthetic import make_corpus
    from ablation.study import Study, override_study

    prefixed = [(f"corpus.options.{field}", value) for field, value in set_overrides(set_)]
    options = override_study(Study(), prefixed).corpus.options
    print(make_corpus(folder, options, say))


def cache(
    clear: Annotated[bool, Option("--clear", help="Remove everything in it.")] = False,
) -> None:
    """Show or clear the cache.

    It holds spectrograms, synthetic corpora and unpacked recordings.
    """
    import shutil

    from ablation.features.cache import cache_size
    from ablation.files import cache_folder

    folder = cache_folder()
    names = ("features", "synthetic", "huggingface")
    size = sum(cache_size(folder / name) for name in names)
    print(f"{folder}: {size / 1e9:.2f} GB")
    if clear:
        for name in names:
            if (folder / name).is_dir():
                shutil.rmtree(folder / name)
        print("cleared")
