"""Classes and functions of a notebook or script that make models, under the names studies use.

A worker cannot import what is defined in ``__main__``: it is sent with the task instead
(:func:`packed`), and kept in the worker under the same name. Nothing of it is stored but its name
and a digest of its code.
"""

import hashlib
import importlib
import io
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

import cloudpickle

Factory = Callable[..., Any]
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...))


@dataclass(frozen=True)
class _Given:
    factory: Factory
    digest: str = ""
    content: bytes = b""


_GIVEN: dict[str, _Given] = {}


def give(factory: Factory) -> str:
    """Return the name ("module:name") under which a study may mention a class or function.

    What workers can import has its own name; anything else is kept in this process until another
    one of that name is given.

    Raises
    ------
    TypeError
        When it is neither a class nor a function.
    """
    if not isinstance(factory, type | FunctionType):
        raise TypeError(f"a factory is a class or a function, not {type(factory).__name__}")
    module, name = factory.__module__, factory.__qualname__
    if module != "__main__" and getattr(sys.modules.get(module), name, None) is factory:
        return f"{module}:{name}"
    named = f"__main__:{re.sub(r'[^A-Za-z0-9_]', '_', factory.__name__)}"
    _GIVEN[named] = _Given(factory, _digest(factory), _packed(factory))
    return named


class _Pickler(cloudpickle.Pickler):
    """Names modules that are none of Python's own type instead of copying them.

    Such are ``torch.classes`` and ``torch.ops``, which come along with any code that says both
    ``torch`` and ``classes``.
    """

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, ModuleType) and sys.modules.get(obj.__name__) is obj:
            return importlib.import_module, (obj.__name__,)
        return super().reducer_override(obj)


def _packed(factory: Factory) -> bytes:
    content = io.BytesIO()
    _Pickler(content).dump(factory)
    return content.getvalue()


def packed(name: str | None) -> bytes | None:
    """Return what was given under a name, for another process; None: nothing was."""
    known = _GIVEN.get(name or "")
    return None if known is None else known.content


def keep(name: str, content: bytes) -> None:
    """Keep what another process was given under this name, from its :func:`packed`."""
    _GIVEN[name] = _Given(pickle.loads(content))  # noqa: S301 - from this program's own processes


def factory_of(name: str) -> Factory | None:
    """Return what was given under a name; None: nothing, so it is to be imported."""
    known = _GIVEN.get(name)
    return None if known is None else known.factory


def digest_of(name: str) -> str | None:
    """Return a digest (16 hex digits) of the code of what was given under a name; None: nothing.

    It covers the classes, functions and plain values of the same module that the code refers to,
    as they were when it was given. Comments do not count, but another Python version may.
    """
    known = _GIVEN.get(name)
    return None if known is None else known.digest


def _digest(factory: Factory) -> str:
    text = "\n".join(_texts(factory, factory.__module__, set()))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _texts(one: Any, module: str, seen: set[int]) -> Iterator[str]:
    """Yield what tells a value from another: the code that is of ``module``, else a name."""
    if isinstance(one, staticmethod | classmethod):
        one = one.__func__
    if isinstance(one, property):
        one = (one.fget, one.fset)
    if isinstance(one, _PLAIN):
        yield repr(one)
    elif isinstance(one, tuple | list | dict):
        for part in one.items() if isinstance(one, dict) else one:
            yield from _texts(part, module, seen)
    elif not isinstance(one, type | FunctionType) or one.__module__ != module:
        yield f"{getattr(one, '__module__', '')}:{getattr(one, '__qualname__', type(one))}"
    elif id(one) not in seen:
        seen.add(id(one))
        parts = _members(one) if isinstance(one, type) else _function_parts(one)
        for name, part in parts:
            yield name
            yield from _texts(part, module, seen)


def _members(one: type) -> Iterator[tuple[str, Any]]:
    yield "bases", one.__bases__
    for name, value in sorted(vars(one).items()):
        if not (name.startswith("__") and not callable(value)):
            yield name, value


def _function_parts(one: FunctionType) -> Iterator[tuple[str, Any]]:
    defaults = sorted((one.__kwdefaults__ or {}).items())
    yield one.__qualname__, (_code_text(one.__code__), one.__defaults__, defaults)
    for cell, name in zip(one.__closure__ or (), one.__code__.co_freevars, strict=True):
        yield name, cell.cell_contents
    for name in sorted(_names(one.__code__)):
        if name in one.__globals__:
            yield name, one.__globals__[name]


def _code_text(code: CodeType) -> str:
    """Return instructions, names and constants, without the lines that they are on."""
    constants = [
        _code_text(value)
        if isinstance(value, CodeType)
        else repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
        for value in code.co_consts
    ]
    return " ".join([code.co_code.hex(), *code.co_names, *code.co_varnames, *constants])


def _names(code: CodeType) -> set[str]:
    inner = [value for value in code.co_consts if isinstance(value, CodeType)]
    return set(code.co_names).union(*map(_names, inner))
