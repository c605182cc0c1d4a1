"""Corpora: where utterances, speakers and labels come from, and how speakers become folds.

Each corpus has one file and one line in ``KINDS``; :func:`load_corpus` reads any of them, applies
the label map and checks what can be checked without decoding audio. Where a corpus can be
downloaded is in :mod:`~ablation.corpora.download.sources`; the names by which ``ablate init``
recognises one are in ``ablation.init.schemes``. Nothing here depends on spectrograms or networks.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
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
from ablation.errors.common import UnknownName
from ablation.errors.corpora import (
    ClassWithoutUtterances,
    DuplicateRecording,
    EmptyCorpus,
    LabelNotInCorpus,
    MissingRecording,
    NoLabelUsed,
    ReservedClass,
    SingleClass,
    UnknownLabel,
)
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
    """Return the registry entry of ``name``; raise :class:`StudyError` for an unknown name."""
    if name not in KINDS:
        raise UnknownName("corpus", name, list(KINDS))
    return KINDS[name]


def load_corpus(
    name: str,
    path: Path | str | None = None,
    labels: Mapping[str, str] | str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Corpus:
    """Return the utterances of a corpus, labelled with the study's classes.

    Parameters
    ----------
    name
        A key of ``KINDS``.
    path
        The corpus folder; for ``manifest``, the file. ``synthetic`` needs none.
    labels
        A map from the corpus' labels to classes ("" leaves a label out), the name of one of the
        corpus' own label maps, or None for its default.
    options
        Options of this corpus, such as ``{"dialogues": "scripted"}`` for IEMOCAP.

    Raises
    ------
    CorpusError
        For a missing or empty folder, files that do not fit the corpus, unknown labels, or missing
        recordings.
    StudyError
        For the name of no corpus, label map or option, or an option with an invalid value.
    """
    kind = corpus_kind(name)
    root = None if path is None else at_home(Path(path))
    found = kind.read(root, parse_options(kind.options, name, options or {}))
    if not found:
        raise EmptyCorpus(name, root, kind.layout)
    label_map = _label_map(kind, labels, found)
    kept = [replace(u, label=label_map[u.label]) for u in found if label_map.get(u.label)]
    if not kept:
        raise NoLabelUsed(name, sorted({u.label for u in found}))
    _check_files(kept)
    _check_ids(kept)
    classes = list(dict.fromkeys(value for value in label_map.values() if value))
    present = {utterance.label for utterance in kept}
    for label in classes:
        if label in RESERVED:
            raise ReservedClass(label, f'{label} = "{label}ed" in [corpus.labels]')
        if label not in present:
            raise ClassWithoutUtterances(name, root, label)
    if len(classes) < 2:
        raise SingleClass(name, classes[0])
    return Corpus(name, root, tuple(sorted(kept, key=lambda u: u.id)), tuple(classes))


def _label_map(
    kind: CorpusKind, labels: Mapping[str, str] | str | None, found: list[Utterance]
) -> Mapping[str, str]:
    """Return the map from the corpus' labels to classes, checked against the labels found."""
    if isinstance(labels, str):
        if labels not in kind.label_maps:
            maps, table = list(kind.label_maps), "give a table: [corpus.labels]"
            raise UnknownName(f"corpus {kind.name}", labels, maps, "label map", table)
        return kind.label_maps[labels]
    present = {utterance.label for utterance in found}
    if labels is None:
        ready = next(iter(kind.label_maps.values()), None)
        return ready if ready is not None else {label: label for label in sorted(present)}
    if not labels:
        raise NoLabelUsed(kind.name, sorted(present))
    known = present | {label for ready in kind.label_maps.values() for label in ready}
    for label in labels:
        if label not in known:
            raise LabelNotInCorpus("[corpus.labels]", label, sorted(known))
    if not kind.closed:
        _check_labels(found, labels)
    return labels


def _check_labels(found: list[Utterance], labels: Mapping[str, str]) -> None:
    """Raise :class:`CorpusError` for labels that the map lacks, each at its first row."""
    times = Counter(utterance.label for utterance in found if utterance.label not in labels)
    faults = Faults()
    for utterance in found:
        label = utterance.label
        if rows := times.pop(label, 0):
            faults.add(UnknownLabel(utterance.origin, label, list(labels), rows - 1))
    faults.end()


def _check_files(utterances: list[Utterance]) -> None:
    faults = Faults()
    for utterance in utterances:
        if not is_file(utterance.file):
            faults.add(MissingRecording(utterance.file, utterance.origin))
    faults.end()


def _check_ids(utterances: list[Utterance]) -> None:
    seen: dict[str, Utterance] = {}
    faults = Faults()
    for utterance in utterances:
        other = seen.setdefault(utterance.id, utterance)
        if other is not utterance:
            how = f"have the same utterance id {utterance.id!r}"
            faults.add(DuplicateRecording(utterance.file, other.file, how))
    faults.end()
