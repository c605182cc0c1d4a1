"""A model of the user's own, made by ``module:factory`` from a :class:`ModelSpec`.

``factory(spec)`` returns a ``torch.nn.Module`` that maps segments (n, 1, frequency, time) to
scores (n, classes). Earlier versions called ``factory(shapes, classes)``, which still works.
"""

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from ablation.errors import AblationError
from ablation.errors.common import UnknownName
from ablation.errors.networks import (
    FactoryFailed,
    FactoryModuleMissing,
    FactoryNotGiven,
    FactorySignature,
    UnusableNetwork,
)
from ablation.models import given
from ablation.models.spec import ModelSpec


def own_model(factory: str, spec: ModelSpec) -> nn.Module:
    """Return the module that ``factory`` makes, tried on two segments of zeros.

    Raises
    ------
    StudyError
        When there is no such factory, or it makes no module, or one that does not give scores.
    """
    make = _function(factory)
    taken = _arguments(factory, make, spec)
    shapes = ",".join(f"{height}x{width}" for height, width in spec.shapes)
    with _working_folder_first():
        module = _tried(factory, "factory", lambda: make(*taken), shapes)
    fault = _fault_of_module(module)
    if not fault:
        with _working_folder_first(), torch.no_grad():
            fault = _fault_of_scores(factory, module, spec, shapes)
    if fault:
        raise UnusableNetwork(factory, fault, shapes, _place(make))
    return module


def receive(factory: str, content: bytes) -> None:
    """Keep a factory that was given to the process that sent it (:func:`given.packed`)."""
    with _working_folder_first():  # it may import from there
        given.keep(factory, content)


def source_digest(factory: str) -> str:
    """Return a digest (16 hex digits) of the source of the factory's module.

    It tells results of different code apart. Modules that this one imports are not covered. Of a
    class or function that was given (:mod:`~ablation.models.given`), it is that of its own code.

    Raises :class:`~ablation.errors.StudyError` when there is no such factory.
    """
    known = given.digest_of(factory)
    if known is not None:
        return known
    _function(factory)
    file = getattr(sys.modules[factory.partition(":")[0]], "__file__", None)
    content = Path(file).read_bytes() if file else factory.encode()
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _arguments(factory: str, make: Callable[..., Any], spec: ModelSpec) -> tuple[Any, ...]:
    """Return what the factory is called with: the spec, or its shapes and classes."""
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError) as error:  # it is not written in Python
        raise FactorySignature(factory, "(...)") from error
    parameters = list(signature.parameters.values())
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p for p in parameters if p.default is p.empty and p.kind not in optional]
    if not needed or any(p.kind is p.KEYWORD_ONLY for p in needed):
        raise FactorySignature(factory, str(signature))
    if len(needed) == 2 or (len(needed) == 1 and needed[0].name == "shapes"):
        return list(spec.shapes), spec.classes
    if len(needed) > 2:
        raise FactorySignature(factory, str(signature))
    return (spec,)


def _fault_of_module(module: Any) -> str:
    if not isinstance(module, nn.Module):
        return f"the factory returned {type(module).__name__}, not a torch.nn.Module"
    if not any(parameter.requires_grad for parameter in module.parameters()):
        return "the network has no parameters to train"
    return ""


def _fault_of_scores(factory: str, module: nn.Module, spec: ModelSpec, shapes: str) -> str:
    """Return what is wrong with the scores of two segments of zeros; empty: nothing."""
    training = module.training
    segments = torch.zeros(2, 1, spec.bins, spec.frames)
    scores = _tried(factory, "network", lambda: module.eval()(segments), shapes)
    module.train(training)
    asked = f"two segments of shape (1, {spec.bins}, {spec.frames})"
    shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
    if shape != (2, spec.classes):
        return f"{asked} gave {shape}, not scores of shape {(2, spec.classes)}"
    if not scores.isfinite().all():
        return f"{asked}, all zeros, gave scores that are not finite"
    return ""


def _place(make: Any) -> str:
    """Return file and line of the factory, or an empty text where they are not known."""
    code = getattr(make, "__code__", None) or getattr(make.__init__, "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code is not None else ""


def _function(factory: str) -> Any:
    known = given.factory_of(factory)
    if known is not None:
        return known
    module_name, _, name = factory.partition(":")
    if module_name == "__main__":
        raise FactoryNotGiven(factory)
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
    factory: str,
    stage: Literal["module", "factory", "network"],
    call: Callable[[], Any],
    shapes: str = "",
) -> Any:
    """Return the call's value; an exception of the user's code becomes :class:`FactoryFailed`."""
    try:
        return call()
    except AblationError:
        raise
    except (Exception, SystemExit) as error:
        frame = _theirs(traceback.extract_tb(error.__traceback__), factory)
        raise FactoryFailed(
            factory, stage, type(error).__name__, str(error), frame.filename, frame.lineno or 0,
            shapes,
        ) from error  # fmt: skip


def _theirs(frames: traceback.StackSummary, factory: str) -> traceback.FrameSummary:
    """Return the last frame in the user's own code, or the very last one if none is."""
    module = sys.modules.get(factory.partition(":")[0])
    code = getattr(given.factory_of(factory), "__code__", None)
    file = code.co_filename if code is not None else getattr(module, "__file__", None)
    return next((frame for frame in reversed(frames) if frame.filename == file), frames[-1])
