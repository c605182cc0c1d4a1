"""``ablate dashboard`` shows a study's searches in optuna-dashboard, on this machine only."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

from ablation.errors.common import MissingPackage
from ablation.errors.running import NoSearch, PortUnavailable
from ablation.results.run_record import study_folder
from ablation.results.search_record import search_file

HOST = "127.0.0.1"


def serve(results: Path, name: str, port: int, say: Callable[[str], None]) -> None:
    """Serve the dashboard on ``port`` of this machine until interrupted.

    The file is opened read-only: the page can change and delete nothing, and a search may run
    meanwhile.

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
    from ablation.results.search_file import open_storage

    app = wsgi(open_storage(path, read_only=True))
    try:
        server = make_server(HOST, port, app, handler_class=_Silent)
    except OSError as error:
        raise PortUnavailable(port, error.strerror or str(error)) from error
    with server:
        say(f"searches of {name}, read-only: http://{HOST}:{port} (stop with Ctrl-C)")
        with suppress(KeyboardInterrupt):  # the normal end
            server.serve_forever()


class _Silent(WSGIRequestHandler):
    """Every request would be a line on stderr."""

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
