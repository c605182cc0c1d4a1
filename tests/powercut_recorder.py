"""What this process changes and syncs below a folder, as a :class:`powercut.Recording`."""

import builtins
import io
import math
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from powercut import TOP, Op, Recording, contents, newest

_open, _os_open = io.open, os.open


class KilledError(BaseException):
    """The process does nothing more."""


class Recorder:
    """Notes what this process does below ``root``; what is there already is on the disk.

    Only what this package does is understood: no links, and no folder is renamed.

    Attributes
    ----------
    calls_left
        After so many calls each one raises :class:`KilledError`, until this is set again.
    """

    def __init__(self, root: Path) -> None:
        self.root = str(root.resolve())
        self.ops: list[Op] = []
        self.promises: list[tuple[int, str, frozenset]] = []
        self.companions: list[tuple[str, frozenset, str, frozenset]] = []
        self._nodes = {"": TOP}
        self._named: dict[str, set[int]] = defaultdict(set)
        self._count = 1
        self.lock = threading.RLock()
        self.calls_left = math.inf
        for path, content in contents(root).items():
            self.made(path, content)
        for path in list(self._nodes):
            self.synced(path)
        self.start = len(self.ops)

    def call(self) -> None:
        """Count a call that changes or syncs something."""
        if self.calls_left == 0:
            raise KilledError
        self.calls_left -= 1

    def promise(self, view: str, things: frozenset) -> None:
        """Note that the program has reported something as stored."""
        self.promises.append((len(self.ops), view, things))

    def recording(self) -> Recording:
        """Return what was noted; raise if something else has changed the files too."""
        end: dict[int, bytes] = {op.node: op.value for op in self.ops if op.kind == "write"}
        whole = {
            path: {end[node] for node in nodes if node in end}
            for path, nodes in self._named.items()
        }
        found = Recording(
            tuple(self.ops), self.start, tuple(self.promises), tuple(self.companions), whole
        )
        kept, there = found.disks[-1].files(newest), contents(Path(self.root))
        if kept != there:
            odd = sorted(p for p in {*kept, *there} if kept.get(p, 0) != there.get(p, 0))
            raise RuntimeError(f"changed by calls that are not recorded: {', '.join(odd)}")
        return found

    def below(self, path: Any, dir_fd: int | None = None) -> str | None:
        """Return a path below the root, None for one elsewhere."""
        if isinstance(path, int):
            path = str(Path(f"/proc/self/fd/{path}").readlink())
            if not path.startswith("/"):  # a pipe
                return None
        elif dir_fd is not None:
            path = Path(f"/proc/self/fd/{dir_fd}").readlink() / os.fsdecode(path)
        full = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - a link is itself, not its target
        if full == self.root:
            return ""
        return full.removeprefix(f"{self.root}/") if full.startswith(f"{self.root}/") else None

    def knows(self, path: str | None) -> bool:
        """Return whether a file or folder of that path is there."""
        return path in self._nodes

    def opened(self, path: str, emptied: bool) -> None:
        if path not in self._nodes:
            self.made(path, b"")
        elif emptied:
            self.written(path, b"")

    def made(self, path: str, content: bytes | None = None) -> None:
        """Note a new file with its content, or a new folder."""
        self._nodes[path] = self._count
        self._count += 1
        if content is not None:
            self.written(path, content)
        self._name(path, self._nodes[path])

    def written(self, path: str, content: bytes) -> None:
        self.ops.append(Op("write", self._nodes[path], path, value=content))

    def synced(self, path: str) -> None:
        self.ops.append(Op("sync", self._nodes[path], path))

    def renamed(self, old: str, new: str) -> None:
        self._nodes[new] = self._nodes.pop(old)
        self._name(new, self._nodes[new])
        self._name(old, None)

    def removed(self, path: str) -> None:
        del self._nodes[path]
        self._name(path, None)

    def _name(self, path: str, node: int | None) -> None:
        folder, _, name = path.rpartition("/")
        self.ops.append(Op("name", self._nodes[folder], path, name, node))
        if node is not None:
            self._named[path].add(node)


