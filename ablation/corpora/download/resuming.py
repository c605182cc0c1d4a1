"""A downloader for pooch that continues a download where it was cut off.

What has arrived so far is kept in a partial file, beside a note of which version of the remote file
it is of. After a connection drops or stalls, another one is made after a pause and asks for the
rest (HTTP Range, RFC 9110 section 14). Where a server does not support ranges, the download starts
again.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import requests
import urllib3

from ablation.errors import first_line
from ablation.errors.fetching import (
    DownloadFailed,
    FileTooLarge,
    ServerRefused,
    Unreachable,
    megabytes,
)
from ablation.files import is_file, storage_error

_BLOCK = 1 << 16  # bytes
_STALLED, _DROPPED = "no data arrived in time", "the connection was dropped"
_EVERY = 5.0  # seconds between two lines of progress
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may change by the next try
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before another try, the last one for all later
_FEW_TRIES = 2  # if the server's name cannot be resolved: most often there is no network
LONGEST_PAUSE = 120.0  # seconds: no server makes us wait longer


class Dropped(Exception):  # noqa: N818 - one try failed; the next may succeed
    """A connection ended before the file did, or was refused for now.

    ``wait`` is how long the server asks us to wait (seconds); ``tries`` limits the number of tries
    while nothing has arrived at all.
    """

    def __init__(self, reason: str, wait: float = 0.0, tries: int | None = None) -> None:
        super().__init__(reason)
        self.wait = wait
        self.tries = tries


@dataclass(frozen=True)
class Patience:
    """How long to wait for data (seconds), and how many tries without progress to make."""

    timeout: float = 30.0
    tries: int = 6


class Resuming:
    """Downloads into ``partial``, over as many connections as it takes; called by pooch.

    Parameters
    ----------
    partial
        Where the bytes go until all of them have arrived.
    limit
        The most bytes that the file may have.
    progress
        Called with lines for the user; None for silence.
    stop
        Once set, no further try is made.
    """

    def __init__(
        self,
        partial: Path,
        limit: int,
        patience: Patience,
        progress: Callable[[str], None] | None = None,
        session: requests.Session | None = None,
        stop: Event | None = None,
    ) -> None:
        self.partial = partial
        self.version = partial.with_name(f"{partial.name}.version")
        self.limit = limit
        self.patience = patience
        self.progress = progress
        self.session = session or requests.Session()
        self.stop = stop or Event()
        self._said = time.monotonic()

    def __call__(
        self, url: str, output_file: str | Any, pooch: Any, check_only: bool = False
    ) -> bool | None:
        """Download ``url`` into the file ``output_file``, as pooch asks of a downloader.

        Raises
        ------
        Unreachable
            If the address is invalid, or does not answer with the file after all tries.
        FileTooLarge
            If the file is larger than ``limit``.
        StorageError
            If a file cannot be written or read.
        """
        del pooch
        if check_only:
            raise NotImplementedError("check_only is not supported")
        try:
            if urlsplit(url).scheme == "file":
                self._copy(url)
            else:
                self._download(url)
            self.partial.replace(output_file)
            self.version.unlink(missing_ok=True)
        except requests.RequestException as error:  # an OSError as well, so it comes first
            raise Unreachable(url, _reason(error)) from error
        except (ValueError, OverflowError) as error:  # an address or a timeout that sockets refuse
            raise Unreachable(url, str(error)) from error
        except OSError as error:
            raise storage_error("write", self.partial, error) from error
        return None

    def _copy(self, url: str) -> None:
        file = Path(url2pathname(urlsplit(url).path))
        if not is_file(file):
            raise Unreachable(url, "no such file")
        if file.stat().st_size > self.limit:
            raise self._too_large(url)
        shutil.copyfile(file, self.partial)

    def _download(self, url: str) -> None:
        best, failed = self._there(), 0
        while True:
            try:
                return self._connect(url)
            except Dropped as drop:
                there = self._there()
                failed = 0 if there > best else failed
                best = max(best, there)
                failed += 1
                tries = self.patience.tries
                if drop.tries is not None and not there:
                    tries = min(tries, drop.tries)
                if failed >= tries or self.stop.is_set():
                    raise DownloadFailed(url, str(drop), failed, there) from drop
                pause = max(drop.wait, PAUSES[min(failed, len(PAUSES)) - 1])
                self._say(f"{drop} at {megabytes(there)}; trying again in {pause:g} s")
                self.stop.wait(pause)

    def _connect(self, url: str) -> None:
        """Make one connection; raise :class:`Dropped` if it ends before the file does."""
        offset = self._there()
        headers = {"Accept-Encoding": "identity"}  # ranges count uncompressed bytes
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if self.version.is_file():
                headers["If-Range"] = self.version.read_text(encoding="ascii")
        try:
            answer = self.session.get(
                url, headers=headers, stream=True, timeout=self.patience.timeout
            )
            with answer:
                self._receive(url, answer, offset)
        except (
            requests.exceptions.SSLError,
            requests.exceptions.InvalidSchema,
            urllib3.exceptions.LocationValueError,
        ):
            raise  # another try would end the same way
        except (requests.ConnectionError, requests.Timeout) as error:
            tries = _FEW_TRIES if _nameless(error) else None
            raise Dropped(_reason(error), tries=tries) from error
        except urllib3.exceptions.ReadTimeoutError as error:
            raise Dropped(_STALLED) from error
        except urllib3.exceptions.HTTPError as error:
            raise Dropped(_DROPPED) from error

    def _receive(self, url: str, answer: requests.Response, offset: int) -> None:
        start, total = _span(url, answer)
        if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or (
            start is not None and start != offset
        ):
            self.partial.unlink(missing_ok=True)  # not what was asked for: start again
            raise Dropped("the server does not have the rest of this file")
        if total is not None and total > self.limit:
            raise self._too_large(url)
        if start is None:
            offset = 0
            tag = answer.headers.get("ETag", "")
            version = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
            self.version.unlink(missing_ok=True)
            if version.isascii() and version:
                self.version.write_text(version, encoding="ascii")
        with self.partial.open("ab" if start is not None else "wb") as file:
            # As they arrive, so that nothing is lost if no more do.
            while block := answer.raw.read1(_BLOCK, decode_content=False):
                offset += len(block)
                if offset > self.limit:
                    raise self._too_large(url)
                file.write(block)
                self._tick(offset, total)
        if total is not None and offset < total:
            raise Dropped(_DROPPED)

    def _there(self) -> int:
        return self.partial.stat().st_size if self.partial.is_file() else 0

    def _too_large(self, url: str) -> FileTooLarge:
        self.partial.unlink(missing_ok=True)
        return FileTooLarge(url, self.limit)

    def _tick(self, offset: int, total: int | None) -> None:
        if time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            self._say(megabytes(offset) + (f" of {megabytes(total)}" if total else ""))

    def _say(self, line: str) -> None:
        if self.progress is not None:
            self.progress(line)


def _span(url: str, answer: requests.Response) -> tuple[int | None, int | None]:
    """Return the first byte of the part sent (None: the whole file), and the whole size if known.

    Raises :class:`Dropped` for a status that may change by the next try, :class:`ServerRefused` for
    one that will not.
    """
    code = answer.status_code
    if code == HTTPStatus.PARTIAL_CONTENT:
        span, _, total = (
            answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        )
        first = span.partition("-")[0]
        return (int(first) if first.isdigit() else -1), (int(total) if total.isdigit() else None)
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return None, None
    if code == HTTPStatus.OK:
        length = answer.headers.get("Content-Length", "")
        return None, int(length) if length.isdigit() else None
    if code in _PASSING:
        wait = answer.headers.get("Retry-After", "")
        said = f"the server answered {code} {answer.reason}"
        raise Dropped(said, min(float(wait), LONGEST_PAUSE) if wait.isdigit() else 0.0)
    raise ServerRefused(url, answer.reason, code)


def _reason(error: requests.RequestException) -> str:
    """Return why no connection could be made."""
    if isinstance(error, requests.Timeout):
        return _STALLED
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate cannot be verified"
    if _nameless(error):
        return "unknown server, or no network"
    if isinstance(error, requests.ConnectionError):
        cut = any(word in str(error).lower() for word in ("reset", "aborted", "broken"))
        return _DROPPED if cut else "no connection"
    return first_line(error)


def _nameless(error: requests.RequestException) -> bool:
    """Return whether the server's name could not be resolved."""
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, urllib3.exceptions.NameResolutionError)
