"""A network of the user's own, made by ``module:factory`` from the chosen shapes of Conv1.

The factory is called as ``factory(shapes, classes)`` with ``shapes`` a list of (height, width) and
``classes`` the number of scores; it returns a ``torch.nn.Module`` that maps segments
(n, 1, frequency, time) to scores (n, classes).
"""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from ablation.errors import AblationError
from ablation.errors.common import UnknownName
from ablation.errors.networks import FactoryFailed, FactoryModuleMissing, UnusableNetwork
from ablation.study import Shape


def own_network(factory: str, shapes: Sequence[Shape], classes: int, size: tuple[int, int]) -> Any:
    """Return the module that ``factory`` makes, tried on two segments of ``size`` (height, width).

    Raises
    ------
    StudyError
        When there is no such factory, or it makes no module, or one that does not give scores.
    """
    sizes = [(shape.height, shape.width) for shape in shapes]
    make = _function(factory)
    with _working_folder_first():
        module = _tried(factory, "factory", lambda: make(sizes, classes))
    if not isinstance(module, nn.Module):
        fault = f"the factory returned {type(module).__name__}, not a torch.nn.Module"
        raise UnusableNetwork(factory, fault)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise UnusableNetwork(factory, "the network has no parameters to train")
    training = module.training
    with torch.no_grad():
        segments = torch.zeros(2, 1, *size)
        scores = _tried(factory, "network", lambda: module.eval()(segments))
    module.train(training)
    shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
    if shape != (2, classes):
        asked = f"two segments of shape (1, {size[0]}, {size[1]})"
        fault = f"{asked} gave {shape}, not scores of shape {(2, classes)}"
        raise UnusableNetwork(factory, fault)
    return module


def source_digest(factory: str) -> str:
    """Return a digest (16 hex digits) of the source of the factory's module.

    It tells results of different code apart. Modules that this one imports are not covered.

    Raises :class:`~ablation.errors.StudyError` when there is no such factory.
    """
    _function(factory)
    file = getattr(sys.modules[factory.partition(":")[0]], "__file__", None)
    content = Path(file).read_bytes() if file else factory.encode()
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _function(factory: str) -> Any:
    module_name, _, name = factory.partition(":")
    with _working_folder_first():
        if not _is_there(module_name):
            raise FactoryModuleMissing(factory, module_name, Path.cwd())
        module = _tried(factory, "module", lambda: importlib.import_module(module_name))
    if not callable(getattr(module, name, None)):
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        where, otherwise = f"--network {factory}", f"define one in {module_name}"
        raise UnknownName(where, name, known, "function or class", otherwise)
    return getattr(module, name)


@contextmanager
def _working_folder_first() -> Iterator[None]:
    """Import from the working folder, as ``python -m`` does: the user's file is there.

    For the user's own imports only: another file there may be called as a module of ours is.
    """
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package does not exist
        return False


def _tried(
    factory: str, stage: Literal["module", "factory", "network"], call: Callable[[], Any]
) -> Any:
    """Return the call's value; an exception of the user's code becomes :class:`FactoryFailed`."""
    try:
        return call()
    except AblationError:
        raise
    except (Exception, SystemExit) as error:
        frame = _theirs(traceback.extract_tb(error.__traceback__), factory)
        raise FactoryFailed(
            factory, stage, type(error).__name__, str(error), frame.filename, frame.lineno or 0
        ) from error


def _theirs(frames: traceback.StackSummary, factory: str) -> traceback.FrameSummary:
    """Return the last frame in the user's own module, or the very last one if none is."""
    module = sys.modules.get(factory.partition(":")[0])
    file = getattr(module, "__file__", None)
    return next((frame for frame in reversed(frames) if frame.filename == file), frames[-1])
