"""Downloads by pooch: it checks each file, puts it in place whole, and tries again if need be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pooch
import requests

from ablation.errors import first_line
from ablation.errors.fetching import Unreachable, WrongChecksum
from ablation.progress import Advance, Reporter
from ablation.version import __version__

_BLOCK = 1 << 16  # bytes
_MB = 1_000_000
_HEADERS = {"User-Agent": f"ablation/{__version__}"}  # Zenodo refuses the default of requests
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may change by the next try

Place = TypeVar("Place")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Downloads:
    """How files are downloaded.

    Parameters
    ----------
    timeout
        How long to wait for data (seconds) before a try has failed.
    tries
        How often to try each file.
    """

    reporter: Reporter
    timeout: float = 30.0
    tries: int = 6

    def fetch(self, url: str, file: Path, checksum: str | None) -> None:
        """Download ``url`` to ``file``, unless the file is there with this checksum.

        Raises :class:`Unreachable` if the address does not answer with the file after all tries,
        :class:`WrongChecksum` if it answers with another file.
        """
        pooch.get_logger().setLevel("WARNING")  # we report progress ourselves
        store = pooch.create(
            path=file.parent,
            base_url="",
            registry=cast(Any, {file.name: checksum}),
            urls={file.name: url},
            retry_if_failed=self.tries - 1,
        )
        try:
            store.fetch(file.name, downloader=cast(Any, _Downloader(self, checksum)))
        except (requests.RequestException, ValueError, OverflowError) as error:
            raise Unreachable(url, _reason(error)) from error

    def first(self, places: Sequence[Place], get: Callable[[Place], Found]) -> Found:
        """Return what ``get`` finds at the first place that answers."""
        for place in places[:-1]:
            try:
                return get(place)
            except Unreachable as error:
                self.reporter.say(f"{error.what}; trying another address")
        return get(places[-1])


def require_checksum(file: Path, checksum: str | None, address: str) -> None:
    """Raise :class:`WrongChecksum` where a file is not the one that is known for an address."""
    if checksum is not None:
        algorithm, _, digest = checksum.partition(":")
        if pooch.file_hash(str(file), alg=algorithm) != digest:
            raise WrongChecksum(address, checksum)


class _Downloader(pooch.HTTPDownloader):
    """Makes one try, whenever pooch calls it; ends with a :class:`CorpusError` if it is the last.

    The last it is where the next one would end the same way.
    """

    def __init__(self, downloads: Downloads, checksum: str | None) -> None:
        super().__init__(timeout=downloads.timeout, chunk_size=_BLOCK, headers=_HEADERS)
        self.reporter = downloads.reporter
        self.checksum = checksum

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> None:
        self.reporter.say(f"downloading {url}")
        try:
            with self.reporter.task("downloading", "MB") as advance:
                self.progressbar = _Progress(advance)
                super().__call__(url, output_file, pooch, check_only)
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code in _PASSING:
                raise
            raise Unreachable(url, _reason(error)) from error
        require_checksum(Path(output_file), self.checksum, url)


class _Progress:
    """What pooch's downloader takes for a progress bar."""

    total = 0  # bytes, set by pooch; 0 if the server does not tell

    def __init__(self, advance: Advance) -> None:
        self.advance = advance
        self.done = self.shown = 0  # bytes, MB

    def update(self, size: int) -> None:
        self.done += size
        if self.shown < self.done // _MB <= self.total // _MB:
            self.shown = self.done // _MB
            self.advance(self.shown, self.total // _MB)

    def reset(self) -> None:
        self.done = 0

    close = reset


def _reason(error: Exception) -> str:
    """Return why a try failed."""
    text = str(error)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate cannot be verified"
    if isinstance(error, requests.Timeout) or "timed out" in text:
        return "no data arrived in time"
    if isinstance(error, requests.ConnectionError) and "resolve" in text:
        return "unknown server, or no network"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return "no connection, or it was dropped"
    return first_line(error)