@contextmanager
def recorded(root: Path) -> Iterator[Recorder]:
    """Note everything that this process does below ``root`` in the block.

    Code that is not Python's own writes unnoticed; :meth:`Recorder.recording` then raises.
    """
    recorder = Recorder(root)
    with pytest.MonkeyPatch.context() as patch:
        _record_files(recorder, patch)
        _record_names(recorder, patch)
        yield recorder


def _record_files(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    def note(fd: int) -> None:
        path = recorder.below(fd)
        if path is not None and recorder.knows(path):  # not one removed while it was open
            with _open(f"/proc/self/fd/{fd}", "rb") as file:
                recorder.written(path, file.read())

    class File(io.FileIO):
        def write(self, data: Any) -> int:
            with recorder.lock:
                recorder.call()
                count = super().write(data)
                note(self.fileno())
                return count

        def truncate(self, size: int | None = None) -> int:
            with recorder.lock:
                size = super().truncate(size)
                note(self.fileno())
                return size

    def open_(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **more: Any) -> Any:
        path = (
            None if isinstance(file, int) or not set(mode) & set("wax+") else recorder.below(file)
        )
        if path is None:
            return _open(file, mode, buffering, *rest, **more)
        with recorder.lock:
            recorder.call()
            raw = File(file, mode.replace("b", "").replace("t", ""))
            recorder.opened(path, "w" in mode)
        buffered = (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, *rest, **more)

    def os_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        below = recorder.below(path, dir_fd) if flags & (os.O_CREAT | os.O_TRUNC) else None
        with recorder.lock:
            fd = _os_open(path, flags, mode, dir_fd=dir_fd)
            if below is not None:
                recorder.opened(below, bool(flags & os.O_TRUNC))
            return fd

    def changing(call: Callable[..., Any]) -> Callable[..., Any]:
        def changed(fd: int, *arguments: Any) -> Any:
            with recorder.lock:
                result = call(fd, *arguments)
                note(fd)
                return result

        return changed

    def syncing(call: Callable[..., Any]) -> Callable[..., Any]:
        def synced(fd: Any) -> None:
            with recorder.lock:
                recorder.call()
                call(fd)
                number = fd if isinstance(fd, int) else fd.fileno()
                path = recorder.below(number)
                if path is not None and recorder.knows(path):
                    recorder.synced(path)

        return synced

    for module in (io, builtins):
        patch.setattr(module, "open", open_)
    patch.setattr(os, "open", os_open)
    for name in ("write", "pwrite", "writev", "ftruncate"):
        patch.setattr(os, name, changing(getattr(os, name)))
    for name in ("fsync", "fdatasync"):
        patch.setattr(os, name, syncing(getattr(os, name)))


def _record_names(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    def noting(name: str, note: Callable[[str], None]) -> None:
        call = getattr(os, name)

        def noted(path: Any, *rest: Any, dir_fd: int | None = None) -> None:
            below = recorder.below(path, dir_fd)
            with recorder.lock:
                recorder.call()
                call(path, *rest, dir_fd=dir_fd)
                if below is not None:
                    note(below)

        patch.setattr(os, name, noted)

    def renaming(name: str) -> None:
        call = getattr(os, name)

        def renamed(
            old: Any, new: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
        ) -> None:
            before, after = recorder.below(old, src_dir_fd), recorder.below(new, dst_dir_fd)
            with recorder.lock:
                recorder.call()
                call(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
                if before is not None and after is not None:
                    recorder.renamed(before, after)

        patch.setattr(os, name, renamed)

    noting("mkdir", recorder.made)
    for name in ("unlink", "remove", "rmdir"):
        noting(name, recorder.removed)
    for name in ("rename", "replace"):
        renaming(name)
