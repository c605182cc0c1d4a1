"""What a power cut may leave of a folder, at any moment of what a program did there.

A :class:`Recording` has every change below a folder and every sync, noted at the level of system
calls: a sync that the program forgets is not in it. :meth:`Recording.states` lists what a file
system that keeps only the promises of POSIX may have on its disk afterwards:

* a file has what was written until its last sync; of later writes anything: all, none, a part, or
  zeros in their place,
* a name in a folder means what it meant at the folder's last sync, or anything it was made to mean
  since (a new file, another one, none), each name independently of all others.

So a file that was synced may be without its name, a rename may be on the disk before the content of
the file, and of two files that were removed either may come back.
"""

import random
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

Files = dict[str, bytes | None]  # by their paths below the folder; None: a folder
Pick = Callable[[Any, Sequence[Any]], Any]  # one of the options of a name or a file, oldest first
TOP = 0


@dataclass(frozen=True, repr=False)
class Op:
    """A change of one file or folder, which have numbers.

    ``kind`` is "name" (``name`` in the folder ``node`` means ``value`` from now on, None: nothing),
    "write" (the file has the content ``value``) or "sync". ``path`` is for people.
    """

    kind: str
    node: int
    path: str
    name: str = ""
    value: Any = None


@dataclass(repr=False)
class Disk:
    """What may be on the disk: of each name and each file, everything since its last sync."""

    names: dict[tuple[int, str], tuple[int | None, ...]] = field(default_factory=dict)
    contents: dict[int, tuple[bytes, ...]] = field(default_factory=dict)

    def after(self, op: Op) -> "Disk":
        if op.kind == "forgotten":
            return self
        names, contents = self.names.copy(), self.contents.copy()
        if op.kind == "name":
            key = op.node, op.name
            names[key] = (*names.get(key, (None,)), op.value)
        elif op.kind == "write":
            contents[op.node] = (*contents.get(op.node, ()), op.value)
        elif op.node in contents:
            contents[op.node] = contents[op.node][-1:]
        else:
            names |= {key: there[-1:] for key, there in names.items() if key[0] == op.node}
        return Disk(names, contents)

    @cached_property
    def folders(self) -> dict[int, list[tuple[str, tuple[int | None, ...]]]]:
        found = defaultdict(list)
        for (folder, name), options in self.names.items():
            found[folder].append((name, options))
        return found

    @cached_property
    def pending(self) -> list[tuple[Any, Sequence[Any]]]:
        """The names and files that are not on the disk for certain, with their options."""
        files = ((node, variants(options)) for node, options in self.contents.items())
        return [(k, options) for k, options in (*self.names.items(), *files) if len(options) > 1]

    def files(self, pick: Pick) -> Files:
        """The files, if of each name and file the disk has what ``pick`` says."""
        found: Files = {}
        left = [("", TOP)]
        while left:
            path, folder = left.pop()
            for name, options in self.folders.get(folder, ()):
                node = options[0] if len(options) == 1 else pick((folder, name), options)
                if node is None:
                    continue
                written = self.contents.get(node)
                if written is None:
                    found[path + name] = None
                    left.append((f"{path}{name}/", node))
                else:
                    some = written[0] if len(written) == 1 else pick(node, variants(written))
                    found[path + name] = some
        return found


