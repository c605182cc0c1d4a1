"""``ablate dashboard`` shows a study's searches in optuna-dashboard, on this machine only."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from ablation.errors.common import MissingPackage
from ablation.errors.running import NoSearch, PortUnavailable
from ablation.results.run_record import study_folder
from ablation.results.search_record import search_file

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"


def serve(results: Path, name: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the dashboard on ``port`` of this machine until interrupted.

    Nothing can be changed or deleted through the page; a search may run meanwhile.

    Raises
    ------
    MissingPackage
        When optuna-dashboard is not installed.
    PortUnavailable
        When the port is in use.
    StorageError
        When there is no search, or its file cannot be used.
    """
    try:
        from optuna_dashboard import wsgi
    except ImportError as error:
        raise MissingPackage("ablate dashboard", "optuna-dashboard", "dashboard") from error
    path = search_file(study_folder(results, name))
    if not path.exists():
        raise NoSearch(name, results.absolute())
    from ablation.results.search_file import open_read_only

    with _server(port) as server:
        server.set_app(_reading(wsgi(open_read_only(path))))
        say(f"searches of {name}, read-only: http://{HOST}:{port} (stop with Ctrl-C)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return  # the normal end


def _reading(app: WSGIApplication) -> WSGIApplication:
    """Return ``app`` without requests that change something: a search may need what they delete."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return app(environ, start)
        start("405 Method Not Allowed", [("Content-Type", "application/json"), ("Allow", "GET")])
        return [b'{"reason": "this dashboard is read-only"}']

    return answer


def _server(port: int) -> WSGIServer:
    try:
        return make_server(HOST, port, None, handler_class=_Quiet)  # type: ignore[arg-type]
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "already in use" if taken else error.strerror or str(error)
        raise PortUnavailable(port, reason) from error


class _Quiet(WSGIRequestHandler):
    """A handler that does not log every request."""

    def log_message(self, format: str, *args: object) -> None:
        pass
