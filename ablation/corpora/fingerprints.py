"""Digests of a corpus: the same audio, speakers and labels give the same digest."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from ablation.corpora.base import Corpus, Utterance
from ablation.errors.corpora import UnreadableFile
from ablation.threads import in_threads


def content_digests(utterances: Corpus | list[Utterance]) -> dict[Path, str]:
    """Return a digest of each file's bytes, or raise :class:`CorpusError` for an unreadable one."""
    files = sorted({utterance.file for utterance in utterances})
    return dict(zip(files, in_threads(_file_digest, files), strict=True))


def _file_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error


def corpus_fingerprint(corpus: Corpus, digests: Mapping[Path, str]) -> str:
    """Return a digest of ids, speakers, labels, cuts and content, but not of where the files lie.

    ``digests`` has the digest of each file's content (:func:`content_digests`).
    """
    lines = [[u.id, u.speaker, u.label, u.start, u.end, digests[u.file]] for u in corpus.utterances]
    text = json.dumps([list(corpus.classes), lines])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
