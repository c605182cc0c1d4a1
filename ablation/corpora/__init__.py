"""Corpora: where utterances, speakers and labels come from, and how speakers become folds.

One file a corpus and one line in ``KINDS``; :func:`load_corpus` reads any of them, applies the
label map and checks what can be checked without decoding audio. Nothing here knows of spectrograms
or networks.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ablation.corpora import (
    audformat,
    crema_d,
    emodb,
    huggingface,
    iemocap,
    manifest,
    ravdess,
    synthetic,
    tess,
)
from ablation.corpora.base import Corpus, CorpusKind, Utterance, parse_options
from ablation.corpora.faults import Faults
from ablation.errors import CorpusError, counted, suggestion
from ablation.files import at_home, is_file

__all__ = ["KINDS", "Corpus", "CorpusKind", "Utterance", "corpus_kind", "load_corpus"]

RESERVED = ("test", "correct")  # n_test and n_correct count all classes together

KINDS: dict[str, CorpusKind] = {
    module.KIND.name: module.KIND
    for module in (
        synthetic,
        emodb,
        ravdess,
        crema_d,
        tess,
        iemocap,
        manifest,
        audformat,
        huggingface,
    )
}


def corpus_kind(name: str) -> CorpusKind:
    """The registry line of ``name``; :class:`CorpusError` with the nearest name otherwise."""
    if name not in KINDS:
        raise CorpusError(f"unknown corpus {name!r}", suggestion(name, KINDS))
    return KINDS[name]


def load_corpus(
    name: str,
    path: Path | str | None = None,
    labels: Mapping[str, str] | str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Corpus:
    """The utterances of a corpus, labelled with the study's classes.

    Parameters
    ----------
    name
        A key of ``KINDS``.
    path
        The corpus folder; for ``manifest``, the file. ``synthetic`` needs none.
    labels
        A map from the corpus' labels to classes ("" leaves a label out), the name of one of the
        corpus' ready maps, or None for its default.
    options
        The corpus' own, as ``{"dialogues": "scripted"}`` of IEMOCAP.

    Raises
    ------
    CorpusError
        For a missing or empty folder, files that do not fit the corpus, unknown labels, recordings
        that are not there.
    StudyError
        For an unknown or ill-typed option.
    """
    kind = corpus_kind(name)
    root = None if path is None else at_home(Path(path))
    found = kind.read(root, parse_options(kind.options, name, options or {}))
    if not found:
        raise CorpusError(f"corpus {name}: no recording in {root}", f"expected: {kind.layout}")
    label_map = _label_map(kind, labels, found)
    kept = [
        Utterance(u.id, u.file, u.speaker, label_map[u.label], u.start, u.end, u.origin)
        for u in found
        if label_map.get(u.label)
    ]
    if not kept:
        raise CorpusError(
            f"corpus {name}: no utterance in {root} has a label of the study",
            f"labels found: {', '.join(sorted({u.label for u in found}))}",
        )
    _check_files(kept)
    _check_ids(kept)
    classes = list(dict.fromkeys(value for value in label_map.values() if value))
    present = {utterance.label for utterance in kept}
    for label in classes:
        if label in RESERVED:
            raise CorpusError(
                f"corpus {name}: a class cannot be called {label!r} (n_{label} is a column of the "
                f"results already)",
                f'call it otherwise in [corpus.labels], as in {label} = "{label}ed"',
            )
        if label not in present:
            raise CorpusError(
                f"corpus {name}: no utterance in {root} is labelled {label}",
                "complete the corpus, or leave the class out of [corpus.labels]",
            )
    if len(classes) < 2:
        raise CorpusError(f"corpus {name}: one class only ({classes[0]})", "two or more are needed")
    return Corpus(name, root, tuple(sorted(kept, key=lambda u: u.id)), tuple(classes))


def _label_map(
    kind: CorpusKind, labels: Mapping[str, str] | str | None, found: list[Utterance]
) -> Mapping[str, str]:
    """The map from the corpus' labels to classes, checked against the labels there are."""
    if isinstance(labels, str):
        if labels not in kind.label_maps:
            raise CorpusError(
                f"corpus {kind.name} has no label map {labels!r}",
                suggestion(labels, kind.label_maps) if kind.label_maps else "give a table",
            )
        return kind.label_maps[labels]
    present = {utterance.label for utterance in found}
    if labels is None:
        ready = next(iter(kind.label_maps.values()), None)
        return ready if ready is not None else {label: label for label in sorted(present)}
    if not labels:
        raise CorpusError(
            f"[corpus.labels] is empty: no label of corpus {kind.name} has a class",
            f"give each its class (labels found: {', '.join(sorted(present))}), or leave the "
            f"table out",
        )
    known = present | {label for ready in kind.label_maps.values() for label in ready}
    for label in labels:
        if label not in known:
            raise CorpusError(
                f"[corpus.labels]: corpus {kind.name} has no label {label!r}",
                suggestion(label, known),
            )
    if not kind.closed:
        _check_labels(found, labels)
    return labels


def _check_labels(found: list[Utterance], labels: Mapping[str, str]) -> None:
    """Raise :class:`CorpusError` for labels that the map lacks, each where it is met first."""
    times = Counter(utterance.label for utterance in found if utterance.label not in labels)
    faults = Faults()
    for utterance in found:
        label = utterance.label
        if more := times.pop(label, 0):
            rows = f" (and in {counted(more - 1, 'more row')})" if more > 1 else ""
            faults.add(
                CorpusError(
                    f"{utterance.origin}: unknown label {label!r}{rows}",
                    suggestion(label, labels)
                    + f'; to leave it out, add {label} = "" to [corpus.labels]',
                )
            )
    faults.end()


def _check_files(utterances: list[Utterance]) -> None:
    faults = Faults()
    for utterance in utterances:
        if not is_file(utterance.file):
            place = f" (named by {utterance.origin})" if utterance.origin else ""
            faults.add(
                CorpusError(f"no file {utterance.file}{place}", "complete the corpus folder")
            )
    faults.end()


def _check_ids(utterances: list[Utterance]) -> None:
    seen: dict[str, Utterance] = {}
    faults = Faults()
    for utterance in utterances:
        other = seen.setdefault(utterance.id, utterance)
        if other is not utterance:
            faults.add(
                CorpusError(
                    f"{utterance.file} and {other.file} are both utterance {utterance.id}",
                    "remove one of them",
                )
            )
    faults.end()
