"""Many recordings at once: threads read, decode and hash them, which needs no interpreter lock."""

import warnings
from collections.abc import Callable, Collection
from threading import Event, Thread, current_thread
from typing import Any, TypeVar

from ablation.errors import AblationError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(
    function: Callable[[_Item], _Result],
    items: Collection[_Item],
    progress: Callable[[int, int], None] | None = None,
) -> list[_Result]:
    """Return ``function(item)`` for each of ``items``; threads compute it.

    ``progress`` is called with (done, all). An expected error that is raised is that of the first
    item that has one; then, and after an interrupt, no other item is begun.
    """
    from joblib import Parallel, cpu_count, delayed

    stopped, threads = Event(), set[Thread]()

    def attempt(item: _Item) -> tuple[Any, AblationError | None]:
        threads.add(current_thread())
        try:
            return None if stopped.is_set() else function(item), None
        except AblationError as error:
            return None, error

    at_once = cpu_count() + 4  # some wait for the disk
    attempts: Any = Parallel(at_once, prefer="threads", return_as="generator")(
        delayed(attempt)(item) for item in items
    )
    results: list[_Result] = []
    try:
        for result, error in attempts:
            if error is not None:
                raise error
            results.append(result)
            if progress is not None:
                progress(len(results), len(items))
    finally:
        stopped.set()
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            attempts.close()  # warns of items that are left
        # joblib leaves its threads running: one in compiled code would abort an exiting process.
        for thread in threads - {current_thread()}:
            thread.join()
    return results