@cache
def variants(written: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """What may be in a file that held each of ``written`` since it was last synced."""
    if len(written) == 1:
        return written
    last = written[-1]
    size = len(last)
    torn = [bytes(size), last[: size // 2]]
    torn += [last[:kept] + bytes(size - kept) for kept in (size // 2, size * 3 // 4)]
    return (written[0], *torn, *written[1:])


def oldest(_key: Any, options: Sequence[Any]) -> Any:
    return options[0]


def newest(_key: Any, options: Sequence[Any]) -> Any:
    return options[-1]


@dataclass(frozen=True, repr=False)
class State:
    """The files that a power cut after ``cut`` changes may leave; ``choice`` is for people."""

    cut: int
    files: Files
    choice: str


@dataclass(frozen=True, repr=False)
class Recording:
    """What was done below a folder.

    Attributes
    ----------
    ops
        Its changes and syncs; the first ``start`` make what was there before, all on the disk.
    promises
        (number of changes by then, view, things): what the program reported as stored.
    companions
        (view, things, other view, other things): where any of the former is, the latter must be.
    whole
        By path, the contents of the files that ever had it, when they were complete.
    """

    ops: tuple[Op, ...]
    start: int
    promises: tuple[tuple[int, str, frozenset], ...]
    companions: tuple[tuple[str, frozenset, str, frozenset], ...]
    whole: dict[str, set[bytes]]

    def without(self, forgotten: Callable[[Op], bool]) -> "Recording":
        """As if the program had forgotten some syncs; the states are those after the first."""
        lost = [
            k
            for k, op in enumerate(self.ops)
            if k >= self.start and op.kind == "sync" and forgotten(op)
        ]
        ops = list(self.ops)
        for k in lost:
            ops[k] = replace(ops[k], kind="forgotten")
        return replace(self, ops=tuple(ops), start=lost[0])

    @cached_property
    def disks(self) -> list[Disk]:
        """By the number of changes."""
        found = [Disk()]
        for op in self.ops:
            found.append(found[-1].after(op))
        return found

    def promised(self, cut: int, view: str) -> frozenset:
        things = (mine for at, name, mine in self.promises if at <= cut and name == view)
        return frozenset().union(*things)

    def states(self, most: int, seed: int = 0) -> Iterator[State]:
        """At most so many states that differ in their files or in what was promised.

        First all, or none, of what is not synced is lost, at every moment; then one thing alone is
        lost or kept; then any.
        """
        seen: set[tuple[int, frozenset]] = set()
        times = [sum(at <= cut for at, *_ in self.promises) for cut in range(len(self.disks))]
        for cut, pick, choice in self._choices(random.Random(seed), most):
            files = self.disks[cut].files(pick)
            key = times[cut], frozenset(files.items())
            if key not in seen:
                seen.add(key)
                yield State(cut, files, choice)
            if len(seen) == most:
                return

    def _choices(self, rng: random.Random, most: int) -> Iterator[tuple[int, Pick, str]]:
        cuts = range(self.start, len(self.disks))
        for cut in cuts:
            yield cut, oldest, "nothing but what was synced"
            yield cut, newest, "everything"
        singles = [
            (cut, base, key, option)
            for cut in cuts
            for key, options in self.disks[cut].pending
            for option in dict.fromkeys(options)
            for base in (oldest, newest)
        ]
        rng.shuffle(singles)
        for cut, base, key, option in singles:
            text = "everything" if base is newest else "nothing but what was synced"
            what = option if isinstance(option, int | None) else f"{len(option)} bytes"
            yield cut, _but(base, key, option), f"{text}, but {key} is {what}"
        for _ in range(4 * most):
            yield rng.choice(cuts), lambda _key, options: rng.choice(options), "at random"


def _but(base: Pick, key: Any, option: Any) -> Pick:
    return lambda other, options: option if other == key else base(other, options)


def contents(root: Path) -> Files:
    """The files and folders below ``root``, folders before what is in them."""
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in sorted(root.rglob("*"))
    }


class Shown:
    """A folder that shows one state after another."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = contents(root)

    def show(self, files: Files) -> None:
        if files is self.files:
            return
        for path in sorted(self.files.keys() - files.keys(), reverse=True):
            if self.files[path] is None:  # a view may have locked something in it
                shutil.rmtree(self.root / path)
            else:
                (self.root / path).unlink()
        for path, content in sorted(files.items()):
            if content is None:
                (self.root / path).mkdir(exist_ok=True)
            elif self.files.get(path) != content:
                (self.root / path).write_bytes(content)
        self.files = files


@dataclass(frozen=True)
class View:
    """What a program finds in a folder.

    Attributes
    ----------
    concerns
        Whether a file or folder matters to it: it is asked again only if one of them differs.
    find
        Returns the things found; raises for a folder that cannot be read, or is inconsistent.
    """

    name: str
    concerns: Callable[[str], bool]
    find: Callable[[Path], frozenset]


@dataclass(repr=False)
class Inspection:
    """The states of a recording, each seen through every view.

    Attributes
    ----------
    count
        How many there were.
    faults
        A line on each state (of the first few) in which something promised is lost, something is
        without its companions, a file is torn or a view fails.
    """

    recording: Recording
    views: Sequence[View]
    folder: Path
    count: int = 0
    faults: list[str] = field(default_factory=list)

    def run(self, most: int, seed: int = 0, enough: int = 5) -> "Inspection":
        shown = Shown(self.folder)
        known: dict[tuple[str, frozenset], frozenset | Exception] = {}
        for state in self.recording.states(most, seed):
            self.count += 1
            found = {view.name: self._find(state, view, shown, known) for view in self.views}
            if texts := [*self._torn(state), *self._lost(state, found)]:
                done = self.recording.ops[state.cut - 1]
                after = f"after {done.kind} {done.path} ({state.cut})"
                self.faults.append(f"{'; '.join(texts)} [{after}, on the disk: {state.choice}]")
            if len(self.faults) == enough:
                break
        shown.show(self.recording.disks[-1].files(newest))
        return self

    def _find(self, state: State, view: View, shown: Shown, known: dict) -> frozenset | Exception:
        key = view.name, frozenset((k, v) for k, v in state.files.items() if view.concerns(k))
        if key not in known:
            shown.show(state.files)
            try:
                known[key] = view.find(self.folder)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the fault that is sought
                known[key] = error
        return known[key]

    def _torn(self, state: State) -> Iterator[str]:
        """A file without a leading dot is complete whenever it is there."""
        for path, content in state.files.items():
            hidden = Path(path).name.startswith(".")
            if content is not None and not hidden and content not in self.recording.whole[path]:
                yield f"torn: {path}"

    def _lost(self, state: State, found: dict[str, frozenset | Exception]) -> Iterator[str]:
        for name, things in found.items():
            if isinstance(things, Exception):
                yield f"{name} cannot be read: {things!r}"
            elif lost := self.recording.promised(state.cut, name) - things:
                yield f"{name} lost {min(map(str, lost))[:200]} (of {len(lost)})"
        for name, things, other, others in self.recording.companions:
            here, there = found.get(name), found.get(other)
            if isinstance(here, Exception) or isinstance(there, Exception):
                continue
            if here and there is not None and here & things and not others <= there:
                yield f"{name} without their {other}"
