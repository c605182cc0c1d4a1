"""Errors of runs: stored results, recorded settings, preparing data, searches and estimates."""

import errno
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from ablation.errors.base import AblationError, SelectionError, StorageError, StudyError
from ablation.errors.text import counted, named

_AGAIN = "free some space and run the same command again; finished work is kept"
_ELSEWHERE = "choose a folder you may write to"
_REASONS = {
    errno.ENOSPC: ("the disk is full", _AGAIN),
    errno.EDQUOT: ("the disk quota is used up", _AGAIN),
    errno.EFBIG: ("the file would be too large for this system", "raise the file-size limit"),
    errno.EACCES: ("permission denied", _ELSEWHERE),
    errno.EPERM: ("permission denied", _ELSEWHERE),
    errno.EROFS: ("the file system is read-only", _ELSEWHERE),
    errno.ENOTDIR: ("part of the path is a file, not a folder", "choose another folder"),
    errno.EEXIST: ("there is a file where a folder is needed", "choose another folder"),
    errno.EISDIR: ("there is a folder where a file is needed", "move it out of the way"),
}


# --- Files and stored results.


class FileAccessFailed(StorageError):
    """The operating system refused to read or write a file or folder.

    ``action`` says what was tried, as in "write to"; ``code`` is the system's error number, and
    ``reason`` its own text.
    """

    action: str
    path: Path
    code: int
    reason: str

    def describe(self) -> str:
        reason, _ = _REASONS.get(self.code, (self.reason, ""))
        return f"cannot {self.action} {self.path}: {reason}"

    def advise(self) -> str:
        return _REASONS.get(self.code, ("", ""))[1]


class NewerFile(StorageError):
    """A file has a newer format than this version of ablation, which reads up to ``known``."""

    path: Path
    found: int
    known: int
    WHAT = (
        "{path} was written by a newer version of ablation (format {found}; this version reads "
        "up to {known})"
    )
    REMEDY = "upgrade ablation, or choose another folder"


class ResultsUnstable(StorageError):
    """A results folder changed again and again while it was read."""

    folder: Path
    WHAT = "{folder} changes faster than it can be read"
    REMEDY = "run the same command again"


class NoResults(StorageError):
    """A folder holds no results of a study; ``studies`` are those in folders below it."""

    folder: Path
    studies: Sequence[str]
    WHAT = "no results in {folder}"

    def advise(self) -> str:
        if self.studies:
            return f"give the folder of one of its studies: {named(self.studies, 9)}"
        return "run ablate grid to make results"


# --- Recorded settings.


class StudyNotRun(StorageError):
    """A results folder has no results of a study."""

    study: str
    results: Path
    WHAT = "no results of study {study} in {results}"
    REMEDY = "run ablate grid with it first, or name another --study or --results folder"


class WrongDigest(StorageError):
    """No settings of a study, or several, have a digest that begins as the one given.

    ``differences`` says of digests in what their settings differ from those run last.
    """

    study: str
    digest: str
    stored: Sequence[str]
    differences: Mapping[str, str] = field(default_factory=dict)

    @property
    def matching(self) -> list[str]:
        """The digests that begin so."""
        return [stored for stored in self.stored if stored.startswith(self.digest)]

    def describe(self) -> str:
        fault = "several digests begin with" if self.matching else "no settings with digest"
        return f"study {self.study}: {fault} {self.digest!r}"

    def advise(self) -> str:
        if self.matching:
            return f"give more of one of them: {self._listed(self.matching)}"
        return f"stored digests: {self._listed(self.stored)}"

    def _listed(self, digests: Sequence[str]) -> str:
        said = ((one, self.differences.get(one)) for one in digests)
        return named((f"{one} ({what})" if what else one for one, what in said), 9)


class UnreadableSettings(StorageError):
    """A file of recorded settings is damaged or was changed by hand."""

    path: Path
    reason: str
    WHAT = "cannot read the settings {path}: {reason}"
    REMEDY = (
        "remove the file and run ablate grid with the same options to write it again; stored cells "
        "are kept"
    )


# --- Preparing data.


