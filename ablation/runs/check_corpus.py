"""``ablate corpus check`` reads a whole corpus to see whether it can be used for training."""

from collections.abc import Sequence
from dataclasses import dataclass

from ablation.corpora import Corpus, Utterance, load_corpus
from ablation.corpora.doubts import corpus_doubts
from ablation.corpora.fingerprints import content_digests
from ablation.corpora.folds import make_folds
from ablation.errors import AudioError, FoldError, counted
from ablation.features.audio import read_audio
from ablation.progress import Reporter, duration
from ablation.study import Study
from ablation.threads import in_threads


@dataclass(frozen=True)
class Checked:
    """What a check found: lines to print, doubts, and each unusable recording or fold."""

    lines: tuple[str, ...]
    doubts: tuple[str, ...]
    faults: tuple[str, ...]


def check_corpus(study: Study, reporter: Reporter) -> Checked:
    """Decode every utterance and count utterances by class and speaker.

    Raises
    ------
    CorpusError
        If the corpus cannot be listed at all.
    StudyError
        If an option of the corpus is unknown or invalid.
    """
    spec = study.corpus
    corpus = load_corpus(spec.name, spec.root, spec.labels, spec.options)
    rate = study.features.sample_rate
    with reporter.task("reading", "utterances") as advance:
        lengths = in_threads(lambda utterance: _length(utterance, rate), corpus, advance)
    faults = [str(length) for length in lengths if isinstance(length, AudioError)]
    seconds: list[float] = [length for length in lengths if not isinstance(length, AudioError)]
    try:
        make_folds(corpus, study.folds.scheme, study.folds.count, study.folds.seed)
    except FoldError as error:
        faults.append(str(error))
    lines = _lines(corpus, seconds, study.features.segment_s)
    doubts = corpus_doubts(corpus, content_digests(corpus))
    return Checked(tuple(lines), tuple(doubts), tuple(faults))


def _length(utterance: Utterance, rate: int) -> float | AudioError:
    """Return an utterance's length in seconds, or the error because of which it is unusable."""
    try:
        return len(read_audio(utterance.file, rate, utterance.start, utterance.end)) / rate
    except AudioError as error:
        return error


def _lines(corpus: Corpus, seconds: Sequence[float], segment_s: float) -> list[str]:
    counts = corpus.counts()
    lines = [
        f"corpus {corpus.name}: {counted(len(corpus), 'utterance')}, "
        f"{counted(len(corpus.speakers), 'speaker')}",
        "classes: "
        + ", ".join(f"{label} {n}" for label, n in counts.items())
        + f" ({'/'.join(map(str, counts.values()))})",
        "speakers: "
        + ", ".join(
            f"{speaker} {sum(u.speaker == speaker for u in corpus)}" for speaker in corpus.speakers
        ),
    ]
    if seconds:
        short = sum(length < segment_s for length in seconds)
        if short:
            lines.append(
                f"shorter than a segment of {segment_s:g} s: {counted(short, 'utterance')}"
            )
        lines.append(
            f"duration: {min(seconds):.1f} to {max(seconds):.1f} s, "
            f"{duration(sum(seconds))} in total"
        )
    return lines
