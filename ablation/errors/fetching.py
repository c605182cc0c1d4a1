"""Errors of fetching a corpus: where to put it, its licence, addresses, downloads and archives."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ablation.errors.base import CorpusError
from ablation.errors.text import counted

# ---------------------------------------------------------------------------- what is asked for


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
    """A path cannot be the folder of a corpus, since it has no name."""

    folder: Path
    WHAT = "--to: {folder} cannot be the folder of a corpus"
    REMEDY = "for example: --to corpora/emodb"


class TargetIsFile(CorpusError):
    """A file stands where the corpus is to go."""

    target: Path
    WHAT = "--to: {target} is a file"
    REMEDY = "give a folder"


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


# ---------------------------------------------------------------------------- downloads


class InvalidAddress(CorpusError):
    """An address has a scheme that cannot be downloaded from."""

    address: str
    schemes: Sequence[str]
    REMEDY = "for example: --from https://example.org/corpus.zip, or --from file:///corpus.zip"

    def describe(self) -> str:
        *others, last = self.schemes
        return f"--from: expected an {', '.join(others)} or {last} address, got {self.address!r}"


class Unreachable(CorpusError):
    """Nobody answers at an address, or not with the file: another address may do."""

    address: str
    reason: str
    WHAT = "{address}: {reason}"
    REMEDY = "check the address"


class ServerRefused(Unreachable):
    """A server answered with an HTTP status that another try would not change.

    ``reason`` is the server's own word for ``status``.
    """

    status: int
    WHAT = "{address}: the server answered {status} {reason}"
    REMEDY = "see the corpus's home page, or give another address with --from"


class DownloadFailed(Unreachable):
    """A download made no progress in ``tries`` tries; ``kept`` bytes of it are kept."""

    tries: int
    kept: int

    def describe(self) -> str:
        return f"{self.address}: {self.reason}, {counted(self.tries, 'time')} in a row"

    def advise(self) -> str:
        kept = f" ({megabytes(self.kept)} are kept)" if self.kept else ""
        return (
            f"run the same command again later{kept}, or give another address with --from "
            f"(file:///... for an archive you already have)"
        )


class WrongChecksum(CorpusError):
    """A download is not the file whose checksum is known."""

    address: str
    expected: str
    WHAT = "{address}: wrong checksum (expected {expected})"
    REMEDY = (
        "the download was discarded; run the same command again, "
        "or give another address with --from"
    )


class WrongRecording(WrongChecksum):
    """A recording is not the one that the archive names."""

    WHAT = "{address}: not the recording that the archive names (expected checksum {expected})"
    REMEDY = "the download was discarded; run the same command again later"


class FileTooLarge(CorpusError):
    """A file has more bytes than the corpus's file may have."""

    address: str
    limit: int
    REMEDY = "this must be another file; give the right address with --from"

    def describe(self) -> str:
        return f"{self.address}: larger than the {megabytes(self.limit)} allowed for this file"


# ---------------------------------------------------------------------------- archives

_DISTRUSTED = "nothing was unpacked; check where the archive comes from"


class DamagedArchive(CorpusError):
    """A download cannot be read as a ZIP archive."""

    archive: str
    reason: str
    WHAT = "{archive} is not a complete ZIP archive ({reason})"
    REMEDY = "it was removed; run the same command again"


class ConflictingNames(CorpusError):
    """Two members of an archive would become the same file, or a file and a folder of one name."""

    archive: str
    WHAT = "{archive} contains two entries of the same name"
    REMEDY = _DISTRUSTED


Fault = Literal["absolute", "outside", "link", "name", "encrypted", "duplicate"]


class UnsafeMember(CorpusError):
    """A member of an archive could do harm, so that nothing of the archive is unpacked."""

    archive: str
    member: str
    fault: Fault
    REMEDY = _DISTRUSTED

    def describe(self) -> str:
        said = {
            "absolute": "is an absolute path",
            "outside": "leads out of the folder",
            "link": "is a link or a device",
            "name": "is not a valid file name",
            "encrypted": "is encrypted",
            "duplicate": "occurs twice",
        }
        return f"{self.archive}: {self.member!r} {said[self.fault]}"


class ArchiveTooLarge(CorpusError):
    """An archive would unpack to more bytes or files than the corpus can have."""

    archive: str
    limit: int
    files: int
    REMEDY = _DISTRUSTED

    def describe(self) -> str:
        size = megabytes(self.limit)
        return f"{self.archive} would unpack to more than {size} or {self.files} files"


class CorpusNotInArchive(CorpusError):
    """An archive was unpacked and does not contain the corpus.

    ``layout`` is how the corpus's folder should look; ``reason`` says what its reader met.
    """

    corpus: str
    layout: str
    reason: str = ""
    REMEDY = "expected: {layout}; the archive was removed"

    def describe(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"the archive does not contain corpus {self.corpus}{reason}"


def megabytes(size: int) -> str:
    """Return a number of bytes as people read it: ``3 bytes``, ``40.0 MB``."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else counted(size, "byte")
