"""Errors of fetching a corpus: where to put it, its licence, addresses, downloads and archives."""

from collections.abc import Sequence
from pathlib import Path

from ablation.errors.base import CorpusError
from ablation.errors.text import counted


class NotFetchable(CorpusError):
    """A corpus has no public home to download it from."""

    corpus: str
    summary: str
    fetchable: Sequence[str]
    WHAT = "corpus {corpus} cannot be downloaded ({summary})"
    REMEDY = "corpora that can be downloaded: {fetchable!l}"


class TargetMissing(CorpusError):
    """No folder was given to put the corpus in."""

    corpus: str
    WHAT = "no folder given for the corpus"
    REMEDY = "for example: --to corpora/{corpus}"


class InvalidTarget(CorpusError):
    """A path cannot be the folder of a corpus, since it is a file or has no name."""

    folder: Path
    WHAT = "--to: {folder} cannot be the folder of a corpus"
    REMEDY = "give a new or an empty folder, for example --to corpora/emodb"


class TargetNotEmpty(CorpusError):
    """The folder for the corpus holds something else; ``reason`` says what the reader met."""

    target: Path
    corpus: str
    reason: str = ""
    REMEDY = "choose another folder"

    def describe(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.target} is not empty and does not contain corpus {self.corpus}{reason}"


class TargetIncomplete(CorpusError):
    """Recordings were removed since the corpus was fetched."""

    target: Path
    found: int
    fetched: int
    WHAT = "{target} contains {found} of the {fetched} recordings that were fetched"
    REMEDY = "remove the folder and run the same command again"


class FetchRunning(CorpusError):
    """Another process is fetching into the same folder."""

    target: Path
    WHAT = "another fetch into {target} is running"
    REMEDY = "wait until it ends, or choose another folder"


class LicenceRequired(CorpusError):
    """The licence was not accepted, and nobody is there to be asked."""

    home: str
    WHAT = "the licence must be accepted before anything is downloaded"
    REMEDY = "read it at {home}, then add --accept-licence"


class LicenceDeclined(CorpusError):
    """The user was asked and did not accept the licence."""

    corpus: str
    WHAT = "the licence was not accepted: nothing was downloaded"


class Unreachable(CorpusError):
    """Nobody answers at an address, or not with the file: another address may do."""

    address: str
    reason: str
    WHAT = "{address}: {reason}"
    REMEDY = (
        "run the same command again later, or give another address with --from "
        "(its path, for an archive you already have)"
    )


class WrongChecksum(CorpusError):
    """A file is not the one whose checksum is known."""

    address: str
    expected: str
    WHAT = "{address}: wrong checksum (expected {expected})"
    REMEDY = "it was not used; run the same command again, or give another address with --from"


class BadArchive(CorpusError):
    """The archive from an address is damaged or not safe: nothing of it is used."""

    address: str
    reason: str
    WHAT = "{address} cannot be unpacked: {reason}"
    REMEDY = (
        "give another address of the archive with --from, or unpack it with another program and "
        "use its folder"
    )


class CorpusNotInArchive(CorpusError):
    """An archive does not contain the corpus.

    ``layout`` is how the corpus's folder should look; ``reason`` says what its reader met.
    """

    address: str
    corpus: str
    layout: str
    reason: str = ""
    REMEDY = "expected: {layout}"

    def describe(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.address} does not contain corpus {self.corpus}{reason}"


def megabytes(size: int) -> str:
    """Return a number of bytes as people read it: ``3 bytes``, ``40.0 MB``."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else counted(size, "byte")