class FilterTooLarge(StudyError):
    """A filter does not fit into the spectrogram of a segment.

    ``extent`` is what the filter spans with its dilation, ``segment`` the size of the spectrogram
    and ``largest`` the largest filter that fits, each in rows and frames. ``unit`` says what rows
    are.
    """

    shape: str
    extent: tuple[int, int]
    segment: tuple[int, int]
    largest: tuple[int, int]
    unit: str = "bins"
    REMEDY = "largest height: {largest[0]}; largest width: {largest[1]}"

    def describe(self) -> str:
        height, width = self.extent
        dilated = self.shape.partition(":")[0] != f"{height}x{width}"
        spans = f" spans {height} x {width} with its dilation and" if dilated else ""
        rows, frames = self.segment
        return (
            f"filter {self.shape}{spans} is larger than the spectrogram of a segment "
            f"({counted(rows, self.unit.removesuffix('s'))} x {counted(frames, 'frame')})"
        )


class FoldEmptied(StudyError):
    """Dropping short utterances left a fold without any on one side, or without one of a label.

    ``side`` is "training" or "test"; ``labels`` are the labels without utterances, none where the
    whole side is empty.
    """

    fold: str
    side: str
    labels: Sequence[str] = ()
    REMEDY = 'set features.short to "zero" (pad with zeros) or "repeat" (repeat the utterance)'

    def describe(self) -> str:
        labelled = f" labelled {named(self.labels)}" if self.labels else ""
        return (
            f'fold {self.fold}: features.short = "drop" leaves no {self.side} utterance{labelled}'
        )


class CorpusChanged(StudyError):
    """A corpus is not the one that the probes of a run were trained on."""

    root: Path | None
    study: str
    digest: str
    WHAT = (
        "the corpus in {root} is not the one that the probes of study {study} ({digest}) were "
        "trained on"
    )
    REMEDY = "give that corpus by --corpus-root, or run ablate grid on this one"


# --- Promotion.


class NoFoldFinished(SelectionError):
    """No network of a promotion has a finished fold, so there is no Table 1."""

    study: str
    WHAT = "study {study}: no network has a finished fold"
    REMEDY = "run ablate promote again"


# --- Searches.


class SearchRunning(StorageError):
    """Another search is running in the same results folder."""

    folder: Path
    WHAT = "another search is running in {folder}"
    REMEDY = "wait until it has ended, or choose another --results folder"


class SearchFileUnusable(StorageError):
    """The database of a study's searches cannot be used.

    ``transient`` says that the file itself may be sound, as when it is locked or the disk is full.
    """

    path: Path
    reason: str
    transient: bool = False
    WHAT = "cannot use {path}: {reason}"

    def advise(self) -> str:
        if self.transient:
            return "run the same command again once that is solved; finished work is kept"
        return (
            "move it away and run ablate search again: the cells it refers to are stored beside it "
            "and are not trained again"
        )


class EmptySearchGrid(StudyError):
    """The sampler "grid" has no point within the bounds of a search."""

    heights: tuple[int, int]
    widths: tuple[int, int]
    REMEDY = "widen search.heights and search.widths, or change grid.heights and grid.widths"

    def describe(self) -> str:
        (low, high), (narrow, wide) = self.heights, self.widths
        return (
            f"[search] no shape of the grid has a height from {low} to {high} and a width from "
            f"{narrow} to {wide} and fits into a segment"
        )


class NoSearch(StorageError):
    """A study was never searched."""

    study: str
    results: Path
    WHAT = "no search of study {study} in {results}"
    REMEDY = "run ablate search with it first, or choose another --results folder"


class PortUnavailable(StudyError):
    """The dashboard cannot listen on a port."""

    port: int
    reason: str
    WHAT = "--port {port}: {reason}"

    def advise(self) -> str:
        return f"choose another, for example --port {self.port % 65535 + 1}"


# --- Estimates.


class NothingMeasured(AblationError):
    """A cell could not be trained to measure its steps."""

    reason: str
    WHAT = "no training step could be measured: {reason}"
    REMEDY = "lower training.batch_size, or choose smaller filters or another device"
