"""A network of the user's own: ``module:factory`` called with the chosen shapes of Conv1.

The factory is called as ``factory(shapes, classes)`` with ``shapes`` a list of (height, width) and
``classes`` the number of scores; it returns a ``torch.nn.Module`` that takes segments
(n, 1, frequency, time) to scores (n, classes).
"""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ablation.errors import AblationError, StudyError, suggestion
from ablation.study import Shape


def own_network(factory: str, shapes: Sequence[Shape], classes: int, size: tuple[int, int]) -> Any:
    """The module that ``factory`` makes, tried on two segments of ``size`` (height, width).

    Raises
    ------
    StudyError
        When the factory is not there, makes no module, or one that does not give scores.
    """
    sizes = [(shape.height, shape.width) for shape in shapes]
    module = _tried(factory, "the factory", lambda: _function(factory)(sizes, classes))
    if not isinstance(module, nn.Module):
        raise StudyError(
            f"--network {factory}: the factory returned {type(module).__name__}",
            "it must return a torch.nn.Module",
        )
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise StudyError(
            f"--network {factory}: its module has no parameters to train", "give it some layers"
        )
    training = module.training
    with torch.no_grad():
        segments = torch.zeros(2, 1, *size)
        scores = _tried(factory, "its module", lambda: module.eval()(segments))
    module.train(training)
    shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
    if shape != (2, classes):
        raise StudyError(
            f"--network {factory}: two segments of shape (1, {size[0]}, {size[1]}) gave {shape}, "
            f"not scores of shape (2, {classes})",
            "its module takes (n, 1, frequency, time) to (n, classes)",
        )
    return module


def source_digest(factory: str) -> str:
    """Sixteen hex digits over the source of the factory's module.

    A result of other code is another result. Modules that it imports in turn are not covered.

    Raises :class:`StudyError` when the factory is not there.
    """
    _function(factory)
    file = getattr(sys.modules[factory.partition(":")[0]], "__file__", None)
    content = Path(file).read_bytes() if file else factory.encode()
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _function(factory: str) -> Any:
    module_name, _, name = factory.partition(":")
    if str(Path.cwd()) not in sys.path:  # as `python -m` does: the user's file lies here
        sys.path.insert(0, str(Path.cwd()))
    if not _is_there(module_name):
        raise StudyError(
            f"--network {factory}: no module {module_name!r} in {Path.cwd()} or among the "
            f"installed packages",
            "give MODULE:FACTORY, as in mynet:build for build() in mynet.py",
        )
    module = _tried(factory, "its module", lambda: importlib.import_module(module_name))
    if not callable(getattr(module, name, None)):
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise StudyError(
            f"--network {factory}: {module_name} has no function or class {name!r}",
            suggestion(name, known) if known else f"write one in {module_name}",
        )
    return getattr(module, name)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is not there
        return False


def _tried(factory: str, what: str, call: Callable[[], Any]) -> Any:
    """The call's value; whatever the user's code raises as :class:`StudyError` with its place."""
    try:
        return call()
    except AblationError:
        raise
    except (Exception, SystemExit) as error:
        frame = _theirs(traceback.extract_tb(error.__traceback__), factory)
        raise StudyError(
            f"--network {factory}: {what} raised {type(error).__name__}: {error} "
            f"({frame.filename}, line {frame.lineno})",
            "--debug shows the traceback",
        ) from error


def _theirs(frames: traceback.StackSummary, factory: str) -> traceback.FrameSummary:
    """The last frame in the user's own module; the very last one where none is."""
    module = sys.modules.get(factory.partition(":")[0])
    file = getattr(module, "__file__", None)
    return next((frame for frame in reversed(frames) if frame.filename == file), frames[-1])
