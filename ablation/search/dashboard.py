"""``ablate dashboard`` shows a study's searches in optuna-dashboard, on this machine only."""

from collections.abc import Callable
from pathlib import Path

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
        from optuna_dashboard import run_server
    except ImportError as error:
        raise MissingPackage("ablate dashboard", "optuna-dashboard", "dashboard") from error
    path = search_file(study_folder(results, name))
    if not path.exists():
        raise NoSearch(name, results.absolute())
    from ablation.results.search_file import open_storage

    storage = open_storage(path, read_only=True)
    say(f"searches of {name}, read-only: http://{HOST}:{port} (stop with Ctrl-C)")
    try:
        run_server(storage, host=HOST, port=port)
    except KeyboardInterrupt:
        return  # the normal end
    except OSError as error:
        raise PortUnavailable(port, error.strerror or str(error)) from error
